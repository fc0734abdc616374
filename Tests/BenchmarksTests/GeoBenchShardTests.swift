// Shards of GEO-Bench: archives of all writers are walked, and what is wrong in them is named.
import Benchmarks
import Files
import Foundation
import Telemetry
import TestSupport
import Testing

struct GeoBenchShardTests {
    @Test func `a task of shards is read sample by sample`() throws {
        let task = try MadeTask.cattle()
        let set = try task.open()
        #expect(
            set.samples.map(\.name) == ["a", "b", "c"] && set.samples.map(\.split) == [.train, .validation, .test])
        #expect(set.samples.allSatisfy { $0.classes.isEmpty })
        #expect(set.datasets.map(\.dataset) == ["Red", "Green", "Blue", "label"])
        #expect(set.datasets.allSatisfy { $0.shape == [2, 3] && $0.type == .int64 && $0.date == nil })
        #expect(set.datasets.map(\.isLabel) == [false, false, false, true])
        #expect(
            set.notes == [
                "task_specs.pkl is missing; the built-in description of m-nz-cattle is used",
                "label_stats.json is missing; only the masks say which classes samples have",
                "band_stats.json is missing; pixels cannot be normalised with the task's own statistics",
                "the first sample has a side of 3 pixels; the task states 500",
            ])
        let bands = try set.bands(2, names: ["Blue", "Red"])
        #expect(bands[0].integers() == [100, 200, 300, 400, 500, 600] && bands[1].integers() == [1, 2, 3, 4, 5, 6])
        #expect(bands.allSatisfy { $0.shape == [2, 3] })
        #expect(try set.mask(1).integers() == [0, 1, 0, 1, 0, 1])
        #expect(try set.pickledLabel(0) == nil)
        #expect(throws: Never.self) { try set.crossCheck(0) }
        let stamps = (0..<3).map { set.stamp($0) }
        #expect(stamps[0][0] == "shard_00000.tar" && Set(stamps).count == 3 && stamps[0][1] == stamps[2][1])
    }

    @Test func `names of samples may have dots, and archives any number of shards`() throws {
        let task = try MadeTask.cattle()
        try task.write(
            "{\"train\": [\"-1.5_99.2\"], \"valid\": [\"b.meta\"], \"test\": [\"c\"]}", to: "default_partition.json")
        try task.shard(try MadeTask.sample("-1.5_99.2"))
        try task.shard(
            try MadeTask.sample("./b.meta") + MadeTask.sample("c") + [MadeTask.Member("README", [65])],
            to: "shard_00001.tar")
        let set = try task.open()
        #expect(set.samples.map(\.name) == ["-1.5_99.2", "b.meta", "c"])
        #expect(try set.mask(1).count == 6 && set.stamp(1)[0] == "shard_00001.tar")
        #expect(
            set.notes.contains("ignored 1 member of the shards that are neither arrays nor metadata of a sample"))
    }

    @Test func `what Python and GNU put before a header is understood`() throws {
        func attribute(_ name: String, _ value: String) -> [UInt8] {
            let rest = " \(name)=\(value)\n"
            // The length counts its own digits.
            let length =
                (rest.utf8.count + 1...rest.utf8.count + 4).first { "\($0)".utf8.count + rest.utf8.count == $0 } ?? 0
            return Array("\(length)\(rest)".utf8)
        }
        let long = String(repeating: "x", count: 150)
        func renamed(_ member: MadeTask.Member, to name: String, with prefix: [MadeTask.Member]) -> [MadeTask.Member] {
            var member = member
            member.set(0, Array(name.utf8) + [0])
            return prefix + [member]
        }
        let arrays = try MadeTask.sample("a")[0]
        var split = arrays
        split.set(0, Array("c.bands.npz".utf8) + [0])
        split.set(345, Array("folder".utf8))
        var short = renamed(
            arrays, to: "short",
            with: [
                MadeTask.Member(type: "g", attribute("comment", "of all")),
                MadeTask.Member(
                    type: "x",
                    attribute("mtime", "1700000000.25") + attribute("path", "\(long).bands.npz")
                        + attribute("size", "\(arrays.data.count)")),
            ])
        // The size in the header itself is then of no account.
        short[2].set(124, Array("00000000000".utf8))
        let task = try MadeTask.cattle()
        try task.write(
            "{\"train\": [\"\(long)\"], \"valid\": [\"y\(long)\"], \"test\": [\"folder/c\"]}",
            to: "default_partition.json")
        let members =
            short
            + renamed(arrays, to: "short", with: [MadeTask.Member(type: "L", Array("y\(long).bands.npz\0".utf8))])
            + [MadeTask.Member(type: "5", []), split]
        try task.shard(members, end: [])
        #expect(task.failure()?.what.contains("'folder/c', which is not a valid file name") == true)
        try task.write(
            "{\"train\": [\"\(long)\"], \"valid\": [\"y\(long)\"], \"test\": []}", to: "default_partition.json")
        let set = try task.open()
        #expect(try set.mask(0).count == 6 && set.mask(1).count == 6)
        #expect(set.notes.contains("the partition 'default' has no samples for test"))
    }

    @Test func `archives that are damaged are refused, with the place`() throws {
        let task = try MadeTask.cattle()
        let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(task.path)/shard_00000.tar")))
        func cause(_ change: (inout [UInt8]) -> Void) throws -> String {
            var bytes = whole
            change(&bytes)
            try task.write(bytes, to: "shard_00000.tar")
            let error = try #require(task.failure())
            #expect(error.code == .badForm && error.what == "the file is not a complete tar archive")
            return error.causes.joined()
        }
        #expect(try cause { $0[0] ^= 1 } == "at byte 0: there is no header of a member")
        #expect(try cause { $0[257] = 65 } == "at byte 0: there is no header of a member")
        #expect(try cause { $0.removeLast(1024 + 480) }.contains("the file ends before"))
        #expect(try cause { $0.removeLast(1024 + 512 + 100) }.contains("it ends within a header"))
        var link = MadeTask.Member("link", [])
        link.set(156, [UInt8(ascii: "2")])
        #expect(try cause { $0 = link.bytes } == "at byte 0: the member 'link' is not a plain file")
        var vast = MadeTask.Member("a.bands.npz", [])
        vast.set(124, Array("777777777777".utf8))
        #expect(
            try cause { $0 = vast.bytes }
                == "at byte 0: the member 'a.bands.npz' claims 68719476735 bytes, but the file ends before that")
        vast.set(124, [0x80, 0, 0, 0, 0, 0, 0, 0x01, 0, 0, 0, 0])
        #expect(try cause { $0 = vast.bytes } == "at byte 0: there is no header of a member")
        for text in ["x path=a\n", "9999 path=a\n", "5 pa=", "3 \n"] {
            let attributes = MadeTask.Member(type: "x", Array(text.utf8))
            #expect(try cause { $0 = attributes.bytes + whole }.hasPrefix("at byte 0: "), "\(text)")
        }
        let size = MadeTask.Member(type: "x", Array("11 size=-1\n".utf8))
        #expect(try cause { $0 = size.bytes + whole } == "at byte 0: a size is '-1'")
    }

    @Test func `no damage to a shard is a trap`() throws {
        let task = try MadeTask.cattle()
        let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(task.path)/shard_00000.tar")))
        for place in stride(from: 0, to: whole.count, by: 41) {
            var damaged = whole
            damaged[place] ^= 0xFF
            try task.write(damaged, to: "shard_00000.tar")
            guard let set = try? task.open() else { continue }
            for sample in 0..<3 {
                _ = try? set.bands(sample, names: ["Red", "Green", "Blue"])
                _ = try? set.crossCheck(sample)
            }
        }
    }

    @Test func `a member that is there twice, and a sample that is not there, are named`() throws {
        let task = try MadeTask.cattle()
        try task.shard(try MadeTask.sample("b"), to: "shard_00001.tar")
        let twice = task.failure()
        #expect(twice?.code == .badForm && twice?.what == "the member 'b.bands.npz' occurs twice")
        #expect(twice?.causes == ["it is also in shard_00000.tar"])
        try task.remove("shard_00001.tar")
        try task.shard(try MadeTask.sample("a") + MadeTask.sample("b"))
        let missing = task.failure()
        #expect(missing?.code == .notFound && missing?.causes == ["1 of its 3 samples have no file"])
        #expect(missing?.what == "the partition names the sample 'c', which has no file")
        try task.remove("shard_00000.tar")
        #expect(task.failure()?.what == "the task's folder has neither HDF5 files nor shards")
    }

    @Test func `arrays that are no planes of numbers, and claims of 2^40, are refused`() throws {
        func failure(_ name: String, _ bytes: [UInt8]) throws -> BenchmarksError? {
            let task = try MadeTask.cattle()
            let others = try ["b", "c"].flatMap { try MadeTask.sample($0, [(name, bytes)]) }
            try task.shard(try MadeTask.sample("a") + others)
            let set = try task.open()
            return MadeTask.failure { _ = name == "label" ? try set.mask(1) : try set.bands(1, names: [name])[0] }
        }
        let cube = try failure("Red", MadeTask.npy(MadeTask.plane(1), shape: "(1, 2, 3)"))
        #expect(
            cube?.code == .badForm
                && cube?.what == "the array 'Red' has the shape [1, 2, 3]; expected rows and columns of numbers")
        #expect(try failure("Red", MadeTask.npy(MadeTask.plane(1), shape: "(6,)"))?.code == .badForm)
        #expect(try failure("Red", MadeTask.npy([65, 66], type: "|S1", shape: "(1, 2)"))?.code == .badForm)
        #expect(try failure("Red", MadeTask.npy(MadeTask.plane(1), shape: "(2, 3, 1)")) == nil)
        let vast = try failure("Red", MadeTask.npy([], type: "<f8", shape: "(1048576, 1048576)"))
        #expect(vast?.code == .readFailed && vast?.causes.first?.contains("needs 8796093022208 bytes") == true)
        #expect(try failure("Red", MadeTask.npy([], type: "<f8", shape: "(9223372036854775807, 9)"))?.code == .badForm)
        #expect(
            try failure("label", MadeTask.npy([0, 1, 2, 0, 0, 0]))?.what == "the mask has the class 2; expected 0 to 1")
        #expect(try failure("label", MadeTask.npy([0, 0, 0, 0, 0, -1]))?.code == .badLabels)
        let half = [0, 0.5].flatMap { littleEndian(Double($0).bitPattern) }
        #expect(
            try failure("label", MadeTask.npy(half, type: "<f8", shape: "(1, 2)"))?.what
                == "the mask does not hold whole numbers")
        #expect(try failure("Other", MadeTask.npy(MadeTask.mask)) == nil)
    }

    @Test func `a band that is missing is named, with those that are there`() throws {
        let task = try MadeTask.cattle()
        let set = try task.open()
        let error = MadeTask.failure { _ = try set.bands(0, names: ["Red", "04 - Red"]) }
        #expect(error?.code == .badForm && error?.what == "the sample has no band '04 - Red'")
        #expect(error?.causes == ["it has 'Red', 'Green', 'Blue', 'label'"])
        #expect(error?.place.hasSuffix("m-nz-cattle/shard_00000.tar (a)") == true)
        #expect(
            MadeTask.failure { _ = try set.bands(3, names: ["Red"]) }?.what
                == "there is no sample 3; the partition has 3")
        #expect(MadeTask.failure { _ = try set.mask(-1) }?.code == .notFound && set.stamp(7) == ["no sample 7"])
    }

    @Test func `dates behind names do not matter, and of several the right one is read`() throws {
        let task = try MadeTask.cattle()
        let arrays = [
            ("Red_2018-01-05", MadeTask.npy(MadeTask.plane(1))), ("Red_2019-02-01", MadeTask.npy(MadeTask.plane(2))),
            ("Green_2017-01-01_10-20-30-UTC", MadeTask.npy(MadeTask.plane(3))),
            ("Blue_2017-1-1", MadeTask.npy(MadeTask.plane(4))), ("label_2018-01-05", MadeTask.npy(MadeTask.mask)),
        ]
        func order(_ names: String...) -> String { "{\"bands_order\": \(names)}" }
        try task.shard(
            try MadeTask.sample("a", arrays, metadata: order("Red_2018-01-05", "label_2018-01-05"))
                + MadeTask.sample("b", arrays, metadata: order("Red_2019-02-01", "Red_2018-01-05"))
                + MadeTask.sample("c", arrays, metadata: "{}"))
        let set = try task.open()
        #expect(set.datasets.map(\.name) == ["Red", "Red", "Green", "Blue_2017-1-1", "label"])
        #expect(set.datasets.map(\.date) == ["2018-01-05", "2019-02-01", "2017-01-01_10-20-30-UTC", nil, "2018-01-05"])
        for (sample, factor) in [(0, 1), (1, 2), (2, 2)] {
            let bands = try set.bands(sample, names: ["Red", "Green"])
            #expect(bands.map { $0.integers()?.first } == [factor, 3], "sample \(sample)")
        }
        // A date can be asked for by the whole name.
        #expect(try set.bands(0, names: ["Red_2019-02-01"])[0].integers()?.first == 2)
        #expect(try set.mask(0).integers() == [0, 1, 0, 1, 0, 1])
        #expect(
            set.notes.contains(
                "samples have several dates of 'Red'; the one that a sample's own order of bands names is read, else the newest"
            ))
        #expect(set.notes.contains("the first sample, 'a', has no 'Blue'"))
    }
}

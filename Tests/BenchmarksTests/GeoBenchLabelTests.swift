// Labels of GEO-Bench: out of its lists, out of the samples' own files, and where the two differ.
import Benchmarks
import Files
import Foundation
import Telemetry
import TestSupport
import Testing

struct GeoBenchLabelTests {
    @Test(arguments: GeoBenchTask.all.map(\.name))
    func `the lists agree with the samples' own files`(_ name: String) throws {
        let set = try GeoBenchSet(GeoBenchFixture.path(name))
        for index in set.samples.indices { #expect(throws: Never.self) { try set.crossCheck(index) } }
        let own = try set.samples.indices.map { try set.pickledLabel($0) }
        if set.task.kind == .mask {
            #expect(own.allSatisfy { $0 == nil } && set.samples.contains { $0.classes.count > 1 })
        } else {
            #expect(own == set.samples.map(\.classes) && Set(own).count > 1)
        }
    }

    @Test func `a missing list of classes is made up for by the samples' own files`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let before = try task.open()
        try task.remove("label_map.json")
        let set = try task.open()
        #expect(set.samples == before.samples)
        let stopped = MadeTask.failure { _ = try GeoBenchSet(task.path, isCancelled: { true }) }
        #expect(stopped?.isCancellation == true && stopped?.what == "interrupted while the labels were read")
        #expect(
            set.notes.contains("label_map.json is missing; the classes are those that the samples' own files state"))
        let many = try MadeTask(copyOf: GeoBenchFixture.path("m-bigearthnet"))
        let listed = try many.open()
        try many.remove("label_stats.json")
        #expect(try many.open().samples == listed.samples)
    }

    @Test func `lists of classes that make no sense are refused`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let lists = try GeoBenchFixture.json([String: [String]].self, "m-pv4ger", "label_map.json")
        let first = try #require(lists["0"]?.first)
        func failure(_ change: (inout [String: Any]) -> Void) throws -> BenchmarksError? {
            try task.edit("label_map.json") {
                $0 = lists
                change(&$0)
            }
            let error = task.failure()
            #expect(error?.place == "\(task.path)/label_map.json")
            return error
        }
        let without = try failure { $0["0"] = Array((lists["0"] ?? []).dropFirst()) }
        #expect(without?.code == .badLabels && without?.what == "the sample '\(first)' has no label")
        let twice = try failure { $0["1"] = (lists["1"] ?? []) + [first] }
        #expect(twice?.code == .badLabels && twice?.what == "the sample '\(first)' has two classes, 0 and 1")
        for key in ["2", "-1", "solar pv", ""] {
            let range = try failure { $0[key] = ["x"] }
            #expect(range?.what == "the class '\(key)' is out of range; expected 0 to 1")
        }
        #expect(try failure { $0["0"] = 3 }?.what == "the file does not hold lists of samples by class")
    }

    @Test func `labels of ones and zeros that make no sense are refused`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-bigearthnet"))
        let lists = try GeoBenchFixture.json([String: [Double]].self, "m-bigearthnet", "label_stats.json")
        let name = try #require(task.open().samples.first?.name)
        func failure(_ numbers: [Double]?) throws -> BenchmarksError? {
            try task.edit("label_stats.json") {
                $0 = lists
                $0[name] = numbers
            }
            return task.failure()
        }
        let absent = try failure(nil)
        #expect(absent?.code == .badLabels && absent?.what == "the sample '\(name)' has no label")
        let short = try failure([Double](repeating: 0, count: 42))
        #expect(short?.code == .badLabels && short?.what == "the label of the sample '\(name)' makes no sense")
        #expect(short?.causes == ["it has 42 numbers; expected one for each of the 43 classes"])
        #expect(
            try failure([0.5] + [Double](repeating: 0, count: 42))?.causes
                == ["it has the number 0.5; expected 0 or 1 for each class"])
        #expect(try failure([Double](repeating: 1, count: 43)) == nil)
        let set = try task.open()
        #expect(set.samples[0].classes == Array(0..<43))
        let differ = MadeTask.failure { try set.crossCheck(0) }
        #expect(differ?.code == .badLabels && differ?.what == "the classes of the sample '\(name)' differ")
        #expect(differ?.causes.count == 2)
        #expect(throws: Never.self) { try set.crossCheck(1) }
    }

    @Test func `shares of classes that masks do not have are found`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-nz-cattle"))
        let names = try task.open().samples.map(\.name)
        try task.edit("label_stats.json") {
            $0[names[0]] = [0.0, 1.0]
            $0[names[1]] = nil
            $0[names[2]] = [1.0]
        }
        let set = try task.open()
        #expect(set.samples[0].classes == [1] && set.samples[1].classes == [] && set.samples[2].classes == [])
        #expect(set.notes.contains("label_stats.json does not give the 2 classes of 2 samples"))
        #expect(MadeTask.failure { try set.crossCheck(0) }?.causes.last == "the lists next to it have 1")
        #expect(throws: Never.self) { try set.crossCheck(1) }
    }

    @Test func `classes that no test sample shows are named`() throws {
        let set = try GeoBenchSet(GeoBenchFixture.path("m-cashew-plant"))
        #expect(set.classes(in: .train).contains(0) && !set.classes(in: .test).contains(0))
        #expect(set.task.classesAbsentFromTest == [0])
        let note = set.notes.first { $0.hasPrefix("the test split lacks ") }
        #expect(note?.contains("0 (no data)") == true)
    }

    /// A task of classes in a shard, whose sample `a` has a pickle of its own.
    private func classified(_ metadata: [UInt8], ending: String = "meta.pkl", by task: String = "m-pv4ger") throws
        -> MadeTask
    {
        let made = try MadeTask(task)
        try made.write("{\"train\": [\"a\"], \"valid\": [], \"test\": []}", to: "default_partition.json")
        try made.write("{\"1\": [\"a\"]}", to: "label_map.json")
        try made.write("{\"a\": \([0, 1] + [Int](repeating: 0, count: 41))}", to: "label_stats.json")
        try made.shard([
            MadeTask.Member("a.bands.npz", try MadeTask.npz(MadeTask.standard)),
            MadeTask.Member("a.\(ending)", metadata),
        ])
        return made
    }

    @Test func `the label in a pickle is a number, and nothing that it asks for is run`() throws {
        func label(_ pickle: String) throws -> String {
            let task = try classified(Array(pickle.utf8))
            let set = try task.open()
            do { return "\(try set.pickledLabel(0) ?? [])" } catch {
                return error.causes.joined()
            }
        }
        #expect(try label("(dVlabel\nI1\ns.") == "[1]" && label("(dVlabel\nF1.0\ns.") == "[1]")
        #expect(try label("(dVlabel\n(lI0\nas.") == "[0]" && label("(d.") == "[]")
        #expect(try label("(dVlabel\n(dVdate\nNss.") == "[]")
        #expect(try label("(dVlabel\nI2\ns.") == "it is 2.0; expected a class from 0 to 1")
        #expect(try label("(dVlabel\nF0.5\ns.") == "it is 0.5; expected a class from 0 to 1")
        #expect(try label("(dVlabel\nVone\ns.") == "it is a text, not a class")
        #expect(try label("(dVlabel\n(lI0\naI1\nas.") == "it is a list of 2 numbers")
        #expect(try label("I3\n.") == "its pickle holds a number; expected a dictionary")
        #expect(try !label("(dVlabel\nI1").isEmpty)
        let marker = TemporaryFolder()
        let command = "Vtouch \(marker.file("ran"))"
        #expect(try label("(dVlabel\ncposix\nsystem\n(\(command)\ntRs.") == "it is 'posix.system', not a class")
        #expect(
            try label("cposix\nsystem\n(\(command)\ntR.") == "its pickle holds 'posix.system'; expected a dictionary")
        #expect(marker.contents.isEmpty)
    }

    @Test func `metadata in JSON, as newer re-packs have them, are as good`() throws {
        func own(_ text: String, by task: String = "m-pv4ger") throws -> [Int]? {
            let made = try classified(Array(text.utf8), ending: "meta.json", by: task)
            return try made.open().pickledLabel(0)
        }
        #expect(try own("{\"label\": 1, \"bands_order\": [\"Red\"]}") == [1])
        #expect(try own("{\"bands_order\": [\"Red\"]}") == nil)
        let many = [1.0] + [Double](repeating: 0, count: 41) + [1]
        #expect(try own("{\"label\": \(many)}", by: "m-bigearthnet") == [0, 42])
        for text in ["", "[]", "{\"label\": \"1\"}", "{\"label\": 1.5}", "{\"label\": [1, \"a\"]}"] {
            let error = MadeTask.failure { _ = try own(text) }
            #expect(error?.code == (text.count < 3 ? .badForm : .badLabels), "\(text)")
        }
        let task = try classified([], ending: "other")
        #expect(
            MadeTask.failure { _ = try task.open().pickledLabel(0) }?.what
                == "the sample has neither a member .meta.json nor .meta.pkl")
    }

    @Test func `a damaged pickle in an HDF5 file is an error of its sample`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let name = try #require(task.open().samples.first?.name)
        let path = "\(task.path)/\(name).hdf5"
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let place = try #require(bytes.firstRange(of: Array("\\x80\\x04".utf8)))
        bytes[place.lowerBound + 1] = UInt8(ascii: "q")
        try task.write(bytes, to: "\(name).hdf5")
        let set = try task.open()
        #expect(try set.bands(0, names: ["Red"]).count == 1)
        let error = MadeTask.failure { try set.crossCheck(0) }
        #expect(error?.code == .badForm && error?.place == path)
        #expect(error?.what == "cannot read the sample's metadata")
        #expect(error?.causes == ["the text of a bytes object has an unknown escape at byte 2"])
    }

    @Test func `whole images are a set for classification, masks are not`() throws {
        let set = try GeoBenchSet(GeoBenchFixture.path("m-forestnet"))
        let samples = try set.sampleSet()
        #expect(samples.name == "m-forestnet" && samples.classes == set.task.classes && !samples.isMultiLabel)
        #expect(samples.samples.map(\.name) == set.samples.map(\.name))
        #expect(samples.samples.map(\.split) == set.samples.map(\.split) && samples.notes == set.notes)
        #expect(samples.samples[0].path == "\(set.folder)/\(set.samples[0].name)")
        #expect(samples.classCounts(.test).reduce(0, +) == set.indices(of: .test).count)
        let many = try GeoBenchSet(GeoBenchFixture.path("m-bigearthnet")).sampleSet()
        #expect(many.isMultiLabel && many.samples.contains { $0.classes.count > 1 })
        let error = MadeTask.failure { _ = try GeoBenchSet(GeoBenchFixture.path("m-NeonTree")).sampleSet() }
        #expect(error?.code == .badForm)
    }

    @Test func `statistics are those of the file, by band`() throws {
        for task in GeoBenchTask.all {
            let set = try GeoBenchSet(GeoBenchFixture.path(task.name))
            let stored = try GeoBenchFixture.json([String: [String: Double]].self, task.name, "band_stats.json")
            #expect(Set(set.statistics.keys) == Set(stored.keys))
            let all = try set.statistics(of: task.bands.map(\.name))
            for (band, found) in zip(task.bands, all) {
                let values = try #require(stored[band.name])
                #expect(found.mean == values["mean"] && found.std == values["std"] && found.median == values["median"])
                #expect(found.min == values["min"] && found.max == values["max"])
                #expect(found.permille1 == values["percentile_0_1"] && found.permille999 == values["percentile_99_9"])
                #expect(found.percentile1 == values["percentile_1"] && found.percentile99 == values["percentile_99"])
                #expect(found.percentile5 == values["percentile_5"] && found.percentile95 == values["percentile_95"])
            }
        }
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let error = MadeTask.failure { _ = try task.open().statistics(of: ["Red", "Nir"]) }
        #expect(error?.code == .notFound && error?.what == "there are no statistics for the band 'Nir'")
        try task.edit("band_stats.json") { $0["Red"] = ["min": 0] }
        let broken = task.failure()
        #expect(broken?.code == .badForm && broken?.what == "the file does not hold statistics of each band")
        #expect(broken?.causes.first?.contains("Red") == true)
        try task.remove("band_stats.json")
        let none = try task.open()
        #expect(none.statistics.isEmpty && none.notes.contains { $0.hasPrefix("band_stats.json is missing") })
    }
}

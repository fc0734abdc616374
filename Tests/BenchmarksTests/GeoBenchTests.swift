// GEO-Bench as its own package writes it: what is found, which samples and labels there are, and what is refused.
import Benchmarks
import Files
import Foundation
import Measures
import Telemetry
import TestSupport
import Testing

/// The fixtures of `Tests/Golden/benchmark_fixtures.py`.
enum GeoBenchFixture {
    static let folder = SharedData.packageFolder + "/Tests/Golden/benchmarks"
    static let root = folder + "/geobench"
    static let shards = folder + "/geobench-webdataset"

    /// The folder of a task.
    static func path(_ name: String) -> String {
        ["classification_v1.0", "segmentation_v1.0"].map { "\(root)/\($0)/\(name)" }
            .first { FileManager.default.fileExists(atPath: $0) } ?? "\(root)/\(name)"
    }

    /// A file of JSON of a task.
    static func json<Value: Decodable>(_ type: Value.Type, _ name: String, _ file: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: "\(path(name))/\(file)")))
    }
}

struct GeoBenchFolderTests {
    @Test func `all twelve tasks are found, with the ranges of their scores`() throws {
        let folder = try GeoBenchFolder(GeoBenchFixture.root + "/")
        #expect(folder.tasks.map(\.name) == GeoBenchTask.all.map(\.name).sorted() && folder.tasks.count == 12)
        #expect(folder.tasks.allSatisfy { $0.others.isEmpty && $0.path == GeoBenchFixture.path($0.name) })
        #expect(folder.notes.isEmpty)
        let ranges = try #require(folder.normalizer)
        #expect(ranges.count == 12)
        #expect(ranges["m-eurosat"] == ScoreRange(minimum: 0.75, maximum: 0.96875))
        #expect(ranges["m-NeonTree"]?.normalised(0.59375) == 1)
    }

    @Test func `a part, and a task's own folder, are as good`() throws {
        let part = try GeoBenchFolder(GeoBenchFixture.root + "/segmentation_v1.0")
        #expect(part.tasks.count == 6 && part.normalizer?.count == 6)
        #expect(
            part.notes.count == 1 && part.notes[0].hasPrefix("6 tasks found; GEO-Bench v1 also has m-bigearthnet, "))
        let task = try GeoBenchFolder(GeoBenchFixture.path("m-nz-cattle"))
        #expect(task.tasks.map(\.name) == ["m-nz-cattle"] && task.notes.isEmpty && task.normalizer?.count == 6)
        #expect(try task.task(nil) == task.tasks[0])
        #expect(try GeoBenchFolder(GeoBenchFixture.shards).tasks.map(\.name) == ["m-chesapeake", "m-forestnet"])
        #expect(try GeoBenchFolder(GeoBenchFixture.shards).normalizer == nil)
    }

    @Test func `a task is chosen by its name`() throws {
        let folder = try GeoBenchFolder(GeoBenchFixture.root)
        let several = MadeTask.failure { _ = try folder.task(nil) }
        #expect(several?.code == .notFound && several?.what == "there are several tasks")
        let other = MadeTask.failure { _ = try GeoBenchSet(GeoBenchFixture.root, task: "m-xyz") }
        #expect(other?.what == "there is no task 'm-xyz'")
        #expect(other?.remedy?.hasPrefix("name one of them: m-NeonTree, m-SA-crop-type, ") == true)
        #expect(try GeoBenchSet(GeoBenchFixture.root, task: "m-eurosat").range?.maximum == 0.96875)
    }

    @Test func `a task in two folders is read from the first`() throws {
        let folder = TemporaryFolder()
        for part in ["classification_v1.0", "classification_v1.0_wds"] {
            let task = try MadeTask("\(part)/m-nz-cattle", in: folder)
            try task.write("{}", to: "default_partition.json")
        }
        let found = try GeoBenchFolder(folder.path)
        #expect(found.tasks.map(\.path) == [folder.file("classification_v1.0/m-nz-cattle")])
        #expect(found.tasks[0].others == [folder.file("classification_v1.0_wds/m-nz-cattle")])
        _ = try folder.write("{\"m-nz-cattle\": [0.9, 0.2]}", to: "normalizer.json")
        let wrong = MadeTask.failure { _ = try GeoBenchFolder(folder.path) }
        #expect(wrong?.what == "the scores of 'm-nz-cattle' are [0.9, 0.2]; expected the least and the largest")
        _ = try folder.write("{\"m-nz-cattle\": 1}", to: "normalizer.json")
        #expect(MadeTask.failure { _ = try GeoBenchFolder(folder.path) }?.code == .badForm)
    }

    @Test func `other folders are refused`() throws {
        let folder = TemporaryFolder()
        let empty = MadeTask.failure { _ = try GeoBenchFolder(folder.path) }
        #expect(empty?.code == .badForm && empty?.what == "the folder holds no task of GEO-Bench")
        #expect(MadeTask.failure { _ = try GeoBenchFolder(folder.file("a")) }?.code == .notFound)
        #expect(MadeTask.failure { _ = try GeoBenchFolder(try folder.write("", to: "b")) }?.code == .badForm)
    }
}

struct GeoBenchTaskTests {
    @Test func `the built-in descriptions are those of the package's own specifications`() throws {
        for task in GeoBenchTask.all {
            let stated = try GeoBenchSet(GeoBenchFixture.path(task.name)).task
            #expect(stated.kind == task.kind && stated.metric == task.metric, "\(task.name)")
            #expect(stated.bands == task.bands && stated.caveats == task.caveats, "\(task.name)")
            #expect(stated.classes == task.classes && stated.gsdMetres == task.gsdMetres, "\(task.name)")
            #expect(stated.noDataClass == task.noDataClass, "\(task.name)")
            #expect(stated.classesAbsentFromTest == task.classesAbsentFromTest, "\(task.name)")
            #expect(stated.patchSize < task.patchSize, "\(task.name)")
        }
        #expect(
            GeoBenchTask.all.map(\.kind.rawValue).sorted() == ["manyLabels"] + Array(repeating: "mask", count: 6)
                + Array(repeating: "oneClass", count: 5))
        #expect(
            GeoBenchTask.named("m-eurosat")?.classes == KnownSet.eurosat.classes && GeoBenchTask.named("eurosat") == nil
        )
    }

    @Test func `short names are what pixels show, not what files call them`() throws {
        let eurosat = try #require(GeoBenchTask.named("m-eurosat"))
        let kilns = try #require(GeoBenchTask.named("m-brick-kiln"))
        let so2sat = try #require(GeoBenchTask.named("m-so2sat"))
        for task in [eurosat, kilns, so2sat] {
            #expect(["red", "green", "blue"].map { task.band($0)?.name } == ["04 - Red", "03 - Green", "02 - Blue"])
            #expect(Set(task.bands.map(\.shortName)).count == task.bands.count)
        }
        #expect(eurosat.band("nir08")?.name == "12 - SWIR" && eurosat.band("12 - SWIR")?.shortName == "nir08")
        #expect(eurosat.band("cirrus")?.name == "09 - Water vapour" && kilns.band("cirrus") == nil)
        #expect(kilns.band("swir16")?.name == "08A - Vegetation Red Edge" && so2sat.band("swir16")?.name == "11 - SWIR")
        #expect(so2sat.band("02 - VH.Imaginary")?.shortName == "vh-imaginary")
        #expect(
            GeoBenchTask.named("m-forestnet")?.bands.map(\.shortName) == [
                "red", "green", "blue", "nir", "swir16", "swir22",
            ])
    }

    @Test func `specifications that are missing or no specifications are a note`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-cashew-plant"))
        let whole = try task.open()
        #expect(whole.notes.contains("task_specs.pkl states pixels of 0.5 m; the built-in 10.0 m are used"))
        #expect(whole.task.gsdMetres == 10)
        func note(_ bytes: [UInt8]?) throws -> String {
            if let bytes { try task.write(bytes, to: "task_specs.pkl") } else { try task.remove("task_specs.pkl") }
            let set = try task.open()
            #expect(set.task == GeoBenchTask.named("m-cashew-plant"))
            #expect(set.notes.contains("the first sample has a side of 8 pixels; the task states 256"))
            return try #require(set.notes.first { $0.hasPrefix("task_specs.pkl") })
        }
        #expect(try note(nil) == "task_specs.pkl is missing; the built-in description of m-cashew-plant is used")
        #expect(try note([]).hasPrefix("task_specs.pkl cannot be used: "))
        #expect(
            try note(Array("(dVa\nI1\ns.".utf8)).contains("it holds a dictionary, not the specifications of a task"))
        let marker = task.folder.file("ran")
        let call = Array("cposix\nsystem\n(Vtouch \(marker)\ntR.".utf8)
        #expect(try note(call).contains("it holds 'posix.system', not the specifications of a task"))
        #expect(!FileManager.default.fileExists(atPath: marker))
    }

    @Test func `a task of another name is what its specifications say`() throws {
        let copy = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let other = copy.folder.file("solar")
        try FileManager.default.moveItem(atPath: copy.path, toPath: other)
        let set = try GeoBenchSet(other)
        #expect(
            set.task.name == "solar" && set.task.kind == .oneClass && set.task.classes == ["no solar pv", "solar pv"])
        #expect(set.task.bands.map(\.shortName) == ["red", "green", "blue"] && set.task.gsdMetres == 0.1)
        try FileManager.default.removeItem(atPath: other + "/task_specs.pkl")
        let error = MadeTask.failure { _ = try GeoBenchSet(other) }
        #expect(error?.code == .badForm && error?.causes == ["task_specs.pkl is missing"])
        #expect(error?.what == "'solar' is not a task of GEO-Bench v1, and its files do not say what it is")
    }
}

struct GeoBenchPartitionTests {
    @Test(arguments: GeoBenchTask.all.map(\.name))
    func `samples are those of the lists, in their order`(_ name: String) throws {
        for (partition, file) in [
            ("default", "default_partition.json"), ("0.01x", "0.01x_train_partition.json"),
            ("0.50x", "0.50x_train_partition.json"), ("1.00x_train", "1.00x_train_partition.json"),
        ] {
            let lists = try GeoBenchFixture.json([String: [String]].self, name, file)
            let set = try GeoBenchSet(GeoBenchFixture.path(name), partition: partition)
            #expect(set.partition == partition)
            for (key, split) in [("train", BenchmarkSplit.train), ("valid", .validation), ("test", .test)] {
                let names = set.indices(of: split).map { set.samples[$0].name }
                #expect(names == lists[key] && !names.isEmpty, "\(partition) \(key)")
            }
            #expect(set.samples.map(\.split) == set.samples.map(\.split).sorted { rank($0) < rank($1) })
            #expect(!set.notes.contains { $0.contains("do not compare") })
        }
    }

    private func rank(_ split: BenchmarkSplit) -> Int { BenchmarkSplit.allCases.firstIndex(of: split) ?? -1 }

    @Test func `splits that a partition does not list are those of default, and other ones are said`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let standard = try task.open()
        let names = standard.samples.map(\.name)
        let tests = standard.indices(of: .test).map { names[$0] }
        try task.edit("0.50x_train_partition.json") { $0 = ["train": $0["train"] ?? []] }
        let part = try task.open(partition: "0.50x")
        #expect(part.indices(of: .test).map { part.samples[$0].name } == tests)
        #expect(part.indices(of: .validation).count == standard.indices(of: .validation).count)
        try task.edit("0.50x_train_partition.json") { $0["test"] = Array(tests.dropFirst()) }
        let fewer = try task.open(partition: "0.50x")
        #expect(fewer.indices(of: .test).count == tests.count - 1)
        #expect(
            fewer.notes.contains(
                "the test split of '0.50x' has other samples than that of 'default': their scores are not comparable"))
        try task.remove("default_partition.json")
        #expect(task.failure(partition: "0.50x")?.what == "the partition does not list the split valid")
        let missing = task.failure()
        #expect(missing?.code == .notFound && missing?.what == "the task has no partition 'default'")
        #expect(missing?.remedy == "name one of 0.01x, 0.02x, 0.05x, 0.10x, 0.20x, 0.50x, 1.00x")
        #expect(task.failure(partition: "../m-pv4ger/0.01x")?.code == .notFound)
    }

    @Test func `lists that make no sense are refused`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let lists = try GeoBenchFixture.json([String: [String]].self, "m-pv4ger", "default_partition.json")
        let (train, test) = (try #require(lists["train"]), try #require(lists["test"]))
        func failure(_ change: (inout [String: Any]) -> Void) throws -> BenchmarksError? {
            try task.edit("default_partition.json") {
                $0 = lists
                change(&$0)
            }
            return task.failure()
        }
        let leak = try failure { $0["test"] = test + [train[0]] }
        #expect(leak?.code == .badLabels && leak?.what == "the sample '\(train[0])' is in two splits, train and test")
        #expect(
            try failure { $0["test"] = test + [test[1]] }?.what
                == "the sample '\(test[1])' is named twice in the split test")
        #expect(
            try failure { $0["dev"] = [String]() }?.what == "the partition lists 'dev'; expected train, valid and test")
        #expect(try failure { $0["val"] = [String]() }?.what == "the partition lists the split validation twice")
        #expect(try failure { $0["train"] = nil }?.code == .badForm)
        #expect(try failure { $0["train"] = ["a", 1] }?.code == .badForm)
        let absent = try failure { $0["train"] = train + ["a/../b"] }
        #expect(absent?.what == "the partition names the sample 'a/../b', which is not a valid file name")
        let missing = try failure { $0["train"] = train + ["nowhere", "nowhere else"] }
        #expect(missing?.code == .notFound && missing?.place == "\(task.path)/default_partition.json")
        #expect(missing?.what == "the partition names the sample 'nowhere', which has no file")
        #expect(missing?.causes == ["2 of its \(lists.values.reduce(0) { $0 + $1.count } + 2) samples have no file"])
        #expect(try failure { $0 = ["train": [String](), "valid": [String](), "test": [String]()] }?.code == .tooFew)
        try task.write("{\"train\": [\"a\", ", to: "default_partition.json")
        let broken = task.failure()
        #expect(broken?.code == .badForm && broken?.causes.isEmpty == false)
        #expect(broken?.what == "the file does not hold lists of samples under train, valid and test")
    }

    @Test(arguments: ["default_partition.json", "label_map.json", "band_stats.json", "task_specs.pkl"])
    func `a file of 2^40 bytes is refused before it is read`(_ name: String) throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(task.path)/\(name)"))
        try file.truncate(atOffset: 1 << 40)
        try file.close()
        let error = task.failure()
        #expect(error?.code == .badForm && error?.place == "\(task.path)/\(name)")
        #expect(error?.what.hasPrefix("the file has 1099511627776 bytes; expected at most ") == true)
    }
}

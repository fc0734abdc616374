// GEO-Bench as published loaders read it: the same samples, labels, bands and masks, to the last bit.
import Benchmarks
import Files
import Foundation
import Measures
import Telemetry
import TestSupport
import Testing

/// What `Tests/Golden/benchmark_loaders.py` wrote of GEO-Bench.
private struct PublishedLoaders: Decodable {
    /// What GEO-Bench's own package finds.
    struct Package: Decodable {
        let normalizer: [String: [String: [Double]]]
        let tasks: [String: Task]
    }

    struct Task: Decodable {
        let benchmark: String
        let label_type: String
        let n_classes: Int
        let class_names: [String]?
        let patch_size: [Int]
        let bands_info: [Band]
        let rgb: [String]
        let mean: [Double]
        let std: [Double]
        let partitions: [String: [String: [String]]]
        let arrays: [Array]
        let samples: [String: Sample]
    }

    struct Band: Decodable {
        let name: String
    }

    struct Array: Decodable {
        let name: String
        let shape: [Int]
        let dtype: String
    }

    struct Sample: Decodable {
        let label: Label?
        let date: String?
        let sums: [Double]
        let sha256: String
        let mask: Mask?
    }

    struct Mask: Decodable {
        let name: String
        let sum: Int
        let sha256: String
        let classes: [Int]
    }

    /// A class, or all of them.
    struct Label: Decodable {
        let classes: [Int]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(Int.self) {
                classes = [one]
            } else {
                classes = try container.decode([Int].self)
            }
        }
    }

    /// What torchgeo-bench finds.
    struct Scorer: Decodable {
        let files: [String: Files]
        let shards: [String: Shards]
    }

    struct Files: Decodable {
        let named: Named
    }

    struct Named: Decodable {
        let bands: [String]?
        let samples: [String: String]?
    }

    struct Shards: Decodable {
        let bands: [String]?
        let samples: [String: Sample]?
    }

    let geobench: Package
    let scorer: Scorer

    enum CodingKeys: String, CodingKey {
        case geobench
        case scorer = "torchgeo-bench"
    }

    static func load() throws -> PublishedLoaders {
        try JSONDecoder().decode(
            PublishedLoaders.self,
            from: Data(contentsOf: URL(fileURLWithPath: GeoBenchFixture.folder + "/loaders.json")))
    }
}

struct GeoBenchLoaderTests {
    private let golden: PublishedLoaders

    init() throws { golden = try PublishedLoaders.load() }

    private func type(_ name: String) -> ElementType? {
        switch name {
        case "uint8": .uint8
        case "int16": .int16
        case "int64": .int64
        case "float32": .float32
        case "float64": .float64
        default: nil
        }
    }

    private func digest(_ arrays: [NumberArray]) -> String { SHA256.hex(of: arrays.flatMap(\.bytes)) }

    @Test(arguments: GeoBenchTask.all.map(\.name))
    func `a task is what GEO-Bench's own package says`(_ name: String) throws {
        let expected = try #require(golden.geobench.tasks[name])
        let set = try GeoBenchSet(GeoBenchFixture.root, task: name)
        #expect(set.folder == "\(GeoBenchFixture.root)/\(expected.benchmark)/\(name)")
        #expect(set.task.bands.map(\.name) == expected.bands_info.map(\.name))
        #expect(["red", "green", "blue"].map { set.task.band($0)?.name } == expected.rgb)
        #expect(set.task.classes.count == expected.n_classes && set.task.patchSize == expected.patch_size.max())
        if let names = expected.class_names { #expect(set.task.classes == names) }
        let kinds = [
            "Classification": "oneClass", "MultiLabelClassification": "manyLabels", "SegmentationClasses": "mask",
        ]
        #expect(set.task.kind.rawValue == kinds[expected.label_type])
        let statistics = try set.statistics(of: set.task.bands.map(\.name))
        #expect(statistics.map(\.mean) == expected.mean && statistics.map(\.std) == expected.std)
        let range = try #require(golden.geobench.normalizer[expected.benchmark]?[name])
        #expect(range == [set.range?.minimum, set.range?.maximum])
        #expect(expected.partitions.count == 8)
        for (partition, lists) in expected.partitions {
            let part = try GeoBenchSet(GeoBenchFixture.root, task: name, partition: partition)
            #expect(part.indices(of: .train).map { part.samples[$0].name } == lists["train"], "\(partition)")
        }
    }

    @Test(arguments: GeoBenchTask.all.map(\.name))
    func `samples are those of GEO-Bench's own package, bit for bit`(_ name: String) throws {
        let expected = try #require(golden.geobench.tasks[name])
        let set = try GeoBenchSet(GeoBenchFixture.root, task: name)
        #expect(Set(set.samples.map(\.name)) == Set(expected.samples.keys))
        // The hyperspectral band of NeonTree is not a plane.
        let planes = expected.arrays.filter { $0.shape.count == 2 || $0.shape[2] == 1 }
        #expect(planes.count == expected.arrays.count - (name == "m-NeonTree" ? 1 : 0))
        for (index, sample) in set.samples.enumerated() {
            let known = try #require(expected.samples[sample.name])
            let bands = try set.bands(index, names: planes.map(\.name))
            #expect(bands.map(\.shape) == planes.map { Array($0.shape.prefix(2)) })
            #expect(bands.map(\.element) == planes.map { .number(type($0.dtype) ?? .bool) })
            if planes.count == expected.arrays.count { #expect(digest(bands) == known.sha256, "\(sample.name)") }
            for (band, sum) in zip(bands, known.sums) {
                let found = try #require(band.doubles()).reduce(0, +)
                #expect(abs(found - sum) <= 1e-9 * max(1, abs(sum)), "\(sample.name)")
            }
            if let label = known.label {
                #expect(sample.classes == label.classes && known.mask == nil)
                #expect(try set.pickledLabel(index) == label.classes)
            } else {
                let (mask, stored) = (try set.mask(index), try #require(known.mask))
                #expect(digest([mask]) == stored.sha256 && mask.integers()?.reduce(0, +) == stored.sum)
                #expect(sample.classes == stored.classes)
            }
        }
        let first = try #require(expected.samples[set.samples[0].name])
        #expect(set.datasets.filter { !$0.isLabel }.allSatisfy { $0.date == first.date })
        #expect(set.datasets.first(where: \.isLabel)?.dataset == first.mask?.name)
    }

    @Test func `a band of many layers is refused, and the others of its sample are read`() throws {
        let set = try GeoBenchSet(GeoBenchFixture.path("m-NeonTree"))
        let error = MadeTask.failure { _ = try set.bands(0, names: ["Red", "Neon"]) }
        #expect(error?.code == .badForm && error?.what.hasPrefix("the array 'Neon' has the shape [2, 2, 8]") == true)
        let shapes = try set.bands(0, names: ["Red", "Canopy Height Model"]).map(\.shape)
        #expect(shapes == [[20, 20], [2, 2]])
    }

    @Test func `bands by name are those that torchgeo-bench reads`() throws {
        var compared = 0
        func compare(_ set: GeoBenchSet, _ names: [String], _ digests: [String: String]) throws {
            #expect(digests.count == set.samples.count)
            for (index, sample) in set.samples.enumerated() {
                // It makes all of them single precision.
                let bands = try set.bands(index, names: names)
                let bytes = bands.flatMap { ($0.floats() ?? []).flatMap { littleEndian($0.bitPattern) } }
                #expect(SHA256.hex(of: bytes) == digests[sample.name], "\(set.task.name) \(sample.name)")
                compared += 1
            }
        }
        for (name, found) in golden.scorer.files {
            // It cannot read the pickles of the oldest files.
            guard let names = found.named.bands, let digests = found.named.samples else {
                #expect(name == "m-brick-kiln")
                continue
            }
            try compare(GeoBenchSet(GeoBenchFixture.path(name)), names, digests)
        }
        for (name, found) in golden.scorer.shards {
            guard let names = found.bands, let samples = found.samples else { continue }
            let set = try GeoBenchSet(GeoBenchFixture.shards, task: name)
            try compare(set, names, samples.mapValues(\.sha256))
            for sample in set.samples { #expect(samples[sample.name]?.label?.classes == sample.classes) }
        }
        #expect(compared >= 40)
    }

    @Test(arguments: ["m-forestnet", "m-chesapeake"])
    func `shards hold what the files hold`(_ name: String) throws {
        let files = try GeoBenchSet(GeoBenchFixture.path(name))
        let shards = try GeoBenchSet(GeoBenchFixture.shards, task: name)
        #expect(files.samples == shards.samples && files.statistics == shards.statistics)
        #expect(files.task.bands == shards.task.bands && files.task.classes == shards.task.classes)
        #expect(Set(files.datasets) == Set(shards.datasets) && shards.range == nil)
        let names = files.task.bands.map(\.name)
        for index in files.samples.indices {
            #expect(try files.bands(index, names: names) == shards.bands(index, names: names))
            #expect(try files.pickledLabel(index) == shards.pickledLabel(index))
            if files.task.kind == .mask { #expect(try files.mask(index) == shards.mask(index)) }
            #expect(throws: Never.self) { try shards.crossCheck(index) }
            #expect(files.stamp(index) != shards.stamp(index))
        }
    }

    @Test func `many threads read at once`() async throws {
        let sets = [
            try GeoBenchSet(GeoBenchFixture.path("m-forestnet")),
            try GeoBenchSet(GeoBenchFixture.shards, task: "m-forestnet"),
        ]
        let names = sets[0].task.bands.map(\.name)
        let expected = try sets[0].samples.indices.map { try sets[0].bands($0, names: names) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for round in 0..<12 {
                        let index = (worker * 5 + round) % expected.count
                        let set = sets[(worker + round) % 2]
                        let (bands, label) = (try set.bands(index, names: names), try set.pickledLabel(index))
                        #expect(bands == expected[index] && label == set.samples[index].classes)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a file that changes has another stamp`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let set = try task.open()
        let before = [set.stamp(0), set.stamp(1)]
        #expect(before[0] != before[1] && before[0][0] == set.samples[0].name + ".hdf5")
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(task.path)/\(set.samples[0].name).hdf5"))
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        try file.close()
        #expect(set.stamp(0) != before[0] && set.stamp(1) == before[1])
        try task.remove("\(set.samples[1].name).hdf5")
        #expect(set.stamp(1).last == "absent")
        #expect(MadeTask.failure { _ = try set.bands(1, names: ["Red"]) }?.code == .notFound)
    }

    @Test func `an HDF5 file that claims 2^40 values is refused without their memory`() throws {
        let task = try MadeTask(copyOf: GeoBenchFixture.path("m-pv4ger"))
        let name = try task.open().samples[0].name
        try task.remove("\(name).hdf5")
        try FileManager.default.copyItem(
            atPath: SharedData.packageFolder + "/Tests/Golden/hdf5/claim.hdf5", toPath: "\(task.path)/\(name).hdf5")
        let set = try task.open()
        #expect(set.datasets.contains { $0.shape == [1 << 20, 1 << 20] })
        let error = MadeTask.failure { _ = try set.bands(0, names: ["whole"]) }
        #expect(error?.code == .readFailed && error?.what.contains("8796093022208 bytes") == true)
        try task.write("no HDF5", to: "\(name).hdf5")
        #expect(task.failure()?.code == .readFailed)
    }
}

// What is read of a task when it is opened, file by file, with notes on what is missing or unexpected.
internal import Files
internal import Telemetry

extension GeoBenchSet {
    /// The file of statistics.
    static let statisticsName = "band_stats.json"

    /// The most bytes of `task_specs.pkl`.
    private static let specificationsLimit = 1 << 22

    /// What the task is; if its files do not say so, the built-in description is used, with a note.
    static func task(
        _ name: String, in folder: String, _ notes: inout [String]
    ) throws(BenchmarksError) -> GeoBenchTask {
        let path = joined(folder, "task_specs.pkl")
        var stated: GeoBenchSpecifications?
        var problem: String?
        if fileExists(path) {
            let bytes = try GeoBenchFile.bytes(path, limit: specificationsLimit)
            do throws(FileComplaint) {
                stated = try GeoBenchSpecifications(PlainValue(pickle: bytes))
            } catch { problem = "task_specs.pkl cannot be used: \(error.text)" }
        } else {
            problem = "task_specs.pkl is missing"
        }
        let (task, others) = GeoBenchTask.described(name, by: stated)
        guard let task else {
            throw BenchmarksError(
                .badForm, "'\(name)' is not a task of GEO-Bench v1, and its files do not say what it is", in: folder,
                why: [problem ?? "task_specs.pkl does not state its label, its bands and its resolution"] + others,
                try: "name the folder as the task is called: \(GeoBenchTask.all.map(\.name).joined(separator: ", "))")
        }
        if let problem { notes.append("\(problem); the built-in description of \(name) is used") }
        notes += others
        return task
    }

    /// The files of the samples.
    static func store(in folder: String, _ notes: inout [String]) throws(BenchmarksError) -> any GeoBenchStore {
        let files = try Disk<BenchmarksFailure>.names(in: folder)
        let shards = files.count(where: GeoBenchShards.isShard)
        if files.contains(where: { $0.hasSuffix(GeoBenchHDF5.ending) }) {
            if shards > 0 { notes.append("ignored \(counted(shards, "shards")) next to the HDF5 files") }
            return GeoBenchHDF5(folder: folder, files: files)
        }
        guard shards > 0 else {
            throw BenchmarksError(
                .notFound, "the task's folder has neither HDF5 files nor shards", in: folder,
                why: ["looked for *\(GeoBenchHDF5.ending) and shard_*.tar"], try: "get the task's files again")
        }
        let store = try GeoBenchShards(folder: folder, files: files)
        if store.strangers > 0 {
            notes.append(
                "ignored \(counted(store.strangers, "members")) of the shards that are neither arrays nor metadata of a sample"
            )
        }
        return store
    }

    /// Refuses samples without a file.
    static func check(
        _ names: [String], in store: any GeoBenchStore, of partition: String
    ) throws(BenchmarksError) {
        let missing = names.filter { !store.has($0) }
        guard let first = missing.first else { return }
        throw BenchmarksError(
            .notFound, "the partition names the sample \(quoted(first)), which has no file", in: partition,
            why: ["\(missing.count) of its \(names.count) samples have no file"],
            try: "get the task's files again; the download may be incomplete")
    }

    /// The classes of samples in their order.
    ///
    /// Two of the published tasks come without their list, so that each sample has to be opened for its label.
    static func classes(
        of names: [String], _ task: GeoBenchTask, in folder: String, _ store: any GeoBenchStore,
        _ notes: inout [String], _ isCancelled: () -> Bool
    ) throws(BenchmarksError) -> [[Int]] {
        let count = task.classes.count
        let list = task.kind == .oneClass ? GeoBenchLabels.map : GeoBenchLabels.statistics
        let isThere = fileExists(joined(folder, list))
        switch task.kind {
        case .oneClass where isThere: return try GeoBenchLabels.oneClass(of: names, classes: count, in: folder)
        case .manyLabels where isThere: return try GeoBenchLabels.manyLabels(of: names, classes: count, in: folder)
        case .mask:
            let (classes, others) = try GeoBenchLabels.mask(of: names, classes: count, in: folder)
            notes += others
            return classes
        case .oneClass, .manyLabels:
            notes.append("\(list) is missing; the classes are those that the samples' own files state")
            return try names.map { name throws(BenchmarksError) in
                if isCancelled() {
                    throw BenchmarksError(.cancelled, "interrupted while the labels were read", in: folder)
                }
                guard let own = try GeoBenchLabels.own(name, task, in: store) else {
                    throw BenchmarksError(
                        .badLabels, "the sample \(quoted(name)) has no label", in: store.place(of: name),
                        why: ["\(list), which may have it, is missing"], try: "get the task's files again")
                }
                return own
            }
        }
    }

    /// Statistics by band.
    static func statistics(
        in folder: String, _ notes: inout [String]
    ) throws(BenchmarksError) -> [String: BandStatistics] {
        let path = joined(folder, statisticsName)
        guard fileExists(path) else {
            notes.append("\(statisticsName) is missing; pixels cannot be normalised with the task's own statistics")
            return [:]
        }
        return try GeoBenchFile.json([String: BandStatistics].self, path, holding: "statistics of each band")
    }

    /// The arrays of a sample, with notes on what differs from the task's description.
    static func datasets(
        of sample: String, in store: any GeoBenchStore, _ task: GeoBenchTask, _ notes: inout [String]
    ) throws(BenchmarksError) -> [BandDataset] {
        let opened = try store.open(sample)
        let datasets = try opened.names.map { name throws(BenchmarksError) in
            let (shape, type) = try opened.shape(of: name)
            return BandDataset(dataset: name, shape: shape, type: type)
        }
        let bands = datasets.filter { !$0.isLabel }
        let lacking = task.bands.map(\.name).filter { name in !bands.contains { $0.name == name } }
        if !lacking.isEmpty {
            notes.append(
                "the first sample, \(quoted(sample)), has no \(lacking.map { "'\($0)'" }.joined(separator: ", "))")
        }
        if let twice = bands.first(where: { band in bands.count(where: { $0.name == band.name }) > 1 }) {
            notes.append(
                "samples have several dates of '\(twice.name)'; the one that a sample's own order of bands names is read, else the newest"
            )
        }
        if let side = bands.compactMap({ $0.shape.prefix(2).max() }).max(), task.patchSize > 0, side != task.patchSize {
            notes.append("the first sample has a side of \(side) pixels; the task states \(task.patchSize)")
        }
        return datasets
    }

    /// The classes that occur in a split, in ascending order.
    static func classes(in split: BenchmarkSplit, of samples: [GeoBenchSample]) -> [Int] {
        samples.reduce(into: Set<Int>()) { classes, sample in
            if sample.split == split { classes.formUnion(sample.classes) }
        }.sorted()
    }

    /// A note on classes that do not occur in the test split; `nil` where all occur, or none is known.
    static func absence(from samples: [GeoBenchSample], _ task: GeoBenchTask) -> String? {
        let there = Set(classes(in: .test, of: samples))
        let absent = task.classes.indices.filter { !there.contains($0) }
        guard !there.isEmpty, !absent.isEmpty else { return nil }
        let some = absent.prefix(8).map { "\($0) (\(task.classes[$0]))" }.joined(separator: ", ")
        let words = absent.count > 8 ? "\(some) and others" : some
        return "the test split lacks \(absent.count) of the \(task.classes.count) classes: \(words)"
    }
}

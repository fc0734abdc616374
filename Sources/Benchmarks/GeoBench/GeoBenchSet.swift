// A task of GEO-Bench v1, opened: which samples it has, what they are for, and which classes they are of.
internal import Files
public import Measures
public import Telemetry

/// One sample of a task.
public struct GeoBenchSample: Sendable, Hashable {
    /// Its name: its file's without the ending.
    public let name: String
    /// What it is for.
    public let split: BenchmarkSplit
    /// Indices of its classes, rising: one, or any number where a sample may have many; of masks those that have pixels, if known.
    public let classes: [Int]
}

/// The samples of a task of GEO-Bench, from HDF5 files or from shards.
///
/// Nothing is kept open: any thread may read, and each call opens the file that it needs. Pickles are read as data;
/// no code that they name is run.
public struct GeoBenchSet: Sendable {
    /// What the task is: its own `task_specs.pkl`, completed by the built-in description, which decides the pixel size.
    public let task: GeoBenchTask
    /// The task's folder.
    public let folder: String
    /// The partition, as it was asked for: `default`, `0.01x` ...
    public let partition: String
    /// The samples in the order of the partition's lists: of training, of validation, of the test.
    public let samples: [GeoBenchSample]
    /// The arrays of the first sample, as they are stored.
    public let datasets: [BandDataset]
    /// Statistics by the full name of a band, of the label under `label`; empty where there is no `band_stats.json`.
    public let statistics: [String: BandStatistics]
    /// The lowest and the highest score of the benchmark's reference models; `nil` where they are not known.
    public let range: ScoreRange?
    /// What the user should know, one sentence each.
    public let notes: [String]

    /// The files.
    let store: any GeoBenchStore

    /// Opens a task, and looks into its first sample.
    ///
    /// - Parameters:
    ///   - path: The task's folder, or one around it; see `GeoBenchFolder`.
    ///   - name: The task's name; `nil` takes the only one there is.
    ///   - partition: `default`, or `0.01x`, `0.02x`, `0.05x`, `0.10x`, `0.20x`, `0.50x`, `1.00x`, which have that share of the training
    ///     samples.
    ///   - isCancelled: Asked while all samples have to be opened for their labels, which two published tasks do not list.
    /// - Throws: `BenchmarksError`: `notFound` for a folder, a partition or a sample that is not there; `badForm` for files that are not
    ///   what they should be; `badLabels` for samples without a class, with a wrong one, or in two splits; `tooFew` without a sample;
    ///   `readFailed`; `cancelled`.
    public init(
        _ path: String, task name: String? = nil, partition: String = "default", isCancelled: () -> Bool = { false }
    ) throws(BenchmarksError) {
        let found = try GeoBenchFolder(path)
        let entry = try found.task(name)
        var notes = entry.others.map { "\(entry.name) is also in \($0), which is not read" }
        folder = entry.path
        range = found.normalizer?[entry.name]
        self.partition = partition
        task = try Self.task(entry.name, in: folder, &notes)
        notes += task.caveats

        let lists = try GeoBenchPartition(partition, of: folder)
        notes += lists.notes
        guard let first = lists.samples.first else {
            throw BenchmarksError(.tooFew, "the partition has no samples", in: lists.path)
        }
        store = try Self.store(in: folder, &notes)
        let names = lists.samples.map(\.name)
        try Self.check(names, in: store, of: lists.path)
        let classes = try Self.classes(of: names, task, in: folder, store, &notes, isCancelled)
        samples = zip(lists.samples, classes).map { GeoBenchSample(name: $0.name, split: $0.split, classes: $1) }
        statistics = try Self.statistics(in: folder, &notes)
        datasets = try Self.datasets(of: first.name, in: store, task, &notes)
        if let note = Self.absence(from: samples, task) { notes.append(note) }
        self.notes = notes
    }

    /// Indices of the samples of a split.
    public func indices(of split: BenchmarkSplit) -> [Int] { samples.indices.filter { samples[$0].split == split } }

    /// The classes that occur in a split, in ascending order.
    public func classes(in split: BenchmarkSplit) -> [Int] { Self.classes(in: split, of: samples) }

    /// The statistics of bands, in the order in which they are named.
    ///
    /// - Throws: `BenchmarksError` (`notFound`) for a band without statistics.
    public func statistics(of names: [String]) throws(BenchmarksError) -> [BandStatistics] {
        try names.map { name throws(BenchmarksError) in
            guard let known = statistics[name] else {
                throw BenchmarksError(
                    .notFound, "there are no statistics for the band '\(name)'",
                    in: joined(folder, Self.statisticsName),
                    why: [
                        statistics.isEmpty
                            ? "there are none for any band"
                            : "there are those of \(statistics.keys.sorted().map { "'\($0)'" }.joined(separator: ", "))"
                    ], try: "get the task's files again, or choose other bands")
            }
            return known
        }
    }

    /// The samples as a set for classification: names, classes and splits; `path` names a sample, and is not a file where it is in a shard.
    ///
    /// - Throws: `BenchmarksError`: `badForm` for a task of masks; the errors of `SampleSet`.
    public func sampleSet() throws(BenchmarksError) -> SampleSet {
        guard task.kind != .mask else {
            throw BenchmarksError(
                .badForm, "\(task.name) asks for the class of each pixel; its images have no classes", in: folder,
                try: "score it as a segmentation")
        }
        return try SampleSet(
            name: task.name, classes: task.classes, isMultiLabel: task.kind == .manyLabels,
            samples: samples.map { sample in
                BenchmarkSample(
                    name: sample.name, path: joined(folder, sample.name), classes: sample.classes, split: sample.split)
            }, notes: notes, in: folder)
    }
}

// Where the tasks of GEO-Bench are below a folder.
internal import Files
internal import FoundationEssentials
public import Measures
public import Telemetry

/// The tasks of GEO-Bench v1 in a folder.
///
/// The folder may be the one that holds `classification_v1.0` and `segmentation_v1.0`, one of these, or a task's own, such as `m-eurosat`.
/// Tasks are folders of HDF5 files, or of shards as torchgeo-bench packs them.
public struct GeoBenchFolder: Sendable {
    /// A task that was found.
    public struct Entry: Sendable, Hashable {
        /// Its name, which is that of its folder.
        public let name: String
        /// Its folder.
        public let path: String
        /// Other folders of the same task, which are not read.
        public fileprivate(set) var others: [String] = []
    }

    /// The folder that was looked at.
    public let path: String
    /// The tasks in the order of their names, each once.
    public let tasks: [Entry]
    /// The lowest and the highest score of the benchmark's reference models, by task; `nil` where there is no `normalizer.json`.
    public let normalizer: [String: ScoreRange]?
    /// What the user should know: which tasks of the benchmark are missing.
    public let notes: [String]

    /// Looks for tasks, without opening them.
    ///
    /// - Throws: `BenchmarksError`: `notFound`; `badForm` for a folder without tasks, and for a `normalizer.json` that is not one.
    public init(_ path: String) throws(BenchmarksError) {
        let base = withoutTrailingSlashes(path)
        try checkFolder(base)
        self.path = base
        if Self.isTask(base) {
            tasks = [Entry(name: Self.folderName(base), path: base)]
            normalizer = try Self.normalizer(in: [parentFolder(base)])
            notes = []
            return
        }
        let inner = try Self.folders(in: base)
        let parts = [base] + inner.filter(Self.isPart).map { joined(base, $0) }
        var found: [String: Entry] = [:]
        for part in parts {
            for name in part == base ? inner : try Self.folders(in: part) {
                let entry = Entry(name: name, path: joined(part, name))
                guard Self.isTask(entry.path) else { continue }
                if found[name] == nil { found[name] = entry } else { found[name]?.others.append(entry.path) }
            }
        }
        guard !found.isEmpty else {
            throw BenchmarksError(
                .badForm, "the folder holds no task of GEO-Bench", in: base,
                why: [
                    "looked for folders such as m-eurosat with default_partition.json",
                    "in it, and in folders of it that begin with classification_v or segmentation_v",
                ],
                try: "give the folder that holds classification_v1.0, or a task's own folder such as m-eurosat")
        }
        tasks = found.values.sorted { $0.name < $1.name }
        normalizer = try Self.normalizer(in: parts)
        let missing = GeoBenchTask.all.map(\.name).filter { found[$0] == nil }
        notes =
            missing.isEmpty
            ? [] : ["\(counted(found.count, "tasks")) found; GEO-Bench v1 also has \(missing.joined(separator: ", "))"]
    }

    /// The task of a name.
    ///
    /// - Parameter name: Its name; `nil` takes the only one there is.
    /// - Throws: `BenchmarksError` (`notFound`) where there is none of that name, or more than one to choose from.
    public func task(_ name: String?) throws(BenchmarksError) -> Entry {
        if let entry = name == nil && tasks.count == 1 ? tasks[0] : tasks.first(where: { $0.name == name }) {
            return entry
        }
        let names = tasks.map(\.name).joined(separator: ", ")
        throw BenchmarksError(
            .notFound, name.map { "there is no task '\($0)'" } ?? "there are several tasks", in: path,
            try: "name one of them: \(names)")
    }

    /// Names of the folders in a folder, without hidden ones.
    private static func folders(in path: String) throws(BenchmarksError) -> [String] {
        try Disk<BenchmarksFailure>.names(in: path).filter { !$0.hasPrefix(".") && isFolder(joined(path, $0)) }
    }

    /// Whether a folder of this name holds tasks.
    private static func isPart(_ name: String) -> Bool {
        name.hasPrefix("classification_v") || name.hasPrefix("segmentation_v")
    }

    /// Whether a folder is a task's; its samples, which are many, are not listed for that.
    private static func isTask(_ path: String) -> Bool {
        ["default_partition.json", "task_specs.pkl", "shard_00000.tar"].contains { fileExists(joined(path, $0)) }
    }

    /// The name of a folder, also of `.` and the like.
    private static func folderName(_ path: String) -> String {
        let name = URL(filePath: path).standardizedFileURL.lastPathComponent
        return name.isEmpty || name == "/" ? "task" : name
    }

    /// The ranges of all `normalizer.json`; `nil` where there is none.
    private static func normalizer(in folders: [String]) throws(BenchmarksError) -> [String: ScoreRange]? {
        var ranges: [String: ScoreRange]?
        for folder in folders {
            let path = joined(folder, "normalizer.json")
            guard fileExists(path) else { continue }
            ranges = (ranges ?? [:]).merging(try scoreRanges(from: path)) { first, _ in first }
        }
        return ranges
    }
}

/// The lowest and the highest score of the reference models on each task, from GEO-Bench's `normalizer.json`.
///
/// - Throws: `BenchmarksError`: `notFound`, `readFailed`, `badForm` for another file.
public func scoreRanges(from path: String) throws(BenchmarksError) -> [String: ScoreRange] {
    guard fileExists(path) else { throw BenchmarksError(.notFound, "no such file", in: path) }
    let stated = try GeoBenchFile.json(
        [String: [Double]].self, path, holding: "the least and the largest score of each task")
    var ranges: [String: ScoreRange] = [:]
    for (name, pair) in stated.sorted(by: { $0.key < $1.key }) {
        guard pair.count == 2, let range = ScoreRange(minimum: pair[0], maximum: pair[1]) else {
            throw BenchmarksError(
                .badForm, "the scores of '\(name)' are \(pair); expected the least and the largest", in: path,
                try: "get the file again")
        }
        ranges[name] = range
    }
    return ranges
}

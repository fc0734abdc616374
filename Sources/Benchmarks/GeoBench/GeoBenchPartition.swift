// The lists of a task that say which sample is for what.
internal import Files
internal import Telemetry

/// A partition of a task's samples: those of each split in their order.
struct GeoBenchPartition {
    /// All samples: of training, of validation, of the test; each split in the order of its list.
    let samples: [(name: String, split: BenchmarkSplit)]
    /// The file of the partition.
    let path: String
    /// What the user should know.
    let notes: [String]

    private typealias Lists = [BenchmarkSplit: [String]]
    private static let ending = "_partition.json"
    private static let standard = "default"

    /// Reads a partition of a task.
    ///
    /// - Parameters:
    ///   - name: `default`, or `0.01x` to `1.00x`, which have fewer training samples: `0.01x_train_partition.json`. Splits that it does not
    ///     list are those of `default`.
    ///   - folder: The task's folder.
    /// - Throws: `BenchmarksError`: `notFound`; `badForm` for a file that is not a partition; `badLabels` for a sample in two splits or twice.
    init(_ name: String, of folder: String) throws(BenchmarksError) {
        path = try Self.path(of: name, in: folder)
        var lists = try Self.lists(path)
        var notes: [String] = []
        let standardPath = joined(folder, Self.standard + Self.ending)
        let isStandard = path == standardPath
        if !isStandard, fileExists(standardPath) {
            let others = try Self.lists(standardPath)
            for split in [BenchmarkSplit.validation, .test] {
                guard let own = lists[split] else {
                    lists[split] = others[split]
                    continue
                }
                if let other = others[split], Set(own) != Set(other) {
                    notes.append(
                        "the \(split.rawValue) split of '\(name)' has other samples than that of 'default': their scores are not comparable"
                    )
                }
            }
        }
        var samples: [(name: String, split: BenchmarkSplit)] = []
        var seen: [String: BenchmarkSplit] = [:]
        for split in BenchmarkSplit.allCases {
            guard let list = lists[split] else {
                throw BenchmarksError(
                    .badForm, "the partition does not list the split \(Self.key(split))", in: path,
                    why: isStandard ? [] : ["default\(Self.ending) does not list it either"], try: "get the file again")
            }
            if list.isEmpty { notes.append("the partition '\(name)' has no samples for \(split.rawValue)") }
            for sample in list {
                if let before = seen.updateValue(split, forKey: sample) {
                    throw BenchmarksError(
                        .badLabels,
                        before == split
                            ? "the sample \(quoted(sample)) is named twice in the split \(Self.key(split))"
                            : "the sample \(quoted(sample)) is in two splits, \(Self.key(before)) and \(Self.key(split))",
                        in: path, try: before == split ? nil : "leave it in one of them")
                }
                guard Self.isPlain(sample) else {
                    throw BenchmarksError(
                        .badForm,
                        "the partition names the sample \(quoted(sample)), which is not a valid file name",
                        in: path)
                }
                samples.append((sample, split))
            }
        }
        self.samples = samples
        self.notes = notes
    }

    /// Names of the partitions in a task's folder, as they are asked for.
    static func names(in folder: String) -> [String] {
        fileNames(in: folder).filter { $0.hasSuffix(ending) }.map {
            let name = $0.dropLast(ending.count)
            return String(name.hasSuffix("_train") ? name.dropLast(6) : name)
        }
    }

    /// The file of a partition.
    private static func path(of name: String, in folder: String) throws(BenchmarksError) -> String {
        let names = name == standard || name.hasSuffix("_train") ? [name] : ["\(name)_train", name]
        let paths = names.map { joined(folder, $0 + ending) }
        if isPlain(name), let path = paths.first(where: fileExists) { return path }
        let there = Self.names(in: folder)
        throw BenchmarksError(
            .notFound, "the task has no partition '\(name)'", in: folder,
            why: ["looked for \(names.map { $0 + ending }.joined(separator: " and "))"],
            try: there.isEmpty ? "get the task's files again" : "name one of \(there.joined(separator: ", "))")
    }

    /// The lists of a file.
    private static func lists(_ path: String) throws(BenchmarksError) -> Lists {
        let stated = try GeoBenchFile.json(
            [String: [String]].self, path, holding: "lists of samples under train, valid and test")
        var lists: Lists = [:]
        for (key, list) in stated.sorted(by: { $0.key < $1.key }) {
            guard let split = BenchmarkSplit(named: key) else {
                throw BenchmarksError(
                    .badForm, "the partition lists \(quoted(key)); expected train, valid and test", in: path,
                    try: "get the file again")
            }
            guard lists.updateValue(list, forKey: split) == nil else {
                throw BenchmarksError(.badForm, "the partition lists the split \(split.rawValue) twice", in: path)
            }
        }
        return lists
    }

    /// A split as GEO-Bench calls it.
    private static func key(_ split: BenchmarkSplit) -> String { split == .validation ? "valid" : split.rawValue }

    /// Whether a name is one of a file in a folder, and of no other folder.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && !name.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "/") }
    }
}

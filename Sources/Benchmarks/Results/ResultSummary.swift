// Tables of results at a glance: models against tasks, and GEO-Bench's mean over tasks.
public import Measures

/// A table of models against tasks, of scores that compare.
///
/// A column is a task, a split, a metric and a protocol hash: scores of two protocols never share one.
/// A row is a network, a method and a share of the training split. A cell holds all seeds.
public struct ResultSummary: Sendable {
    /// What the scores of a column have in common.
    public struct Column: Sendable, Hashable {
        /// The task.
        public let task: String
        /// The split.
        public let split: String
        /// The metric.
        public let metric: String
        /// Tells protocols apart.
        public let protocolHash: String
    }

    /// What the scores of a row have in common.
    public struct Row: Sendable, Hashable {
        /// The model.
        public let model: String
        /// How classes were read from features.
        public let method: String
        /// The share of the training split.
        public let partition: String
        /// SHA-256 of its weights, empty where that is not known: another network of the same name has another row.
        public let weights: String
    }

    /// The columns, in the order in which they were first met.
    public let columns: [Column]
    /// The rows, in the order in which they were first met.
    public let rows: [Row]
    private let cells: [Row: [Column: [ResultRow]]]
    private let names: [String: String]

    /// Gathers scores.
    ///
    /// - Parameters:
    ///   - metrics: The metrics that are wanted; `nil` takes mIoU, micro-F1 and accuracy.
    ///   - methods: The methods that are wanted; `nil` takes all.
    public init(_ results: [ResultRow], metrics: Set<String>? = nil, methods: Set<String>? = nil) {
        let usual: Set = ["miou", "micro_f1", "accuracy"]
        var columns: [Column] = []
        var rows: [Row] = []
        var cells: [Row: [Column: [ResultRow]]] = [:]
        var names: [String: String] = [:]
        for result in results
        where (metrics ?? usual).contains(result.metric) && methods?.contains(result.method) ?? true {
            let column = Column(
                task: result.task, split: result.split, metric: result.metric, protocolHash: result.protocolHash)
            let row = Row(
                model: result.model, method: result.method, partition: result.partition,
                weights: Self.network(result.weights ?? ""))
            if names[result.protocolHash] == nil { names[result.protocolHash] = result.protocolName }
            if !columns.contains(column) { columns.append(column) }
            if !rows.contains(row) { rows.append(row) }
            cells[row, default: [:]][column, default: []].append(result)
        }
        self.columns = columns
        self.rows = rows
        self.cells = cells
        self.names = names
    }

    /// What names a network in all of its seeds: random weights of several seeds are one row.
    private static func network(_ weights: String) -> String {
        guard weights.hasPrefix("random "), let comma = weights.firstIndex(of: ",") else { return weights }
        return "random" + weights[comma...]
    }

    /// The name of a protocol: the one with which its hash was first met.
    public func protocolName(_ column: Column) -> String { names[column.protocolHash] ?? "" }

    /// The name of a row's network, with the first digits of its hash if another one has the same name.
    public func title(_ row: Row) -> String {
        let others = rows.contains { $0.model == row.model && $0.weights != row.weights }
        guard others, !row.weights.isEmpty else { return row.model }
        return row.weights.hasPrefix("random") ? "\(row.model) (random)" : "\(row.model) (\(row.weights.prefix(6)))"
    }

    /// The scores of a cell, one of each seed.
    public func scores(_ row: Row, _ column: Column) -> [Double] { (cells[row]?[column] ?? []).compactMap(\.value) }

    /// The table in Markdown.
    public var markdown: String {
        guard !columns.isEmpty else { return "no scores" }
        func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
        let heads = columns.map { "\($0.task) \($0.split) \($0.metric)<br>\(protocolName($0)) `\($0.protocolHash)`" }
        var lines = [
            line(["model", "method", "train"] + heads), line(["---", "---", "---"] + columns.map { _ in "--:" }),
        ]
        for row in rows {
            let texts = columns.map { text(cells[row]?[$0] ?? []) }
            lines.append(line([escaped(title(row)), row.method, row.partition] + texts))
        }
        return lines.joined(separator: "\n")
    }

    /// A cell: a score with its interval, or the mean of several seeds with their deviation.
    private func text(_ results: [ResultRow]) -> String {
        let values = results.compactMap(\.value)
        let mark = results.contains { $0.warning != nil } ? " (!)" : ""
        guard let first = results.first else { return "" }
        guard values.count > 1 else {
            let interval = first.low.flatMap { low in first.high.map { " [\(rounded(low)), \(rounded($0))]" } }
            return (first.value.map(rounded) ?? "-") + (interval ?? "") + mark
        }
        let spread = SeedSpread(values)
        return
            "\(spread.mean.map(rounded) ?? "-") ± \(spread.standardDeviation.map(rounded) ?? "-") (\(values.count) seeds)\(mark)"
    }

    /// The interquartile mean of a row's normalised scores over tasks, as GEO-Bench takes it.
    ///
    /// - Parameters:
    ///   - protocolName: Scores of this protocol alone.
    ///   - ranges: The lowest and the highest score of the reference models on each task.
    /// - Returns: Why there is none, or the mean with its interval and the number of tasks.
    public func interquartileMean(
        _ row: Row, protocolName: String, ranges: [String: ScoreRange]
    ) -> Result<(interval: BootstrapInterval, tasks: Int), Missing> {
        let used = columns.filter { self.protocolName($0) == protocolName && !scores(row, $0).isEmpty }
        let tasks = used.map(\.task)
        if let twice = tasks.first(where: { task in tasks.count { $0 == task } > 1 }) {
            return .failure(Missing(reason: "\(twice) has several kinds of scores; choose one of them"))
        }
        let found = used.map { TaskScores(task: $0.task, scores: scores(row, $0)) }.sorted { $0.task < $1.task }
        guard let normalised = TaskScores.normalised(found, by: ranges) else {
            let without = tasks.filter { ranges[$0] == nil }.sorted()
            return .failure(Missing(reason: "no reference range is known for \(without.joined(separator: ", "))"))
        }
        guard !normalised.isEmpty else { return .failure(Missing(reason: "there are no scores")) }
        return .success((InterquartileMean.interval(ofTasks: normalised), normalised.count))
    }

    /// Why a mean over tasks is not given.
    public struct Missing: Error, Sendable {
        /// The reason, a sentence without its full stop.
        public let reason: String
    }
}

private func rounded(_ value: Double) -> String {
    let thousandths = (value * 1000).rounded()
    guard thousandths.isFinite, abs(thousandths) < 1e15 else { return "-" }
    let text = "\(Int(abs(thousandths)))"
    let digits = String(repeating: "0", count: max(0, 4 - text.count)) + text
    return (thousandths < 0 ? "-" : "") + digits.dropLast(3) + "." + digits.suffix(3)
}

/// Text that does not end a cell.
private func escaped(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
}

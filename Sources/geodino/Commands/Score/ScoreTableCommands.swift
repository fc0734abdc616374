// geodino score compare, summary: two models compared, and tables of scores summarised.
#if EARTH
    import ArgumentParser
    import Benchmarks
    import Files
    import Foundation
    import Measures
    import Telemetry

    struct ScoreCompareCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "compare", abstract: "Compare two models on the same images (paired bootstrap).",
            discussion: """
                A and B are files that 'geodino score' wrote with --write-answers. Each draw takes the same images for \
                both, so that what makes an image hard for both does not hide a difference.
                """)

        @Argument(help: "Answers of the first model.")
        var first: String

        @Argument(help: "Answers of the second model.")
        var second: String

        @Option(help: ArgumentHelp("The metric to compare. (default: all)", valueName: "name"))
        var metric: String?

        @Option(
            help: ArgumentHelp(
                "The method to compare, such as logistic, or A,B for one of each file. (default: the only one)",
                valueName: "name"))
        var method: String?

        @Option(help: ArgumentHelp("Number of draws.", valueName: "count"))
        var draws = 10_000

        @Option(help: "The seed of the draws.")
        var seed: UInt64 = 0

        @OptionGroup var result: ResultOptions

        func validate() throws {
            guard (20...1_000_000).contains(draws) else {
                throw ValidationError("--draws must be 20 to 1000000, got \(draws)")
            }
            if let count = method?.split(separator: ",", omittingEmptySubsequences: false).count, count > 2 {
                throw ValidationError("--method takes one name, or two with a comma")
            }
        }

        func run() throws {
            Interrupt.endAtSignals()
            let (a, b) = (try ImageRecords(from: first), try ImageRecords(from: second))
            let names = method?.split(separator: ",").map(String.init) ?? []
            let paired = try PairedAnswers(a, b, methods: (names.first, names.last), places: (first, second))
            if let metric, !paired.metrics.contains(metric) {
                throw CommandError(
                    .badArgument, "these answers have no metric '\(metric)'", in: first,
                    try: "--metric with one of \(paired.metrics.joined(separator: ", "))")
            }
            let bootstrap = Bootstrap(draws: draws, seed: seed)
            var found: [MetricComparison] = []
            for name in metric.map({ [$0] }) ?? paired.metrics {
                guard let comparison = paired.comparison(of: name, bootstrap: bootstrap) else { continue }
                found.append(
                    MetricComparison(
                        task: a.task, metric: name, images: paired.count, first: a.model, second: b.model, comparison))
            }
            if a.protocolHash != b.protocolHash {
                printToStandardError(
                    "note: the two were scored by different protocols, \(a.protocolHash) and \(b.protocolHash)")
            }
            try result.show(found, text: found.map(\.text).joined(separator: "\n"))
        }
    }

    /// How two models differ in one metric.
    private struct MetricComparison: Encodable {
        let task: String
        let metric: String
        let images: Int
        let first: String
        let second: String
        let firstValue: Double?
        let secondValue: Double?
        let difference: Double?
        let low: Double?
        let high: Double?
        let pValue: Double?

        enum CodingKeys: String, CodingKey {
            case task, metric, images, first, second
            case firstValue = "first_value"
            case secondValue = "second_value"
            case difference, low, high
            case pValue = "p_value"
        }

        init(
            task: String, metric: String, images: Int, first: String, second: String, _ found: BootstrapComparison
        ) {
            self.task = task
            self.metric = metric
            self.images = images
            self.first = first
            self.second = second
            firstValue = found.first.estimate
            secondValue = found.second.estimate
            difference = found.difference.estimate
            low = found.difference.low
            high = found.difference.high
            pValue = found.pValue
        }

        var text: String {
            let interval = low.flatMap { low in high.map { " [\(shown(low)), \(shown($0))]" } } ?? ""
            let p = pValue.map { ", p \(shown($0))" } ?? ""
            return
                "\(metric.padding(toLength: 20, withPad: " ", startingAt: 0))\(first) \(shown(firstValue)), \(second) \(shown(secondValue)): difference \(shown(difference))\(interval)\(p) (\(counted(images, "images")))"
        }
    }

    struct ScoreSummaryCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "summary", abstract: "Summarise tables of scores in one table of models and tasks.",
            discussion: """
                Prints Markdown. Scores with different protocol hashes never share a column. A cell holds a score and \
                its interval, or the mean and standard deviation of several seeds; (!) marks scores with a warning. \
                With --normalizer, the interquartile mean of the normalised scores follows.
                """)

        @Argument(help: "Tables that 'geodino score' wrote with -o.")
        var tables: [String]

        @Option(
            help: ArgumentHelp(
                "Metrics to show, separated by commas. (default: accuracy, micro_f1 and miou)", valueName: "names"))
        var metrics: String?

        @Option(help: ArgumentHelp("Methods to show, separated by commas. (default: all)", valueName: "names"))
        var methods: String?

        @Option(
            help: ArgumentHelp(
                "GEO-Bench's normalizer.json: the range of each task's reference models.", valueName: "file"))
        var normalizer: String?

        @OptionGroup var result: ResultOptions

        func run() throws {
            Interrupt.endAtSignals()
            var rows: [ResultRow] = []
            for table in tables {
                guard fileExists(table) else { throw CommandError(.notFound, "no such table", in: table) }
                rows += try ResultTable(path: table).rows()
            }
            func names(_ text: String?) -> Set<String>? {
                text.map { Set($0.split(separator: ",").map { String($0).trimmingCharacters(in: .whitespaces) }) }
            }
            let summary = ResultSummary(rows, metrics: names(metrics), methods: names(methods))
            if summary.columns.isEmpty {
                throw CommandError(
                    .badArgument, "no score in the tables has these metrics and methods",
                    in: tables.joined(separator: ", "),
                    why: [
                        "their metrics are \(Set(rows.map(\.metric)).sorted().joined(separator: ", "))",
                        "their methods are \(Set(rows.map(\.method)).sorted().joined(separator: ", "))",
                    ],
                    try: "--metrics and --methods with some of these")
            }
            var means: [TaskMean] = []
            if let normalizer {
                let ranges = try scoreRanges(from: normalizer)
                for row in summary.rows {
                    let used = summary.columns.filter { !summary.scores(row, $0).isEmpty }
                    for name in Set(used.map(summary.protocolName)).sorted() {
                        let found = summary.interquartileMean(row, protocolName: name, ranges: ranges)
                        means.append(TaskMean(row, title: summary.title(row), protocolName: name, found))
                    }
                }
            }
            let lines = means.map(\.text)
            try result.show(
                SummaryAnswer(summary, means),
                text: summary.markdown + (lines.isEmpty ? "" : "\n\n" + lines.joined(separator: "\n")))
        }
    }

    /// GEO-Bench's mean over tasks of one row, or why there is none.
    private struct TaskMean: Encodable {
        let model: String
        let method: String
        let protocolName: String
        var iqm: Double?
        var low: Double?
        var high: Double?
        var tasks: Int?
        var reason: String?

        enum CodingKeys: String, CodingKey {
            case model, method
            case protocolName = "protocol"
            case iqm, low, high, tasks, reason
        }

        init(
            _ row: ResultSummary.Row, title: String, protocolName: String,
            _ found: Result<(interval: BootstrapInterval, tasks: Int), ResultSummary.Missing>
        ) {
            model = title
            method = row.method
            self.protocolName = protocolName
            switch found {
            case .success(let found):
                iqm = found.interval.estimate
                low = found.interval.low
                high = found.interval.high
                tasks = found.tasks
            case .failure(let missing): reason = missing.reason
            }
        }

        var text: String {
            let head = "\(model), \(method), \(protocolName): "
            guard let iqm else { return head + "no normalised IQM: \(reason ?? "")" }
            let interval = low.flatMap { low in high.map { " [\(shown(low)), \(shown($0))]" } } ?? ""
            return head + "normalised IQM \(shown(iqm))\(interval) over \(counted(tasks ?? 0, "tasks"))"
        }
    }

    /// A summary in JSON.
    private struct SummaryAnswer: Encodable {
        struct Cell: Encodable {
            let model: String
            let method: String
            let task: String
            let split: String
            let metric: String
            let protocolHash: String
            let scores: [Double]

            enum CodingKeys: String, CodingKey {
                case model, method, task, split, metric
                case protocolHash = "protocol_hash"
                case scores
            }
        }
        let cells: [Cell]
        let means: [TaskMean]

        init(_ summary: ResultSummary, _ means: [TaskMean]) {
            cells = summary.rows.flatMap { row in
                summary.columns.compactMap { column in
                    let scores = summary.scores(row, column)
                    guard !scores.isEmpty else { return nil }
                    return Cell(
                        model: summary.title(row), method: row.method, task: column.task, split: column.split,
                        metric: column.metric, protocolHash: column.protocolHash, scores: scores)
                }
            }
            self.means = means
        }
    }
#endif

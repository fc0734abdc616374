// Two models on the same images: whether one is better, or only happened to suit these images.
public import Measures
public import Telemetry

/// Two sets of answers for the same images, ready to be compared.
public struct PairedAnswers {
    private let first: [ImageRecord.Answer]
    private let second: [ImageRecord.Answer]
    private let classCount: Int
    private let absent: AbsentClass

    /// Pairs answers image by image.
    ///
    /// - Parameters:
    ///   - methods: How each of the two was scored; `nil` for the only method of a file.
    ///   - places: The two files, for errors.
    /// - Throws: `BenchmarksError`: `badLabels` where tasks, splits, classes, images or truths differ, `badTable` for a method that is not there, or several.
    public init(
        _ a: ImageRecords, _ b: ImageRecords, methods: (String?, String?), places: (String, String)
    ) throws(BenchmarksError) {
        func difference(_ what: String, _ x: String, _ y: String) -> BenchmarksError {
            BenchmarksError(
                .badLabels, "the two files have different \(what)", in: places.1, why: ["'\(x)' and '\(y)'"],
                try: "give answers for the same images")
        }
        if a.task != b.task { throw difference("tasks", a.task, b.task) }
        if a.split != b.split { throw difference("splits", a.split, b.split) }
        if a.classes != b.classes {
            throw difference("classes", a.classes.joined(separator: ", "), b.classes.joined(separator: ", "))
        }
        if a.absent != b.absent {
            throw difference("ways to count absent classes", a.absent.rawValue, b.absent.rawValue)
        }
        absent = a.absent
        let mine = try Self.answers(a, methods.0, in: places.0)
        let theirs = try Self.answers(b, methods.1, in: places.1)
        guard Set(mine.keys) == Set(theirs.keys) else {
            let other = Set(mine.keys).symmetricDifference(theirs.keys).min() ?? ""
            throw BenchmarksError(
                .badLabels, "the image '\(other)' is in only one of the two files", in: places.1,
                try: "give answers for the same images")
        }
        let images = mine.keys.sorted()
        first = images.compactMap { mine[$0] }
        second = images.compactMap { theirs[$0] }
        classCount = a.classes.count
        for (index, image) in images.enumerated() where !Self.haveSameTruth(first[index], second[index], classCount) {
            throw BenchmarksError(
                .badLabels, "the truth of the image '\(image)' differs between the two files", in: places.1,
                try: "score both on the same version of the set")
        }
    }

    /// Number of images.
    public var count: Int { first.count }

    /// Names of the metrics that such answers have.
    public var metrics: [String] {
        switch first.first {
        case .oneClass, nil: ["accuracy", "balanced_accuracy", "macro_f1"]
        case .manyLabels: ["micro_f1", "macro_f1"]
        case .pixels: ["miou", "overall_accuracy", "macro_f1"]
        }
    }

    /// Compares a metric; `nil` for one that such answers do not have.
    public func comparison(of metric: String, bootstrap: Bootstrap) -> BootstrapComparison? {
        guard let mine = imageMetric(first, metric), let theirs = imageMetric(second, metric) else { return nil }
        return bootstrap.comparison(of: mine, with: theirs)
    }

    private func imageMetric(_ answers: [ImageRecord.Answer], _ metric: String) -> ImageMetric? {
        guard metrics.contains(metric) else { return nil }
        switch answers.first {
        case .manyLabels:
            var sums = ImageSums(width: 3 * classCount + 2)
            for case .manyLabels(let truth, let prediction) in answers {
                var tally = MultiLabelTally(labelCount: classCount)
                func row(_ labels: [Int]) -> [Bool] { (0..<classCount).map(labels.contains) }
                tally.add(predictions: row(prediction), truths: row(truth))
                sums.add(tally.flattened)
            }
            return .labels(sums, labelCount: classCount, metric: metric == "micro_f1" ? \.microF1 : \.macroF1)
        default:
            var sums = ImageSums(width: classCount * (classCount + 1))
            for answer in answers {
                switch answer {
                case .oneClass(let truth, let prediction): sums.add(column: truth * (classCount + 1) + prediction)
                case .pixels(let counts): sums.add(counts.map { Double($0) })
                case .manyLabels: return nil
                }
            }
            let (all, absent) = (Array(0..<classCount), absent)
            let value: (ConfusionTally) -> Double? =
                switch metric {
                case "balanced_accuracy": \.balancedAccuracy
                case "macro_f1": { tally in mean(of: all, absent, tally.f1(of:)) }
                case "miou": { tally in mean(of: all, absent, tally.iou(of:)) }
                default: \.overallAccuracy
                }
            return .confusion(sums, classCount: classCount, metric: value)
        }
    }

    private static func answers(
        _ records: ImageRecords, _ method: String?, in place: String
    ) throws(BenchmarksError) -> [String: ImageRecord.Answer] {
        let methods = records.methods
        guard let chosen = method ?? (methods.count == 1 ? methods[0] : nil), methods.contains(chosen) else {
            throw BenchmarksError(
                .badTable,
                method.map { "the file has no method '\($0)'" } ?? "the file has \(counted(methods.count, "methods"))",
                in: place, why: ["its methods are \(methods.joined(separator: ", "))"], try: "choose one of them")
        }
        return records.records.filter { $0.method == chosen }.reduce(into: [:]) { $0[$1.image] = $1.answer }
    }

    private static func haveSameTruth(_ a: ImageRecord.Answer, _ b: ImageRecord.Answer, _ classCount: Int) -> Bool {
        switch (a, b) {
        case (.oneClass(let x, _), .oneClass(let y, _)): return x == y
        case (.manyLabels(let x, _), .manyLabels(let y, _)): return x == y
        case (.pixels(let x), .pixels(let y)):
            func truths(_ counts: [Int]) -> [Int] {
                stride(from: 0, to: counts.count, by: classCount + 1).map {
                    counts[$0...($0 + classCount)].reduce(0, +)
                }
            }
            return truths(x) == truths(y)
        default: return false
        }
    }
}

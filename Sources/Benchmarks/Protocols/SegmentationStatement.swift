// Everything that a score of a segmentation benchmark depends on besides the network: printed with the score, and hashed.

/// All that a score of a segmentation benchmark depends on besides the weights.
///
/// Scores are comparable if their statements are equal, which `hash` tells. For predictions made elsewhere, input and training are unknown,
/// so their hash differs from that of predictions that geodino made.
public struct SegmentationStatement<Training: Codable & Sendable & Equatable>: Sendable, Encodable {
    /// The name of the protocol.
    public var name: String
    /// How predictions become figures.
    public var scoring: SegmentationScoring
    /// How predictions are made, as the protocol says; `nil` where they were made elsewhere.
    public var rule: SegmentationProtocol<Training>?
    /// The same with sizes that fit the network's patches; printed, not hashed, so that networks with other patches are comparable.
    public var applied: SegmentationProtocol<Training>?
    /// The benchmark.
    public var benchmark: String
    /// The task of the benchmark; its name again where it has one only.
    public var task: String
    /// Names of the classes, in the order of their indices.
    public var classes: [String]
    /// The name of the background; `nil` where there is none.
    public var background: String?
    /// What stands for no label in masks; empty where all pixels are labelled.
    public var unlabelled: String
    /// The bands that the network sees; empty where predictions were made elsewhere.
    public var bands: [String]
    /// What brings values to what the network takes, in words; empty where predictions were made elsewhere.
    public var values = ""
    /// What the hash covers of that: scores of weights that each have their own stretch and normalisation stay comparable.
    public var identity: [String] = []
    /// SHA-256 of the classes, and of the names and splits of the scored images; where a head is trained here, of the other images too.
    public var content: String
    /// Where the splits come from, in words; empty where predictions were made elsewhere.
    public var splits = ""
    /// The share of the training split that is fitted to; `nil` where predictions were made elsewhere.
    public var partition: String?
    /// The seed of what is drawn.
    public var seed: UInt64

    enum CodingKeys: String, CodingKey {
        case scoring, input, training, prediction, benchmark, task, classes, background, unlabelled, bands, values,
            splits,
            content, partition
        // The seed is not part of the protocol: it has its own column, so that runs with several seeds are comparable.
    }

    /// Makes a statement.
    public init(
        name: String, scoring: SegmentationScoring, rule: SegmentationProtocol<Training>?, set: SegmentationSet,
        benchmark: String? = nil, bands: [String] = [], content: String, partition: String? = nil,
        seed: UInt64
    ) {
        self.name = name
        self.scoring = scoring
        self.rule = rule
        self.benchmark = benchmark ?? set.name
        task = set.name
        classes = set.classes
        background = set.background.map { set.classes[$0] }
        unlabelled = set.unlabelled
        self.bands = bands
        self.content = content
        self.partition = partition
        self.seed = seed
    }

    /// Writes what a score depends on: neither the protocol's name nor the list of figures that are taken of predictions.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        var scoring = scoring
        scoring.metrics = []
        try keys.encode(scoring, forKey: .scoring)
        try keys.encodeIfPresent(rule?.input, forKey: .input)
        try keys.encodeIfPresent(rule?.training, forKey: .training)
        try keys.encodeIfPresent(rule?.prediction, forKey: .prediction)
        try keys.encode(benchmark, forKey: .benchmark)
        try keys.encode(task, forKey: .task)
        try keys.encode(classes, forKey: .classes)
        try keys.encode(background, forKey: .background)
        try keys.encode(unlabelled, forKey: .unlabelled)
        try keys.encode(bands, forKey: .bands)
        try keys.encode(identity, forKey: .values)
        try keys.encode(splits, forKey: .splits)
        try keys.encode(content, forKey: .content)
        try keys.encode(partition, forKey: .partition)
    }

    /// The first 12 hexadecimal digits of the SHA-256 of the statement as JSON with sorted keys.
    public var hash: String { statementHash(self) }

    /// The switches for people: a name and a value each.
    ///
    /// - Parameter training: The head and its training in words.
    public func switches(training: [(name: String, value: String)] = []) -> [(name: String, value: String)] {
        var lines = [
            ("protocol", "\(name) \(hash)"),
            (
                "scored",
                "\(scoring.report.rawValue) of \(task)"
                    + (partition.map { ", \($0) of train" } ?? ", predictions made elsewhere")
            ),
            ("seed", "\(seed)"), ("classes", "\(classes.count): \(classes.joined(separator: ", "))"),
            ("background", background.map { "\($0), counted as a class" } ?? "none"),
            ("unlabelled", unlabelled.isEmpty ? "none" : "\(unlabelled), left out"),
            (
                "absent",
                scoring.absent == .leftOut
                    ? "classes in neither truth nor prediction are left out of means"
                    : "classes in neither truth nor prediction count as 0 in means"
            ),
        ]
        if let rule = applied ?? rule {
            let input = rule.input
            lines += [
                ("splits", splits),
                ("bands", bands.joined(separator: ", ")), ("values", values),
                (
                    "resized",
                    input.size.map {
                        "both sides to \($0) pixels, \(input.kernel.rawValue)\(input.antialias ? ", antialiased" : ""); masks by the nearest pixel"
                    } ?? "no"
                ),
            ]
            lines += training
            lines.append(("predicted", rule.prediction.text))
        }
        lines.append(("interval", scoring.interval.text))
        return lines
    }
}

extension PredictionRule {
    /// The rule in words.
    var text: String {
        guard let window, let stride else { return "as a whole; logits at the size of the mask" }
        return "in windows of \(window) pixels every \(stride), logits averaged; logits at the size of the mask"
    }
}

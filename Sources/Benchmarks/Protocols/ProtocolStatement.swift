// All that a score depends on besides the network: printed with it, and hashed.
internal import Files
internal import FoundationEssentials
internal import Measures

/// All that a score of a classification benchmark depends on besides the features.
///
/// Scores compare where their statements are equal; `hash` tells.
public struct ProtocolStatement: Sendable, Hashable, Encodable {
    /// The protocol.
    public var rule: ClassificationProtocol
    /// The benchmark.
    public var benchmark: String
    /// Names of the classes, in the order of their indices.
    public var classes: [String]
    /// Whether an image may have any number of classes.
    public var isMultiLabel: Bool
    /// Names of the bands that the network sees.
    public var bands: [String]
    /// How values become 8 bits, as text.
    public var stretch: String
    /// What pixels are normalised with: the means and the standard deviations of the bands, as texts.
    public var normalization: [String]
    /// Where the splits come from, in words.
    public var splits: String
    /// The shares of test and validation where splits are drawn; empty where they are the set's own.
    public var shares: [Double]
    /// SHA-256 of the set as it was read: names, classes, splits and groups of its samples.
    public var content: String
    /// The share of the training split that is fitted to.
    public var partition: String
    /// The seed of what is drawn.
    public var seed: UInt64

    enum CodingKeys: String, CodingKey {
        case input, features, probes, refit, report, interval, benchmark, classes
        case isMultiLabel = "multi_label"
        case bands, stretch, normalization, splits, shares, content, partition
        // The seed is not part of the protocol: it has its own column, so that runs with several seeds are comparable.
    }

    /// Makes a statement.
    public init(
        rule: ClassificationProtocol, benchmark: String, classes: [String], isMultiLabel: Bool, bands: [String],
        stretch: String, normalization: [String], splits: String, shares: [Double], content: String, partition: String,
        seed: UInt64
    ) {
        self.rule = rule
        self.benchmark = benchmark
        self.classes = classes
        self.isMultiLabel = isMultiLabel
        self.bands = bands
        self.stretch = stretch
        self.normalization = normalization
        self.splits = splits
        self.shares = shares
        self.content = content
        self.partition = partition
        self.seed = seed
    }

    /// Writes what a score depends on: neither the protocol's name nor the list of figures that are taken of an answer.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(rule.input, forKey: .input)
        try keys.encode(rule.features, forKey: .features)
        try keys.encode(rule.probes, forKey: .probes)
        try keys.encode(rule.refit, forKey: .refit)
        try keys.encode(rule.report, forKey: .report)
        try keys.encode(rule.interval, forKey: .interval)
        try keys.encode(benchmark, forKey: .benchmark)
        try keys.encode(classes, forKey: .classes)
        try keys.encode(isMultiLabel, forKey: .isMultiLabel)
        try keys.encode(bands, forKey: .bands)
        try keys.encode(stretch, forKey: .stretch)
        try keys.encode(normalization, forKey: .normalization)
        try keys.encode(splits, forKey: .splits)
        try keys.encode(shares, forKey: .shares)
        try keys.encode(content, forKey: .content)
        try keys.encode(partition, forKey: .partition)
    }

    /// The first 12 hexadecimal digits of the SHA-256 of the statement as JSON with sorted keys.
    public var hash: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Of numbers, texts and flags that `problems` let pass, which all can be written.
        let data = (try? encoder.encode(self)) ?? Data()
        return String(SHA256.hex(of: Array(data)).prefix(12))
    }

    /// The switches for people: a name and a value each.
    public var switches: [(name: String, value: String)] {
        let input = rule.input
        let resizing =
            input.shortSide.map { "the shorter side to \($0), then the centre of \(input.size) pixels" }
            ?? "both sides to \(input.size) pixels"
        let features =
            switch rule.features.tokens {
            case .cls: "class token"
            case .patches: "mean of the patch tokens"
            case .both: "class token and mean of the patch tokens"
            }
        return [
            ("protocol", "\(rule.name) \(hash)"),
            ("scored", "\(rule.report.rawValue) of \(benchmark), \(partition) of train"),
            ("splits", splits), ("seed", "\(seed)"),
            (
                "classes",
                "\(classes.count)\(isMultiLabel ? ", any number per image" : ""): \(classes.joined(separator: ", "))"
            ),
            ("bands", bands.joined(separator: ", ")), ("stretch", stretch),
            ("resized", "\(resizing), \(input.kernel.rawValue)\(input.antialias ? ", antialiased" : "")"),
            ("normalised", "by mean \(normalization.first ?? "") and deviation \(normalization.last ?? "")"),
            ("features", features + (rule.features.blocks > 1 ? ", of the last \(rule.features.blocks) blocks" : "")),
            ("probes", rule.probes.map(\.text).joined(separator: "; ")),
            ("refit", rule.refit ? "on train and validation" : "no"),
            (
                "interval",
                "\(percentage(rule.interval.confidence)) % by \(rule.interval.draws) draws of images, \(rule.interval.kind.rawValue)"
            ),
        ]
    }
}

extension ProtocolStatement {
    /// The columns of torchgeo-bench's tables that `cells` fills.
    static let columns: Set = [
        "normalization", "image_size", "interpolation", "pool", "c_range_start", "c_range_stop", "c_range_num",
        "merge_val",
        "bootstrap",
    ]

    /// The switches that torchgeo-bench has columns for, of a probe.
    public func cells(of probe: ProbeRule) -> [String: String] {
        var cells = [
            "normalization": "weights", "image_size": "\(rule.input.size)", "interpolation": rule.input.kernel.rawValue,
            "pool": rule.features.tokens.rawValue, "merge_val": rule.refit ? "True" : "False",
            "bootstrap": "\(rule.interval.draws)",
        ]
        if case .logistic(let grid) = probe {
            cells["c_range_start"] = "\(grid.lowest)"
            cells["c_range_stop"] = "\(grid.highest)"
            cells["c_range_num"] = "\(grid.count)"
        }
        return cells
    }
}

extension ProbeRule {
    /// The probe in words.
    var text: String {
        switch self {
        case .neighbours(let rule):
            "\(rule.distance.rawValue) neighbours, k \(rule.k.map { "\($0)" }.joined(separator: ", "))"
                + (rule.temperature.map { ", temperature \($0)" } ?? "")
        case .logistic(let rule):
            "logistic regression, \(rule.count) C from \(power(rule.lowest)) to \(power(rule.highest))"
        }
    }
}

/// A power of ten by its exponent, as people write it.
private func power(_ exponent: Double) -> String {
    exponent == exponent.rounded() ? "1e\(Int(exponent))" : "10^\(exponent)"
}

/// A share in per cent without a needless fraction.
private func percentage(_ share: Double) -> String {
    let percent = (share * 1000).rounded() / 10
    return percent == percent.rounded() ? "\(Int(percent))" : "\(percent)"
}

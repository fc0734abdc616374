// All that a score depends on besides the network: printed with it, and hashed.
internal import Files
internal import FoundationEssentials
internal import Measures

/// All that a score of a classification benchmark depends on besides the features.
///
/// Scores are comparable if their statements are equal, which `hash` tells.
public struct ProtocolStatement: Sendable, Hashable, Encodable {
    /// What a network sees of images.
    public struct Pixels: Sendable, Hashable {
        /// Names of the bands.
        public var bands: [String]
        /// How values become 8 bits, as text.
        public var stretch: String
        /// What pixels are normalised with: the means and the standard deviations of the bands, as texts.
        public var normalization: [String]
        /// What the hash covers of stretch and normalisation: scores of weights that each have their own stay comparable.
        public var identity: [String]

        /// Takes what a network sees.
        public init(bands: [String], stretch: String, normalization: [String], identity: [String]) {
            self.bands = bands
            self.stretch = stretch
            self.normalization = normalization
            self.identity = identity
        }
    }

    /// The protocol.
    public var rule: ClassificationProtocol
    /// The benchmark.
    public var benchmark: String
    /// Names of the classes, in the order of their indices.
    public var classes: [String]
    /// Whether an image may have any number of classes.
    public var isMultiLabel: Bool
    /// What the network sees; `nil` where features were made elsewhere, so that the protocol's input and features do not apply.
    public var pixels: Pixels?
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
        case bands, normalization, splits, shares, content, partition
        // The seed is not part of the protocol: it has its own column, so that runs with several seeds are comparable.
    }

    /// Makes a statement.
    public init(
        rule: ClassificationProtocol, benchmark: String, classes: [String], isMultiLabel: Bool, pixels: Pixels? = nil,
        splits: String, shares: [Double], content: String, partition: String, seed: UInt64
    ) {
        self.rule = rule
        self.benchmark = benchmark
        self.classes = classes
        self.isMultiLabel = isMultiLabel
        self.pixels = pixels
        self.splits = splits
        self.shares = shares
        self.content = content
        self.partition = partition
        self.seed = seed
    }

    /// Writes what a score depends on: neither the protocol's name nor the list of figures that are taken of an answer.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        if let pixels {
            try keys.encode(rule.input, forKey: .input)
            try keys.encode(rule.features, forKey: .features)
            try keys.encode(pixels.bands, forKey: .bands)
            try keys.encode(pixels.identity, forKey: .normalization)
        }
        try keys.encode(rule.probes, forKey: .probes)
        try keys.encode(rule.refit, forKey: .refit)
        try keys.encode(rule.report, forKey: .report)
        try keys.encode(rule.interval, forKey: .interval)
        try keys.encode(benchmark, forKey: .benchmark)
        try keys.encode(classes, forKey: .classes)
        try keys.encode(isMultiLabel, forKey: .isMultiLabel)
        try keys.encode(splits, forKey: .splits)
        try keys.encode(shares, forKey: .shares)
        try keys.encode(content, forKey: .content)
        try keys.encode(partition, forKey: .partition)
    }

    /// The first 12 hexadecimal digits of the SHA-256 of the statement as JSON with sorted keys.
    public var hash: String { statementHash(self) }

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
        let head: [(name: String, value: String)] = [
            ("protocol", "\(rule.name) \(hash)"),
            ("scored", "\(rule.report.rawValue) of \(benchmark), \(partition) of train"),
            ("splits", splits), ("seed", "\(seed)"),
            (
                "classes",
                "\(classes.count)\(isMultiLabel ? ", any number per image" : ""): \(classes.joined(separator: ", "))"
            ),
        ]
        let end: [(name: String, value: String)] = [
            ("probes", rule.probes.map(\.text).joined(separator: "; ")),
            ("refit", rule.refit ? "on train and validation" : "no"),
            ("interval", rule.interval.text),
        ]
        guard let pixels else { return head + [("features", "made elsewhere")] + end }
        let mean = pixels.normalization.first ?? ""
        let deviation = pixels.normalization.last ?? ""
        let seen: [(name: String, value: String)] = [
            ("bands", pixels.bands.joined(separator: ", ")), ("stretch", pixels.stretch),
            ("resized", "\(resizing), \(input.kernel.rawValue)\(input.antialias ? ", antialiased" : "")"),
            ("normalised", "by mean \(mean) and deviation \(deviation)"),
            ("features", features + (rule.features.blocks > 1 ? ", of the last \(rule.features.blocks) blocks" : "")),
        ]
        return head + seen + end
    }
}

/// The first 12 hexadecimal digits of the SHA-256 of a statement as JSON with sorted keys.
func statementHash(_ statement: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Of numbers, texts and flags that `problems` let pass, which all can be written.
    let data = (try? encoder.encode(statement)) ?? Data()
    return String(SHA256.hex(of: Array(data)).prefix(12))
}

extension ClassificationProtocol.Interval {
    /// The rule in words.
    var text: String { "\(percentage(confidence)) by \(draws) draws of images, \(kind.rawValue)" }
}

extension ProtocolStatement {
    /// The columns of torchgeo-bench's tables that `cells` fills.
    static let columns: Set = [
        "normalization", "image_size", "interpolation", "pool", "c_range_start", "c_range_stop", "c_range_num",
        "merge_val", "best_batch_size", "bootstrap",
    ]

    /// The switches that torchgeo-bench has columns for, of a probe.
    public func cells(of probe: ProbeRule) -> [String: String] {
        var cells = ["merge_val": rule.refit ? "True" : "False", "bootstrap": "\(rule.interval.draws)"]
        if pixels != nil {
            cells["normalization"] = rule.input.normalization.rawValue
            cells["image_size"] = "\(rule.input.size)"
            cells["interpolation"] = rule.input.kernel.rawValue
            cells["pool"] = rule.features.tokens.rawValue
        }
        if case .logistic(let grid) = probe {
            cells["c_range_start"] = "\(grid.lowest)"
            cells["c_range_stop"] = "\(grid.highest)"
            cells["c_range_num"] = "\(grid.count)"
        }
        if case .linear(let rule) = probe { cells["best_batch_size"] = "\(rule.batch)" }
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
        case .ridge(let rule):
            "ridge regression, \(rule.count) ridges from \(power(rule.lowest)) to \(power(rule.highest))"
        case .linear(let rule):
            "linear layer by SGD, \(rule.rates.count) learning rates from \(rule.rates.min() ?? 0) to \(rule.rates.max() ?? 0), \(rule.steps) steps of \(rule.batch) samples"
        }
    }
}

/// A power of ten by its exponent, as people write it.
private func power(_ exponent: Double) -> String {
    exponent == exponent.rounded() ? "1e\(Int(exponent))" : "10^\(exponent)"
}

/// A share in percent, without a needless fraction: `20 %`.
public func percentage(_ share: Double) -> String {
    let percent = (share * 1000).rounded() / 10
    return percent == percent.rounded() ? "\(Int(percent)) %" : "\(percent) %"
}

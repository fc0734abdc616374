// A protocol of classification, complete: two scores compare where their protocols are the same.
public import Measures

/// How a frozen network is scored on a classification benchmark.
public struct ClassificationProtocol: Sendable, Hashable, Codable {
    /// A figure.
    public enum Metric: String, Sendable, Codable, CaseIterable {
        /// Part of the images whose class is right.
        case accuracy
        /// Mean over classes of the part of their images that is right.
        case balancedAccuracy = "balanced_accuracy"
        /// Mean over classes of the harmonic mean of precision and recall.
        case macroF1 = "macro_f1"
        /// The harmonic mean of precision and recall of all labels together; multi-label sets only.
        case microF1 = "micro_f1"
        /// Mean over labels of the average precision; multi-label sets only.
        case meanAveragePrecision = "mean_average_precision"

        /// Whether it is for sets whose images have one class each.
        public var isOfOneClass: Bool { self == .accuracy || self == .balancedAccuracy }
        /// Whether it is for sets whose images have any number of labels.
        public var isOfManyLabels: Bool { self == .microF1 || self == .meanAveragePrecision }
    }

    /// How sure a score is: by drawing images again.
    public struct Interval: Sendable, Hashable, Codable {
        /// How the ends are taken.
        public var kind: BootstrapMethod
        /// Number of draws.
        public var draws: Int
        /// The part of all samples whose interval holds the truth.
        public var confidence: Double

        /// Makes a rule.
        public init(kind: BootstrapMethod, draws: Int, confidence: Double) {
            self.kind = kind
            self.draws = draws
            self.confidence = confidence
        }

        /// What is wrong, one sentence each; empty where nothing is.
        func problems(in key: String) -> [String] {
            var wrong: [String] = []
            if !(20...100_000).contains(draws) { wrong.append("\(key).draws is \(draws); expected 20 to 100000") }
            if !(0.5...0.9999).contains(confidence) {
                wrong.append("\(key).confidence is \(confidence); expected 0.5 to 0.9999")
            }
            return wrong
        }
    }

    /// Its name, which comes from the document that holds it.
    public var name = ""
    /// How images become input.
    public var input: InputRule
    /// What their features are.
    public var features: FeatureRule
    /// What reads classes from them; scores of each.
    public var probes: [ProbeRule]
    /// Whether the probe of the chosen strength is fitted again to training and validation samples together.
    public var refit: Bool
    /// The split that is scored.
    public var report: BenchmarkSplit
    /// The figures; those that a set does not allow are left out.
    public var metrics: [Metric]
    /// How sure they are.
    public var interval: Interval

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case input, features, probes, refit, report, metrics, interval
    }

    /// Makes a protocol; what `problems` names is refused when it is used.
    public init(
        name: String, input: InputRule, features: FeatureRule, probes: [ProbeRule], refit: Bool, report: BenchmarkSplit,
        metrics: [Metric], interval: Interval
    ) {
        self.name = name
        self.input = input
        self.features = features
        self.probes = probes
        self.refit = refit
        self.report = report
        self.metrics = metrics
        self.interval = interval
    }

    /// What is wrong, one sentence each; empty where nothing is.
    public var problems: [String] {
        var wrong = input.problems + features.problems
        if !isProtocolName(name) { wrong.append("name is '\(name)'; expected letters, digits and hyphens") }
        if probes.isEmpty { wrong.append("probes is empty; expected one or more") }
        for (index, probe) in probes.enumerated() { wrong += probe.problems.map { "probes[\(index)].\($0)" } }
        if report == .train { wrong.append("report is train; expected validation or test") }
        if report == .validation, probes.contains(where: \.needsValidation) {
            wrong.append(
                "report is validation, on which probes are chosen, so the score would be that of the best of many; expected test"
            )
        }
        let names = probes.map(\.family)
        if Set(names).count < names.count {
            wrong.append(
                "probes has two of one kind, whose results would share a name; expected at most one of each kind, and one of neighbours for each distance"
            )
        }
        if metrics.isEmpty || Set(metrics).count < metrics.count {
            wrong.append("metrics is \(metrics.map(\.rawValue)); expected one or more, each once")
        }
        return wrong + interval.problems(in: "interval")
    }
}

// What reads classes from features.

/// What reads classes from features.
///
/// In documents a mapping with the key `kind` and the sizes of that kind.
public enum ProbeRule: Sendable, Hashable, Codable {
    /// The classes of the nearest training samples.
    case neighbours(NeighbourRule)
    /// Logistic regression, its strength chosen from a grid.
    case logistic(LogisticRule)
    /// One layer trained by gradient descent, its learning rate chosen from a list.
    case linear(LinearRule)
    /// Ridge regression of the classes, its ridge chosen from a grid.
    case ridge(GridRule)

    /// Votes of neighbours.
    public struct NeighbourRule: Sendable, Hashable, Codable {
        /// What is near.
        public enum Distance: String, Sendable, Codable, CaseIterable {
            /// The cosine of the angle; votes weigh softmax(cosine / temperature).
            case cosine
            /// The Euclidean distance; all votes weigh the same.
            case euclidean
        }

        /// What is near.
        public var distance: Distance
        /// Numbers of neighbours; a score each.
        public var k: [Int]
        /// The temperature of the votes' weights, with cosines; `nil` with Euclidean distances.
        public var temperature: Double?

        /// Makes a rule.
        public init(distance: Distance, k: [Int], temperature: Double? = nil) {
            self.distance = distance
            self.k = k
            self.temperature = temperature
        }

        /// The keys on disk.
        public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
            case distance, k, temperature
        }
    }

    /// A grid of the inverse strength of regularisation, C.
    public typealias LogisticRule = GridRule

    /// Powers of ten at equal steps: values of C of a logistic regression, or ridges.
    public struct GridRule: Sendable, Hashable, Codable {
        /// The exponent of the smallest value.
        public var lowest: Double
        /// The exponent of the largest value.
        public var highest: Double
        /// Number of values.
        public var count: Int

        /// Makes a rule.
        public init(lowest: Double, highest: Double, count: Int) {
            self.lowest = lowest
            self.highest = highest
            self.count = count
        }

        /// The keys on disk.
        public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
            case lowest = "log10_lowest"
            case highest = "log10_highest"
            case count
        }

        /// The exponents of all values, rising.
        public var exponents: [Double] {
            guard count > 1 else { return [lowest] }
            return (0..<count).map { lowest + (highest - lowest) * Double($0) / Double(count - 1) }
        }
    }

    /// Stochastic gradient descent with momentum on one layer, at several learning rates at once; they fall to 0 along half a cosine.
    public struct LinearRule: Sendable, Hashable, Codable {
        /// Learning rates of batches of 256 samples; they are scaled with the batch.
        public var rates: [Double]
        /// Samples of a step.
        public var batch: Int
        /// Steps.
        public var steps: Int
        /// The share of the last change that is kept in the next one.
        public var momentum: Double

        /// Makes a rule.
        public init(rates: [Double], batch: Int, steps: Int, momentum: Double) {
            self.rates = rates
            self.batch = batch
            self.steps = steps
            self.momentum = momentum
        }

        /// The keys on disk.
        public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
            case rates = "learning_rates"
            case batch, steps, momentum
        }

        /// What is wrong, one sentence each; empty where nothing is.
        var problems: [String] {
            var wrong: [String] = []
            if rates.isEmpty || rates.count > 64 || !rates.allSatisfy({ $0 > 0 && $0 <= 1000 })
                || Set(rates).count < rates.count
            {
                wrong.append("learning_rates is \(rates); expected 1 to 64 different numbers above 0 and at most 1000")
            }
            if !(1...65_536).contains(batch) { wrong.append("batch is \(batch); expected 1 to 65536") }
            if !(1...10_000_000).contains(steps) { wrong.append("steps is \(steps); expected 1 to 10000000") }
            if !(0..<1).contains(momentum) { wrong.append("momentum is \(momentum); expected 0 or more and below 1") }
            return wrong
        }
    }

    /// The kinds.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Votes of neighbours.
        case neighbours
        /// Logistic regression.
        case logistic
        /// One layer by gradient descent.
        case linear
        /// Ridge regression.
        case ridge
    }

    /// The key on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case kind
    }

    /// Reads a kind and its sizes.
    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Kind.self, forKey: .kind) {
        case .neighbours: self = .neighbours(try NeighbourRule(from: decoder))
        case .logistic: self = .logistic(try LogisticRule(from: decoder))
        case .linear: self = .linear(try LinearRule(from: decoder))
        case .ridge: self = .ridge(try GridRule(from: decoder))
        }
    }

    /// Writes a kind and its sizes.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .neighbours(let rule):
            try container.encode(Kind.neighbours, forKey: .kind)
            try rule.encode(to: encoder)
        case .logistic(let rule):
            try container.encode(Kind.logistic, forKey: .kind)
            try rule.encode(to: encoder)
        case .linear(let rule):
            try container.encode(Kind.linear, forKey: .kind)
            try rule.encode(to: encoder)
        case .ridge(let rule):
            try container.encode(Kind.ridge, forKey: .kind)
            try rule.encode(to: encoder)
        }
    }

    /// Its kind.
    public var kind: Kind {
        switch self {
        case .neighbours: .neighbours
        case .logistic: .logistic
        case .linear: .linear
        case .ridge: .ridge
        }
    }

    /// Whether a hyper-parameter is chosen on validation samples.
    public var needsValidation: Bool { kind != .neighbours }

    /// Probes of one family have results of one name.
    var family: String {
        if case .neighbours(let rule) = self { rule.distance.rawValue } else { kind.rawValue }
    }

    /// What is wrong, one sentence each; empty where nothing is.
    var problems: [String] {
        var wrong: [String] = []
        switch self {
        case .neighbours(let rule):
            if rule.k.isEmpty || rule.k.count > 16 || !rule.k.allSatisfy({ (1...10_000).contains($0) })
                || Set(rule.k).count < rule.k.count
            {
                wrong.append("k is \(rule.k); expected 1 to 16 different numbers from 1 to 10000")
            }
            switch (rule.distance, rule.temperature) {
            case (.cosine, let temperature?) where (0.0001...100).contains(temperature): break
            case (.cosine, let temperature):
                wrong.append(
                    "temperature is \(temperature.map { "\($0)" } ?? "missing"); expected 0.0001 to 100 with cosines")
            case (.euclidean, nil): break
            case (.euclidean, _): wrong.append("temperature has no effect on Euclidean distances; leave it out")
            }
        case .linear(let rule): wrong += rule.problems
        case .logistic(let rule), .ridge(let rule):
            if !(1...200).contains(rule.count) { wrong.append("count is \(rule.count); expected 1 to 200") }
            if !(-12...12).contains(rule.lowest) || !(-12...12).contains(rule.highest)
                || (rule.count > 1 ? rule.lowest >= rule.highest : rule.lowest != rule.highest)
            {
                wrong.append(
                    "log10_lowest and log10_highest are \(rule.lowest) and \(rule.highest); expected rising numbers from -12 to 12, or equal ones with a count of 1"
                )
            }
        }
        return wrong
    }
}

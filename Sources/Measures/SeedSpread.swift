// What several runs of one experiment, which differ in their seed alone, say together.

/// Mean and standard deviation of a score over seeds.
public struct SeedSpread: Sendable, Hashable, Codable {
    /// Number of seeds, n.
    public let count: Int
    /// Mean of the scores; `nil` without any.
    public let mean: Double?
    /// Standard deviation with the divisor n - 1; `nil` with fewer than two seeds.
    public let standardDeviation: Double?

    /// Measures scores, one of each seed.
    public init(_ scores: [Double]) {
        let mean = scores.reduce(0, +) / Double(max(scores.count, 1))
        let squares = scores.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }
        count = scores.count
        self.mean = scores.isEmpty ? nil : mean
        standardDeviation = scores.count > 1 ? (squares / Double(scores.count - 1)).squareRoot() : nil
    }
}

// Statistics of the bands of a benchmark's task, over samples of its pixels.

/// How the values of a band are spread, in the values that its files store.
///
/// GEO-Bench draws up to 1000 pixels of each of 1000 samples for them.
public struct BandStatistics: Sendable, Hashable, Codable {
    /// The least value.
    public let min: Double
    /// The largest value.
    public let max: Double
    /// The mean.
    public let mean: Double
    /// The standard deviation, of a population.
    public let std: Double
    /// The value that half of the pixels are below.
    public let median: Double
    /// The value that a thousandth of the pixels is below.
    public let permille1: Double
    /// The value that a hundredth of the pixels is below.
    public let percentile1: Double
    /// The value that a twentieth of the pixels is below.
    public let percentile5: Double
    /// The value that a twentieth of the pixels is above.
    public let percentile95: Double
    /// The value that a hundredth of the pixels is above.
    public let percentile99: Double
    /// The value that a thousandth of the pixels is above.
    public let permille999: Double

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case min, max, mean, std, median
        case permille1 = "percentile_0_1"
        case percentile1 = "percentile_1"
        case percentile5 = "percentile_5"
        case percentile95 = "percentile_95"
        case percentile99 = "percentile_99"
        case permille999 = "percentile_99_9"
    }
}

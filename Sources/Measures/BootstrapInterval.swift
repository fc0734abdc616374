// What the bootstrap says of a metric: between which values it may lie, and whether two of them differ.

/// How the ends of an interval are read off the values of the draws.
public enum BootstrapMethod: String, Sendable, Hashable, Codable, CaseIterable {
    /// Quantiles of the draws at (1 - confidence) / 2 from both ends (Efron 1979), as torchgeo-bench takes them.
    case percentile
    /// Quantiles further out when images are few (Hesterberg 2015, The American Statistician 69, 371-386).
    ///
    /// With N images they are at the shares `Phi(sqrt(N / (N - 1)) t)`, where t is the quantile of Student's distribution with N - 1
    /// degrees of freedom: of the mean of normal numbers the interval is then as wide as the exact one.
    case expandedPercentile = "expanded_percentile"
    /// Quantiles corrected for bias and for a spread that changes with the metric (BCa; Efron 1987, JASA 82, 171-185).
    ///
    /// It follows skewed metrics better, but errs with coarse ones: the accuracy of a hundred images has few values near 1.
    case bca
}

/// An interval of a metric, from draws of a test set's images.
public struct BootstrapInterval: Sendable, Hashable, Codable {
    /// The metric of all images; `nil` where it is not defined.
    public let estimate: Double?
    /// The lower end; `nil` where `estimate` is, with fewer than two images, or where no draw defined the metric.
    public let low: Double?
    /// The upper end; `nil` where `low` is.
    public let high: Double?
    /// How often such intervals are to hold the truth, such as 0.95.
    public let confidence: Double
    /// How the ends were found.
    public let method: BootstrapMethod
    /// How often the images were drawn; 0 with fewer than two of them.
    public let draws: Int
    /// In how many of the draws the metric was not defined; these are left out.
    public let undefinedDraws: Int
}

/// How the metrics of two predictions of the same images differ.
public struct BootstrapComparison: Sendable, Hashable, Codable {
    /// The metric of the first prediction.
    public let first: BootstrapInterval
    /// The metric of the second prediction, from the same draws.
    public let second: BootstrapInterval
    /// First minus second, taken draw by draw.
    public let difference: BootstrapInterval
    /// How likely so large a difference is where there is none; `nil` where `difference` has no interval.
    ///
    /// With B draws that define both metrics and their differences d, it is
    /// `min(1, max(1 / B, 2 min(#{d <= 0}, #{d >= 0}) / B))`: twice the share of the draws on the other side of zero, two-sided.
    public let pValue: Double?
}

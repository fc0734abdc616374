// Sums that regression metrics are made of, taken pair by pair, in double precision.

/// Running sums over pairs of truth and prediction.
///
/// The truth's spread is accumulated after Welford (Technometrics 1962), so that large means cost no digits.
public struct RegressionTally: Sendable, Hashable {
    /// Number of pairs.
    public private(set) var count = 0
    /// Mean of the truth; 0 without pairs.
    public private(set) var meanTruth = 0.0
    private var spread = 0.0
    private var errors = 0.0
    private var absoluteErrors = 0.0
    private var squaredErrors = 0.0

    /// Makes an empty tally.
    public init() {}

    /// Adds one pair.
    @inline(__always)
    public mutating func add(prediction: Double, truth: Double) {
        count += 1
        let delta = truth - meanTruth
        meanTruth += delta / Double(count)
        spread += delta * (truth - meanTruth)
        let error = prediction - truth
        errors += error
        absoluteErrors += abs(error)
        squaredErrors += error * error
    }

    /// Mean absolute error; 0 without pairs.
    public var mae: Double { count == 0 ? 0 : absoluteErrors / Double(count) }
    /// Root of the mean squared error; 0 without pairs.
    public var rmse: Double { count == 0 ? 0 : (squaredErrors / Double(count)).squareRoot() }
    /// Mean of prediction minus truth; 0 without pairs.
    public var bias: Double { count == 0 ? 0 : errors / Double(count) }
    /// Coefficient of determination, 1 - residual / total sum of squares; `nil` where the truth does not vary.
    public var r2: Double? { spread > 0 ? 1 - squaredErrors / spread : nil }
}

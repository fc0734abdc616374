// The two corrections of a BCa interval: of the bias of the draws, and of how fast their spread changes.

/// Where the ends of a BCa interval lie among the values of the draws (Efron 1987, JASA 82, 171-185).
///
/// With the estimate e, draws v and values j of the jackknife with their mean m: the bias is
/// `z0 = Phi^-1((#{v < e} + #{v <= e}) / 2 B)`, the acceleration `a = sum (m - j)^3 / (6 (sum (m - j)^2)^1.5)`. Instead of the share
/// `Phi(z)` the end is at `Phi(z0 + (z0 + z) / (1 - a (z0 + z)))`. This is also how SciPy's `bootstrap` counts ties.
struct BiasCorrection {
    /// z0; infinite where all draws lie on one side of the estimate.
    private let bias: Double
    private let acceleration: Double

    /// Measures both.
    ///
    /// - Parameters:
    ///   - estimate: The metric of all images.
    ///   - sorted: The metric of the draws, from low to high, one or more.
    ///   - jackknife: The metric without each image in turn.
    init(estimate: Double, sorted: [Double], jackknife: [Double]) {
        let below = sorted.reduce(0) { $0 + ($1 < estimate ? 1 : 0) }
        let notAbove = sorted.reduce(0) { $0 + ($1 <= estimate ? 1 : 0) }
        bias = NormalDistribution.quantile(Double(below + notAbove) / Double(2 * sorted.count))
        let mean = jackknife.reduce(0, +) / Double(max(jackknife.count, 1))
        var (squares, cubes) = (0.0, 0.0)
        for value in jackknife {
            let distance = mean - value
            squares += distance * distance
            cubes += distance * distance * distance
        }
        let ratio = cubes / (6 * squares * squares.squareRoot())
        // Equal values, and values whose cubes overflow, have none.
        acceleration = ratio.isFinite ? ratio : 0
    }

    /// The share of the draws at which to take an end of the interval, instead of the share without correction.
    ///
    /// An infinite bias cannot be corrected, and leaves the share as it is.
    func share(_ share: Double) -> Double {
        guard bias.isFinite else { return share }
        let shifted = bias + NormalDistribution.quantile(share)
        let scale = 1 - acceleration * shifted
        if scale <= 0 { return shifted > 0 ? 1 : 0 }
        return NormalDistribution.share(below: bias + shifted / scale)
    }
}

// How sure a test set makes one of a metric: the images are drawn again and again, with replacement.

/// Draws of a test set's images (Efron 1979), and the intervals of metrics that come of them.
///
/// Each draw takes as many images as there are, with replacement. Equal settings and numbers of images give the same draws, so that
/// intervals of several metrics or of several predictions rest on the same ones. Measured coverage of the methods:
/// `scripts/experiments/bootstrap_coverage.py`.
public struct Bootstrap: Sendable, Hashable {
    /// How often the images are drawn.
    public let draws: Int
    /// How often intervals are to hold the truth.
    public let confidence: Double
    /// How the ends of intervals are found.
    public let method: BootstrapMethod
    /// The seed of the draws.
    public let seed: UInt64

    /// Settles how to draw.
    public init(
        draws: Int = 1000, confidence: Double = 0.95, method: BootstrapMethod = .expandedPercentile, seed: UInt64 = 0
    ) {
        precondition(draws > 0, "a bootstrap has one draw or more, got \(draws)")
        precondition(confidence > 0 && confidence < 1, "a confidence must be between 0 and 1, got \(confidence)")
        self.draws = draws
        self.confidence = confidence
        self.method = method
        self.seed = seed
    }

    /// The interval of a metric.
    public func interval(of metric: ImageMetric) -> BootstrapInterval {
        interval(of: metric, sorted: values(of: metric).sorted())
    }

    /// Compares the metrics of two predictions of the same images.
    ///
    /// - Parameters:
    ///   - first: The metric of the first prediction.
    ///   - second: The metric of the second prediction, of the same images in the same order.
    public func comparison(of first: ImageMetric, with second: ImageMetric) -> BootstrapComparison {
        let difference = first.minus(second)
        let differences = values(of: difference).sorted()
        let between = interval(of: difference, sorted: differences)
        return BootstrapComparison(
            first: interval(of: first), second: interval(of: second), difference: between,
            pValue: between.low == nil ? nil : Self.pValue(differences))
    }

    // MARK: - Parts

    /// The metric in the draws that define it; nothing with fewer than two images.
    private func values(of metric: ImageMetric) -> [Double] {
        let count = metric.imageCount
        guard count > 1 else { return [] }
        var stream = SeededStream(seed: seed)
        var multiplicities = [Int](repeating: 0, count: count)
        var values: [Double] = []
        values.reserveCapacity(draws)
        for _ in 0..<draws {
            for image in 0..<count { multiplicities[image] = 0 }
            for _ in 0..<count { multiplicities[stream.below(count)] += 1 }
            if let value = metric.value(multiplicities) { values.append(value) }
        }
        return values
    }

    private func interval(of metric: ImageMetric, sorted: [Double]) -> BootstrapInterval {
        let taken = metric.imageCount > 1 ? draws : 0
        let estimate = metric.value([Int](repeating: 1, count: metric.imageCount))
        let shares = estimate.flatMap { tailShares(metric, $0, sorted) }
        return BootstrapInterval(
            estimate: estimate,
            low: shares.flatMap { Quantile.linear($0.low, sorted: sorted) },
            high: shares.flatMap { Quantile.linear($0.high, sorted: sorted) },
            confidence: confidence, method: method, draws: taken, undefinedDraws: taken - sorted.count)
    }

    /// Which shares of the draws lie below the ends of the interval; `nil` without draws.
    private func tailShares(
        _ metric: ImageMetric, _ estimate: Double, _ sorted: [Double]
    ) -> (low: Double, high: Double)? {
        guard !sorted.isEmpty else { return nil }
        let tail = (1 - confidence) / 2
        switch method {
        case .percentile: return (tail, 1 - tail)
        case .expandedPercentile:
            let count = Double(metric.imageCount)
            let t = StudentDistribution.quantile(tail, freedom: metric.imageCount - 1)
            let share = NormalDistribution.share(below: (count / (count - 1)).squareRoot() * t)
            return (share, 1 - share)
        case .bca:
            let correction = BiasCorrection(
                estimate: estimate, sorted: sorted,
                jackknife: (0..<metric.partCount).compactMap { metric.valueWithout($0, metric.partCount) })
            return (correction.share(tail), correction.share(1 - tail))
        }
    }

    private static func pValue(_ differences: [Double]) -> Double {
        let count = Double(differences.count)
        let notAbove = differences.reduce(0) { $0 + ($1 <= 0 ? 1 : 0) }
        let notBelow = differences.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) }
        let otherSide = Double(2 * min(notAbove, notBelow))
        return min(1, max(1, otherSide) / count)
    }
}

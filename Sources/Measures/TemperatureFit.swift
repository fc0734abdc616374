// One number that makes a model's probabilities honest: the temperature of its softmax, fitted on held-out pixels.

#if canImport(Glibc)
    internal import Glibc
#endif

/// The temperature by which logits are divided before the softmax so that the truth is likeliest.
///
/// Temperature scaling is described by Guo et al. 2017, section 4.2. The mean negative log-likelihood is convex in `b = 1 / T`:
/// its slope is the mean over rows of `E[z] - z_true`, its curvature the mean of `Var[z]`, both under `softmax(b z)`. The zero
/// of the slope is found by Newton's steps on `log b`, with bisection where a step would leave the bracket or gains too
/// little. Sums are taken in double precision in the order of the rows, so equal input gives equal bits.
public struct TemperatureFit: Sendable, Hashable {
    /// The temperature; above 1 where the model was too sure.
    public let temperature: Double
    /// Mean negative log-likelihood of the truth in nats, as the logits are.
    public let lossBefore: Double
    /// The same after division by the temperature.
    public let lossAfter: Double
    /// Rows that have truth.
    public let count: Int
    /// Whether the best temperature lies at the end of the range or beyond.
    ///
    /// Logits that are always right want 0; logits that know nothing want infinity.
    public let isAtLimit: Bool

    /// Finds the best temperature.
    ///
    /// - Parameters:
    ///   - logits: Rows of a sample's logits, `[N, C]`.
    ///   - truths: Index of each sample's true class, `[N]`; rows of 255 have no truth and are left out.
    ///   - classCount: C.
    ///   - range: Where the temperature may lie, above 0.
    /// - Returns: `nil` where no row has truth, or a row that has one holds a logit that is not finite.
    public init?(
        logits: [Float], truths: [UInt8], classCount: Int, range: ClosedRange<Double> = 0.01...100
    ) {
        precondition(classCount > 0, "logits are of one class or more, got \(classCount)")
        precondition(
            logits.count == truths.count * classCount,
            "\(logits.count) logits are not \(truths.count) rows of \(classCount)")
        precondition(
            range.lowerBound > 0 && range.upperBound.isFinite, "temperatures lie above 0, got \(range)")
        count = truths.reduce(0) { $0 + ($1 == ConfusionTally.none ? 0 : 1) }
        guard count > 0 else { return nil }
        let rows = Rows(logits: logits, truths: truths, classCount: classCount, count: count)
        let before = rows.loss(1)
        guard before.value.isFinite, before.slope.isFinite, before.curvature.isFinite else { return nil }
        lossBefore = before.value
        (temperature, isAtLimit) = rows.bestTemperature(in: range)
        lossAfter = rows.loss(1 / temperature).value
    }

    /// The samples, and how likely their truth is.
    private struct Rows {
        let logits: [Float]
        let truths: [UInt8]
        let classCount: Int
        let count: Int

        /// The mean loss at `b = 1 / T`, and its first two derivatives by `b`.
        func loss(_ b: Double) -> (value: Double, slope: Double, curvature: Double) {
            var (value, slope, curvature) = (0.0, 0.0, 0.0)
            logits.withUnsafeBufferPointer { logits in
                for (row, truth) in truths.enumerated() where truth != ConfusionTally.none {
                    precondition(truth < classCount, "truth \(truth) where there are \(classCount) classes")
                    let first = row * classCount
                    var largest = logits[first]
                    for k in 1..<classCount { largest = max(largest, logits[first + k]) }
                    // With d = z - largest z no exponential overflows.
                    var (weights, sum, squares) = (0.0, 0.0, 0.0)
                    for k in 0..<classCount {
                        let d = Double(logits[first + k]) - Double(largest)
                        let weight = exp(b * d)
                        weights += weight
                        sum += weight * d
                        squares += weight * d * d
                    }
                    let mean = sum / weights
                    let own = Double(logits[first + Int(truth)]) - Double(largest)
                    value += log(weights) - b * own
                    slope += mean - own
                    curvature += max(squares / weights - mean * mean, 0)
                }
            }
            return (value / Double(count), slope / Double(count), curvature / Double(count))
        }

        /// Where the loss is least in a range of temperatures, and whether that is where the range ends.
        func bestTemperature(in range: ClosedRange<Double>) -> (Double, isAtLimit: Bool) {
            // In u = log b: where the slope is negative the best lies above, where it is positive below.
            var low = -log(range.upperBound)
            var high = -log(range.lowerBound)
            var u = min(max(0, low), high)
            var point = loss(exp(u))
            // Where the loss is flat no temperature is better than another.
            if point.slope == 0 { return (exp(-u), false) }
            if point.slope > 0, loss(exp(low)).slope >= 0 { return (range.upperBound, true) }
            if point.slope < 0, loss(exp(high)).slope <= 0 { return (range.lowerBound, true) }
            var step = high - low
            // Each round takes a Newton step that is at most half of the one before, or halves the bracket.
            for _ in 0..<100 {
                if point.slope < 0 { low = u } else { high = u }
                // The slope by u of the slope by b is b times the curvature.
                let newton = -point.slope / (exp(u) * point.curvature)
                let isSafe = abs(newton) <= step / 2 && u + newton > low && u + newton < high
                let next = isSafe ? u + newton : low + (high - low) / 2
                step = abs(next - u)
                u = next
                if step <= 1e-13 { break }
                point = loss(exp(u))
                if point.slope == 0 { break }
            }
            return (min(max(exp(-u), range.lowerBound), range.upperBound), false)
        }
    }
}

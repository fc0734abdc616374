// Whether a model is right as often as it says: reliability bins, taken pixel by pixel.

/// How often predictions were right, by how sure the model said it was.
///
/// Confidence is the probability that the model gave to the class it chose. It falls into one of B bins of equal width:
/// bin k of 0 to B - 1 holds confidences above `k / B`, up to and with `(k + 1) / B` (Guo et al. 2017, section 2); the first
/// one holds 0 too. torchmetrics' `calibration_error` puts a confidence on a bound into the bin above instead, and 1 into a bin of its
/// own; elsewhere its norms l1, l2 and max are the expected, the root mean square and the maximum error.
public struct CalibrationTally: Sendable, Hashable {
    /// One bar of a reliability diagram.
    public struct Bin: Sendable, Hashable {
        /// The lowest and the highest confidence that fall into it; the lowest itself falls into the bin before.
        public let range: ClosedRange<Double>
        /// Number of predictions.
        public let count: Int
        /// Mean of their confidences; `nil` without predictions.
        public let meanConfidence: Double?
        /// Part of them that was right; `nil` without predictions.
        public let accuracy: Double?
    }

    private struct Sums: Sendable, Hashable {
        var count = 0
        var right = 0
        var confidence = 0.0
    }

    private var sums: [Sums]
    private var squaredErrors = 0.0

    /// Makes an empty tally of one bin or more; 15 is Guo's choice.
    public init(binCount: Int = 15) {
        precondition(binCount > 0, "reliability is counted in one bin or more, got \(binCount)")
        sums = [Sums](repeating: Sums(), count: binCount)
    }

    /// Adds a prediction.
    ///
    /// - Parameters:
    ///   - confidence: Probability that the model gave to it; what rounding took past 0 or 1 counts as 0 or 1.
    ///   - isRight: Whether it was right.
    public mutating func add(confidence: Double, isRight: Bool) {
        precondition(!confidence.isNaN, "a confidence is a number from 0 to 1, got NaN")
        let confidence = min(max(confidence, 0), 1)
        let bin = min(max(Int((confidence * Double(sums.count)).rounded(.up)) - 1, 0), sums.count - 1)
        sums[bin].count += 1
        sums[bin].right += isRight ? 1 : 0
        sums[bin].confidence += confidence
        let error = confidence - (isRight ? 1 : 0)
        squaredErrors += error * error
    }

    /// Adds the pixels of an image.
    ///
    /// - Parameters:
    ///   - confidences: Probability of the predicted class of each pixel.
    ///   - predictions: Index of the predicted class of each pixel, as many; pixels of 255 have none and are left out.
    ///   - truths: Index of the true class of each pixel, as many; pixels of 255 have no truth and are left out.
    ///   - validity: True where a pixel counts, as many; `nil` when all do.
    public mutating func add(confidences: [Float], predictions: [UInt8], truths: [UInt8], validity: [Bool]? = nil) {
        precondition(
            confidences.count == truths.count && predictions.count == truths.count
                && validity.map { $0.count == truths.count } ?? true,
            "\(truths.count) truths, \(predictions.count) predictions, \(confidences.count) confidences and "
                + "\(validity?.count ?? truths.count) validities")
        let none = ConfusionTally.none
        for index in truths.indices where validity?[index] ?? true {
            guard truths[index] != none, predictions[index] != none else { continue }
            add(confidence: Double(confidences[index]), isRight: predictions[index] == truths[index])
        }
    }

    /// Adds the sums of another tally of as many bins.
    public mutating func merge(_ other: CalibrationTally) {
        precondition(sums.count == other.sums.count, "\(sums.count) bins do not merge with \(other.sums.count)")
        for (index, theirs) in other.sums.enumerated() {
            sums[index].count += theirs.count
            sums[index].right += theirs.right
            sums[index].confidence += theirs.confidence
        }
        squaredErrors += other.squaredErrors
    }

    /// Number of predictions.
    public var count: Int { sums.reduce(0) { $0 + $1.count } }

    /// The bins, from the least sure to the surest.
    public var bins: [Bin] {
        let width = Double(sums.count)
        return sums.enumerated().map { index, sum in
            Bin(
                range: Double(index) / width...Double(index + 1) / width, count: sum.count,
                meanConfidence: sum.count > 0 ? sum.confidence / Double(sum.count) : nil,
                accuracy: sum.count > 0 ? Double(sum.right) / Double(sum.count) : nil)
        }
    }

    /// Mean confidence of all predictions; `nil` without any.
    public var meanConfidence: Double? { mean(sums.reduce(0) { $0 + $1.confidence }) }

    /// Part of the predictions that was right; `nil` without any.
    public var accuracy: Double? { mean(Double(sums.reduce(0) { $0 + $1.right })) }

    /// Mean distance of confidence and accuracy over the bins, weighted by their predictions; `nil` without any.
    public var expectedCalibrationError: Double? { mean(sums.reduce(0) { $0 + abs($1.confidence - Double($1.right)) }) }

    /// Root of the mean squared distance of confidence and accuracy over the bins, weighted by their predictions; `nil` without any.
    public var rootMeanSquareCalibrationError: Double? {
        let squares = sums.filter { $0.count > 0 }.map { sum -> Double in
            let distance = sum.confidence - Double(sum.right)
            return distance * distance / Double(sum.count)
        }
        return mean(squares.reduce(0, +))?.squareRoot()
    }

    /// The largest distance of confidence and accuracy in a bin; `nil` without predictions.
    public var maximumCalibrationError: Double? {
        sums.filter { $0.count > 0 }.map { abs($0.confidence - Double($0.right)) / Double($0.count) }.max()
    }

    /// Mean of (confidence - 1)^2 where right and confidence^2 where wrong (Brier 1950, of the chosen class alone).
    public var brierScore: Double? { mean(squaredErrors) }

    private func mean(_ sum: Double) -> Double? { count > 0 ? sum / Double(count) : nil }
}

// Whether a probe is right as often as it says, before and after its probabilities are scaled by a temperature.

#if canImport(Glibc)
    internal import Glibc
#endif

/// Errors of calibration of the chosen class's probability, in 15 bins; see `CalibrationTally`.
public struct CalibrationFigures: Sendable, Hashable {
    /// Three errors.
    public struct Errors: Sendable, Hashable {
        /// Expected calibration error (ECE).
        public let expected: Double
        /// Root mean square calibration error (RMS-CE).
        public let rootMeanSquare: Double
        /// Maximum calibration error (MCE).
        public let maximum: Double

        /// Takes errors.
        public init(expected: Double, rootMeanSquare: Double, maximum: Double) {
            self.expected = expected
            self.rootMeanSquare = rootMeanSquare
            self.maximum = maximum
        }

        /// The errors of a tally; `nil` of an empty one.
        init?(_ tally: CalibrationTally) {
            guard let expected = tally.expectedCalibrationError, let square = tally.rootMeanSquareCalibrationError,
                let maximum = tally.maximumCalibrationError
            else { return nil }
            self.init(expected: expected, rootMeanSquare: square, maximum: maximum)
        }
    }

    /// Number of bins.
    public static let binCount = 15

    /// Of the probabilities as they are.
    public let plain: Errors
    /// Of the probabilities after scaling; `nil` where there was nothing to fit a temperature to.
    public let scaled: Errors?
    /// What logits are divided by, fitted on validation samples; above 1 where the probe is overconfident.
    public let temperature: Double?

    /// Takes figures.
    public init(plain: Errors, scaled: Errors? = nil, temperature: Double? = nil) {
        self.plain = plain
        self.scaled = scaled
        self.temperature = temperature
    }

    /// The figures of probabilities.
    ///
    /// - Parameters:
    ///   - probabilities: Of each class of each sample, row by row, `[N, K]`.
    ///   - truths: Classes, `[N]`.
    ///   - validation: Probabilities and classes of samples that the probe was not fitted to, from which the temperature comes.
    /// - Returns: `nil` without a sample.
    public init?(
        probabilities: [Float], truths: [Int], classCount: Int,
        validation: (probabilities: [Float], truths: [Int])? = nil
    ) {
        func tally(_ values: [Float]) -> CalibrationTally {
            var tally = CalibrationTally(binCount: Self.binCount)
            for (row, truth) in truths.enumerated() {
                let own = values[row * classCount..<(row + 1) * classCount]
                guard let best = own.indices.max(by: { own[$0] < own[$1] || (own[$0] == own[$1] && $0 > $1) }) else {
                    continue
                }
                tally.add(confidence: Double(own[best]), isRight: best - own.startIndex == truth)
            }
            return tally
        }
        guard let plain = Errors(tally(probabilities)) else { return nil }
        self.plain = plain
        // `TemperatureFit` takes truths as bytes.
        guard let validation, classCount < 255,
            let fit = TemperatureFit(
                logits: Self.logits(validation.probabilities), truths: validation.truths.map { UInt8($0) },
                classCount: classCount)
        else {
            (scaled, temperature) = (nil, nil)
            return
        }
        temperature = fit.temperature
        scaled = Errors(tally(Self.softened(probabilities, classCount: classCount, temperature: fit.temperature)))
    }

    /// Logits whose softmax is these probabilities; one that was rounded to 0 counts as the smallest normal number.
    private static func logits(_ probabilities: [Float]) -> [Float] {
        probabilities.map { Float(log(Double(max($0, .leastNormalMagnitude)))) }
    }

    /// The softmax of logits that were divided by a temperature.
    private static func softened(_ probabilities: [Float], classCount: Int, temperature: Double) -> [Float] {
        let logits = logits(probabilities)
        var softened: [Float] = []
        softened.reserveCapacity(logits.count)
        for start in stride(from: 0, to: logits.count, by: classCount) {
            let row = logits[start..<start + classCount]
            let largest = Double(row.max() ?? 0)
            let weights = row.map { exp((Double($0) - largest) / temperature) }
            let sum = weights.reduce(0, +)
            softened += weights.map { Float($0 / sum) }
        }
        return softened
    }
}

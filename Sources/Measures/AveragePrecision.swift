// How well scores put the samples that have a label before those that have not: the area under precision and recall.

/// Samples in the order of a label's scores, of which average precision can be taken for any draw of them.
///
/// With precision P and recall R among the samples whose score is at least the n-th highest distinct score:
/// `AP = sum over n of (R_n - R_(n-1)) P_n`, without interpolation, as scikit-learn's `average_precision_score`. Samples of equal scores
/// are taken together.
public struct AveragePrecision: Sendable, Hashable {
    /// Samples from the highest score to the lowest.
    private let order: [Int]
    /// By place in the order: whether the sample has the label, and whether the next one's score is lower.
    private let truths: [Bool]
    private let isLastOfTies: [Bool]

    /// Sorts samples.
    ///
    /// - Parameters:
    ///   - scores: The score of each sample, higher where the label is likelier.
    ///   - truths: Whether each sample has the label, as many.
    /// - Returns: `nil` where a score is NaN.
    public init?(scores: [Float], truths: [Bool]) {
        precondition(scores.count == truths.count, "\(scores.count) scores and \(truths.count) truths")
        if scores.contains(where: \.isNaN) { return nil }
        let order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
        self.order = order
        self.truths = order.map { truths[$0] }
        isLastOfTies = order.indices.map { place in
            place + 1 == order.count || scores[order[place + 1]] < scores[order[place]]
        }
    }

    /// Average precision of the samples, 0 to 1; `nil` where none of them has the label.
    ///
    /// scikit-learn and torchmetrics say 0 there, and count it in the mean over labels.
    public var value: Double? { area { _ in 1 } }

    /// Average precision of a draw.
    ///
    /// - Parameter multiplicities: How often each sample was drawn, `[N]`.
    /// - Returns: `nil` where none of the drawn samples has the label.
    public func value(multiplicities: [Int]) -> Double? {
        precondition(
            multiplicities.count == order.count, "\(multiplicities.count) multiplicities for \(order.count) samples")
        return area { multiplicities[$0] }
    }

    /// Mean of the average precisions of several labels that have one (mAP); `nil` where none has.
    public static func mean(of labels: [AveragePrecision]) -> Double? {
        mean(labels.compactMap(\.value))
    }

    /// Mean of the average precisions of several labels that have one in a draw; `nil` where none has.
    public static func mean(of labels: [AveragePrecision], multiplicities: [Int]) -> Double? {
        mean(labels.compactMap { $0.value(multiplicities: multiplicities) })
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    private func area(_ times: (Int) -> Int) -> Double? {
        var (seen, found, counted, sum) = (0, 0, 0, 0.0)
        for place in order.indices {
            let number = times(order[place])
            seen += number
            if truths[place] { found += number }
            if isLastOfTies[place], found > counted {
                sum += Double(found - counted) * Double(found) / Double(seen)
                counted = found
            }
        }
        return found > 0 ? sum / Double(found) : nil
    }
}

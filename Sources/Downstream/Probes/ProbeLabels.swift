// What is known, or predicted, of the samples of a probe: a class each, or the labels that hold of each.

/// Classes or labels of samples, in their order.
package enum ProbeLabels: Sendable, Equatable {
    /// The index of each sample's class, below the number of classes.
    case classes([Int], classCount: Int)
    /// Whether each label holds of each sample: a row of `labelCount` values per sample.
    case labels([Bool], labelCount: Int)

    /// Number of samples.
    package var count: Int {
        switch self {
        case .classes(let classes, _): classes.count
        case .labels(let values, let width): width > 0 ? values.count / width : 0
        }
    }

    /// Number of classes or labels.
    package var width: Int {
        switch self {
        case .classes(_, let count): count
        case .labels(_, let count): count
        }
    }

    /// Those of some samples, in the order of the indices.
    func picked(_ indices: [Int]) -> ProbeLabels {
        switch self {
        case .classes(let classes, let count): .classes(indices.map { classes[$0] }, classCount: count)
        case .labels(let values, let width):
            .labels(indices.flatMap { values[$0 * width..<($0 + 1) * width] }, labelCount: width)
        }
    }

    /// Those of these samples, then those of others; `nil` where they are of another kind or number.
    func followed(by others: ProbeLabels) -> ProbeLabels? {
        switch (self, others) {
        case (.classes(let first, let count), .classes(let second, let other)) where count == other:
            .classes(first + second, classCount: count)
        case (.labels(let first, let width), .labels(let second, let other)) where width == other:
            .labels(first + second, labelCount: width)
        default: nil
        }
    }

    /// How well predictions of the same samples agree with this truth, from 0 to 1.
    ///
    /// The share of right classes; for labels the F1 score over all samples and labels together (micro), 0 where no label holds and
    /// none is predicted.
    package func agreement(of predictions: ProbeLabels) -> Double {
        switch (self, predictions) {
        case (.classes(let truth, _), .classes(let predicted, _)):
            precondition(truth.count == predicted.count, "predictions are compared with the truth of the same samples")
            let right = zip(truth, predicted).count(where: { $0 == $1 })
            return truth.isEmpty ? 0 : Double(right) / Double(truth.count)
        case (.labels(let truth, _), .labels(let predicted, _)):
            precondition(truth.count == predicted.count, "predictions are compared with the truth of the same samples")
            let both = zip(truth, predicted).count(where: { $0 && $1 })
            let sum = truth.count(where: { $0 }) + predicted.count(where: { $0 })
            return sum > 0 ? 2 * Double(both) / Double(sum) : 0
        default: preconditionFailure("classes are not compared with labels")
        }
    }
}

/// The index of the largest value of each row; the lowest one where several are equal.
///
/// - Parameters:
///   - values: Rows of `width` values.
///   - width: At least 1. A value that is not a number is never the largest.
func firstLargest(_ values: [Double], width: Int) -> [Int] {
    stride(from: 0, to: values.count, by: width).map { start in
        var best = 0
        for column in 1..<max(width, 1) {
            let largest = values[start + best]
            if values[start + column] > largest || largest.isNaN { best = column }
        }
        return best
    }
}

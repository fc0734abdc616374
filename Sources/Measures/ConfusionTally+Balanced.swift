// Accuracy in which rare classes count as much as common ones, and tallies as rows of numbers that can be summed.

extension ConfusionTally {
    /// Mean recall of the classes that the truth has; `nil` without pixels.
    ///
    /// scikit-learn's `balanced_accuracy_score`; torchmetrics' `MulticlassAccuracy` with `average="macro"` also counts the classes that
    /// are predicted only, as 0.
    public var balancedAccuracy: Double? {
        let recalls = (0..<classCount).compactMap(recall(of:))
        return recalls.isEmpty ? nil : recalls.reduce(0, +) / Double(recalls.count)
    }

    /// All counts in one row: by class of the truth, the classes of the prediction and then none, `[C (C + 1)]`.
    public var flattened: [Double] {
        let none = noneCounts
        return counts.enumerated().flatMap { truth, row in (row + [none[truth]]).map { Double($0) } }
    }

    /// Makes a tally of a row of counts, such as a sum of rows.
    ///
    /// - Parameters:
    ///   - classCount: C.
    ///   - flattened: Counts in the order of `flattened`, whole numbers of 0 or more, `[C (C + 1)]`.
    public init(classCount: Int, flattened: [Double]) {
        self.init(classCount: classCount)
        let columns = classCount + 1
        precondition(
            flattened.count == classCount * columns, "\(flattened.count) counts are not of \(classCount) classes")
        for (index, count) in flattened.enumerated() where count != 0 {
            let column = index % columns
            add(prediction: column < classCount ? column : nil, truth: index / columns, count: Int(count))
        }
    }
}

// Which labels were found and which missed, where an image may have several: counts, and the metrics that come of them.

/// Counts of samples by label, of the truth and of the prediction.
///
/// What is not defined is `nil`, and means leave it out. A label is absent when neither truth nor prediction ever has it. With `t` samples
/// of a label in the truth, `p` in the prediction and `b` in both: precision = `b / p`, recall = `b / t`, F1 = `2 b / (t + p)`.
/// torchmetrics and scikit-learn put 0 where a metric is not defined.
public struct MultiLabelTally: Sendable, Hashable {
    /// Number of labels, L.
    public let labelCount: Int
    /// Number of samples.
    public private(set) var count = 0
    /// Samples whose labels were all predicted rightly.
    public private(set) var exactCount = 0
    private var both: [Int]
    private var onlyPredicted: [Int]
    private var onlyTrue: [Int]

    /// Makes an empty tally of one label or more.
    public init(labelCount: Int) {
        precondition(labelCount > 0, "a sample has one label or more that it may have, got \(labelCount)")
        self.labelCount = labelCount
        both = [Int](repeating: 0, count: labelCount)
        onlyPredicted = both
        onlyTrue = both
    }

    // MARK: - Counting

    /// Adds a sample.
    ///
    /// - Parameters:
    ///   - predictions: Whether each label was predicted, `[L]`.
    ///   - truths: Whether the sample has each label, `[L]`.
    public mutating func add(predictions: [Bool], truths: [Bool]) {
        precondition(
            predictions.count == labelCount && truths.count == labelCount,
            "\(predictions.count) predictions and \(truths.count) truths of \(labelCount) labels")
        var isExact = true
        for label in 0..<labelCount {
            switch (predictions[label], truths[label]) {
            case (true, true): both[label] += 1
            case (true, false): onlyPredicted[label] += 1
            case (false, true): onlyTrue[label] += 1
            case (false, false): break
            }
            if predictions[label] != truths[label] { isExact = false }
        }
        count += 1
        if isExact { exactCount += 1 }
    }

    /// Adds the counts of another tally of as many labels.
    public mutating func merge(_ other: MultiLabelTally) {
        precondition(labelCount == other.labelCount, "\(labelCount) labels do not merge with \(other.labelCount)")
        count += other.count
        exactCount += other.exactCount
        for label in 0..<labelCount {
            both[label] += other.both[label]
            onlyPredicted[label] += other.onlyPredicted[label]
            onlyTrue[label] += other.onlyTrue[label]
        }
    }

    // MARK: - Counts

    /// Samples that have a label and were predicted to (true positives).
    public func truePositives(of label: Int) -> Int { both[label] }
    /// Samples that were predicted to have a label and have it not (false positives).
    public func falsePositives(of label: Int) -> Int { onlyPredicted[label] }
    /// Samples that have a label and were not predicted to (false negatives).
    public func falseNegatives(of label: Int) -> Int { onlyTrue[label] }
    /// Samples that neither have a label nor were predicted to (true negatives).
    public func trueNegatives(of label: Int) -> Int { count - both[label] - onlyPredicted[label] - onlyTrue[label] }

    // MARK: - Metrics of one label

    /// Of the samples predicted to have a label, the part that has it; `nil` where there are none.
    public func precision(of label: Int) -> Double? { Self.ratio(both[label], both[label] + onlyPredicted[label]) }

    /// Of the samples that have a label, the part that was found; `nil` where there are none.
    public func recall(of label: Int) -> Double? { Self.ratio(both[label], both[label] + onlyTrue[label]) }

    /// Harmonic mean of precision and recall; `nil` where the label is absent.
    public func f1(of label: Int) -> Double? {
        Self.ratio(2 * both[label], 2 * both[label] + onlyPredicted[label] + onlyTrue[label])
    }

    // MARK: - Metrics of all labels

    /// F1 of all labels' counts together; `nil` where all are absent.
    ///
    /// It is GEO-Bench's metric of BigEarthNet.
    public var microF1: Double? {
        let found = 2 * both.reduce(0, +)
        return Self.ratio(found, found + onlyPredicted.reduce(0, +) + onlyTrue.reduce(0, +))
    }

    /// Mean F1 of the labels that are not absent; `nil` where all are.
    public var macroF1: Double? {
        let values = (0..<labelCount).compactMap(f1(of:))
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// Mean F1 of all labels, absent ones as 0: torchmetrics' and scikit-learn's macro average.
    public var macroF1WithAbsentAsZero: Double {
        (0..<labelCount).reduce(0.0) { $0 + (f1(of: $1) ?? 0) } / Double(labelCount)
    }

    /// Part of the samples whose labels were all predicted rightly; `nil` without samples.
    public var subsetAccuracy: Double? { Self.ratio(exactCount, count) }

    private static func ratio(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }
}

extension MultiLabelTally {
    /// All counts in one row: true positives, false positives and false negatives of each label, samples and exact ones, `[3 L + 2]`.
    public var flattened: [Double] {
        let counts = both + onlyPredicted + onlyTrue + [count, exactCount]
        return counts.map { Double($0) }
    }

    /// Makes a tally of a row of counts, such as a sum of rows.
    ///
    /// - Parameters:
    ///   - labelCount: L.
    ///   - flattened: Counts in the order of `flattened`, whole numbers of 0 or more, `[3 L + 2]`.
    public init(labelCount: Int, flattened: [Double]) {
        self.init(labelCount: labelCount)
        precondition(
            flattened.count == 3 * labelCount + 2, "\(flattened.count) counts are not of \(labelCount) labels")
        for label in 0..<labelCount {
            both[label] = Int(flattened[label])
            onlyPredicted[label] = Int(flattened[labelCount + label])
            onlyTrue[label] = Int(flattened[2 * labelCount + label])
        }
        count = Int(flattened[3 * labelCount])
        exactCount = Int(flattened[3 * labelCount + 1])
    }
}

// Which class was taken for which: counts of pixels, and the metrics of maps of classes that come of them.

/// Counts of pixels by the class of the truth and the class of the prediction.
///
/// A prediction may also be none: the map has no value there, or its model was too unsure to tell. Such a pixel counts as
/// wrong: it misses the class of its truth, and is a false alarm of no class. Pixels without truth are not counted at all.
///
/// A class is absent when neither truth nor prediction has a pixel of it. What is not defined is `nil`, and means leave it
/// out, as mmsegmentation's `IoUMetric` does with NaN. With `n` pixels, `t` of the class in the truth, `p` in the prediction
/// and `b` in both: IoU = `b / (t + p - b)`, precision = `b / p`, recall = `b / t`, F1 = `2 b / (t + p)`.
public struct ConfusionTally: Sendable, Hashable {
    /// What stands for no class in arrays of indices: no prediction, or no truth.
    public static let none: UInt8 = 255

    /// Number of classes, C.
    public let classCount: Int
    /// Rows of the truth's class, of C + 1 columns each: the classes of the prediction, then none.
    private var cells: [Int]
    private var columns: Int { classCount + 1 }

    /// Makes an empty tally of one class or more.
    public init(classCount: Int) {
        precondition(classCount > 0, "a confusion matrix has one class or more, got \(classCount)")
        self.classCount = classCount
        cells = [Int](repeating: 0, count: classCount * (classCount + 1))
    }

    // MARK: - Counting

    /// Adds a pixel, or several of the same kind.
    ///
    /// - Parameters:
    ///   - prediction: Index of the predicted class, 0 to C - 1; `nil` for none.
    ///   - truth: Index of the true class, 0 to C - 1.
    ///   - count: How many such pixels there are.
    public mutating func add(prediction: Int?, truth: Int, count: Int = 1) {
        precondition(count >= 0, "no tally has a negative number of pixels, got \(count)")
        cells[cell(truth: truth, prediction: prediction)] += count
    }

    /// Adds the pixels of an image.
    ///
    /// - Parameters:
    ///   - predictions: Index of the predicted class of each pixel, 0 to C - 1, or 255 for none.
    ///   - truths: Index of the true class of each pixel, as many; pixels of 255 have no truth and are left out.
    ///   - validity: True where a pixel counts, as many; `nil` when all do.
    public mutating func add(predictions: [UInt8], truths: [UInt8], validity: [Bool]? = nil) {
        precondition(
            predictions.count == truths.count && validity.map { $0.count == truths.count } ?? true,
            "\(truths.count) truths, \(predictions.count) predictions and \(validity?.count ?? truths.count) validities"
        )
        precondition(classCount <= 255, "the index 255 stands for none, but there are \(classCount) classes")
        let (classCount, columns) = (classCount, columns)
        cells.withUnsafeMutableBufferPointer { cells in
            for index in truths.indices where validity?[index] ?? true {
                let truth = truths[index]
                if truth == Self.none { continue }
                let prediction = predictions[index] == Self.none ? classCount : Int(predictions[index])
                precondition(
                    truth < classCount && prediction <= classCount,
                    "truth \(truth) and prediction \(prediction) where there are \(classCount) classes")
                cells[Int(truth) * columns + prediction] += 1
            }
        }
    }

    /// Adds the counts of another tally of as many classes.
    public mutating func merge(_ other: ConfusionTally) {
        precondition(classCount == other.classCount, "\(classCount) classes do not merge with \(other.classCount)")
        for index in cells.indices { cells[index] += other.cells[index] }
    }

    // MARK: - Counts

    /// Number of pixels of a class of the truth that were predicted as another or the same; `nil` is none.
    public func count(truth: Int, prediction: Int?) -> Int { cells[cell(truth: truth, prediction: prediction)] }

    /// The confusion matrix, `[truth, prediction]`, without the pixels predicted as none.
    public var counts: [[Int]] {
        (0..<classCount).map { truth in Array(cells[truth * columns..<truth * columns + classCount]) }
    }

    /// Pixels predicted as none, by the class of the truth, `[C]`.
    public var noneCounts: [Int] { (0..<classCount).map { count(truth: $0, prediction: nil) } }

    /// Number of pixels, those predicted as none too.
    public var count: Int { cells.reduce(0, +) }

    /// Number of pixels of a class in the truth, those predicted as none too.
    public func truthCount(of index: Int) -> Int {
        let start = cell(truth: index, prediction: 0)
        return cells[start..<start + columns].reduce(0, +)
    }

    /// Number of pixels of a class in the prediction.
    public func predictionCount(of index: Int) -> Int {
        (0..<classCount).reduce(0) { $0 + count(truth: $1, prediction: index) }
    }

    // MARK: - Metrics of one class

    /// Intersection over union of a class; `nil` where it is absent from both truth and prediction.
    public func iou(of index: Int) -> Double? {
        let both = count(truth: index, prediction: index)
        return Self.ratio(both, truthCount(of: index) + predictionCount(of: index) - both)
    }

    /// Of the pixels predicted as a class, the part that is of it (user's accuracy); `nil` where it was never predicted.
    public func precision(of index: Int) -> Double? {
        Self.ratio(count(truth: index, prediction: index), predictionCount(of: index))
    }

    /// Of the pixels of a class, the part that was found (producer's accuracy); `nil` where the truth has none.
    public func recall(of index: Int) -> Double? {
        Self.ratio(count(truth: index, prediction: index), truthCount(of: index))
    }

    /// Harmonic mean of precision and recall; `nil` where the class is absent from both truth and prediction.
    ///
    /// It is 0, not undefined, where one of the two has the class and they share no pixel, as in scikit-learn.
    public func f1(of index: Int) -> Double? {
        Self.ratio(2 * count(truth: index, prediction: index), truthCount(of: index) + predictionCount(of: index))
    }

    // MARK: - Metrics of all classes

    /// Mean IoU of the classes that are present, in truth or prediction; `nil` without pixels.
    public var meanIoU: Double? { meanIoU(without: nil) }

    /// Mean IoU of the classes that are present but one, such as the background; `nil` where no other is present.
    ///
    /// Its pixels still count where they were taken for another class, or another class for them.
    public func meanIoU(without background: Int?) -> Double? { mean(without: background, iou(of:)) }

    /// Mean F1 of the classes that are present, in truth or prediction; `nil` without pixels.
    public var macroF1: Double? { mean(without: nil, f1(of:)) }

    /// Part of the pixels that were predicted rightly; `nil` without pixels.
    public var overallAccuracy: Double? { Self.ratio(correctCount, count) }

    /// IoU of the classes, each weighted by its part of the truth's pixels; `nil` without pixels.
    public var frequencyWeightedIoU: Double? {
        let total = count
        guard total > 0 else { return nil }
        return (0..<classCount).reduce(0) { sum, index in
            sum + (iou(of: index) ?? 0) * Double(truthCount(of: index)) / Double(total)
        }
    }

    /// Agreement beyond chance (Cohen 1960): `(o - e) / (1 - e)`, with the accuracy `o` and the chance `e = sum of t p / n^2`.
    ///
    /// None is one more category, which the truth never has. `nil` without pixels, and where chance alone agrees everywhere:
    /// truth and prediction hold one and the same class.
    public var kappa: Double? {
        let total = Double(count)
        let chance = (0..<classCount).reduce(0.0) { sum, index in
            sum + Double(truthCount(of: index)) * Double(predictionCount(of: index))
        }
        guard chance < total * total else { return nil }
        return (Double(correctCount) * total - chance) / (total * total - chance)
    }

    // MARK: - Parts

    private var correctCount: Int { (0..<classCount).reduce(0) { $0 + count(truth: $1, prediction: $1) } }

    private func cell(truth: Int, prediction: Int?) -> Int {
        precondition(
            (0..<classCount).contains(truth) && prediction.map((0..<classCount).contains) ?? true,
            "truth \(truth) and prediction \(prediction ?? classCount) where there are \(classCount) classes")
        return truth * columns + (prediction ?? classCount)
    }

    private func mean(without left: Int?, _ metric: (Int) -> Double?) -> Double? {
        let values = (0..<classCount).compactMap { $0 == left ? nil : metric($0) }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    private static func ratio(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }
}

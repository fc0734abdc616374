// Metrics of tallies in the form that the bootstrap draws: each image has its own tally, a draw has their sum.

extension ImageMetric {
    /// A metric of the confusion matrix of several images, such as mean IoU.
    ///
    /// - Parameters:
    ///   - sums: The tally of each image as a row (`ConfusionTally.flattened`), `[N, C (C + 1)]`.
    ///   - classCount: C.
    ///   - metric: Takes the tally of a draw and returns the metric.
    public static func confusion(
        _ sums: ImageSums, classCount: Int, metric: @escaping (ConfusionTally) -> Double?
    ) -> ImageMetric {
        precondition(
            sums.width == classCount * (classCount + 1),
            "rows of \(sums.width) counts are not of \(classCount) classes")
        return .of(sums) { metric(ConfusionTally(classCount: classCount, flattened: $0)) }
    }

    /// A metric of images that have one class each, such as balanced accuracy.
    ///
    /// - Parameters:
    ///   - predictions: Index of the predicted class of each image, 0 to C - 1; `nil` for none.
    ///   - truths: Index of the true class of each image, as many.
    ///   - classCount: C.
    ///   - metric: Takes the tally of a draw and returns the metric.
    public static func classification(
        predictions: [Int?], truths: [Int], classCount: Int, metric: @escaping (ConfusionTally) -> Double?
    ) -> ImageMetric {
        precondition(predictions.count == truths.count, "\(truths.count) truths and \(predictions.count) predictions")
        var sums = ImageSums(width: classCount * (classCount + 1))
        for (prediction, truth) in zip(predictions, truths) {
            let column = prediction ?? classCount
            precondition(
                (0..<classCount).contains(truth) && (0...classCount).contains(column),
                "truth \(truth) and prediction \(column) where there are \(classCount) classes")
            sums.add(column: truth * (classCount + 1) + column)
        }
        return confusion(sums, classCount: classCount, metric: metric)
    }

    /// A metric of images that have several labels each, such as micro-F1.
    ///
    /// - Parameters:
    ///   - sums: The tally of each image as a row (`MultiLabelTally.flattened`), `[N, 3 L + 2]`.
    ///   - labelCount: L.
    ///   - metric: Takes the tally of a draw and returns the metric.
    public static func labels(
        _ sums: ImageSums, labelCount: Int, metric: @escaping (MultiLabelTally) -> Double?
    ) -> ImageMetric {
        precondition(sums.width == 3 * labelCount + 2, "rows of \(sums.width) counts are not of \(labelCount) labels")
        return .of(sums) { metric(MultiLabelTally(labelCount: labelCount, flattened: $0)) }
    }

    /// Mean average precision of images that have several labels each.
    ///
    /// - Parameters:
    ///   - labels: The images in the order of each label's scores.
    ///   - imageCount: Number of images, N.
    public static func meanAveragePrecision(_ labels: [AveragePrecision], imageCount: Int) -> ImageMetric {
        ImageMetric(imageCount: imageCount) { AveragePrecision.mean(of: labels, multiplicities: $0) }
    }
}

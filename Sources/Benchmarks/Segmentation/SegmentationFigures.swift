// Figures of a segmentation set, and their intervals: images are drawn, never pixels.
public import Measures

/// A figure of a segmentation benchmark.
public enum SegmentationMetric: String, Sendable, Codable, CaseIterable {
    /// Mean over classes of intersection over union.
    case meanIoU = "miou"
    /// The same without the background.
    case meanIoUWithoutBackground = "miou_no_background"
    /// Mean IoU of the classes that occur in the truth of the scored images.
    case meanIoUOfPresent = "miou_present"
    /// Share of the pixels whose class is right.
    case overallAccuracy = "overall_accuracy"
    /// Mean over classes of recall.
    case balancedAccuracy = "balanced_accuracy"
    /// Mean over classes of the harmonic mean of precision and recall.
    case macroF1 = "macro_f1"
    /// IoU of the classes, each weighted by its share of the truth.
    case frequencyWeightedIoU = "fw_iou"
    /// IoU of each class: a figure each, `iou_` and the class's name.
    case classIoU = "class_iou"
}

/// How a class counts that is neither in the truth nor in the prediction.
public enum AbsentClass: String, Sendable, Codable, CaseIterable {
    /// Means leave it out, as mmsegmentation does.
    case leftOut = "left_out"
    /// It counts as 0, as in torchmetrics before 1.0, with which GEO-Bench was published.
    case zero
}

/// Takes the figures of a tally.
public struct SegmentationFigures {
    private let tally: SegmentationTally
    private let absent: AbsentClass
    private let bootstrap: Bootstrap
    private let sums: ImageSums

    /// Prepares the draws.
    public init(_ tally: SegmentationTally, absent: AbsentClass, bootstrap: Bootstrap) {
        self.tally = tally
        self.absent = absent
        self.bootstrap = bootstrap
        let count = tally.classes.count
        var sums = ImageSums(width: count * (count + 1))
        for image in tally.images { sums.add(image.flattened) }
        self.sums = sums
    }

    /// Figures by name: one, or one for each class.
    public func intervals(of metric: SegmentationMetric) -> [(name: String, interval: BootstrapInterval)] {
        if metric == .classIoU {
            return tally.classes.indices.map { index in
                ("iou_\(tally.classes[index])", interval { $0.iou(of: index) })
            }
        }
        let (absent, background) = (absent, tally.background)
        // Of all images: in a draw that lacks a class its IoU is not defined, or 0.
        let present = tally.classes.indices.filter { tally.whole.truthCount(of: $0) > 0 }
        let all = Array(tally.classes.indices)
        return [
            (
                metric.rawValue,
                interval { tally in
                    switch metric {
                    case .meanIoU: mean(of: all, absent, tally.iou(of:))
                    case .meanIoUWithoutBackground: mean(of: all.filter { $0 != background }, absent, tally.iou(of:))
                    case .meanIoUOfPresent: mean(of: present, absent, tally.iou(of:))
                    case .overallAccuracy: tally.overallAccuracy
                    case .balancedAccuracy: tally.balancedAccuracy
                    case .macroF1: mean(of: all, absent, tally.f1(of:))
                    case .frequencyWeightedIoU: tally.frequencyWeightedIoU
                    case .classIoU: nil
                    }
                }
            )
        ]
    }

    private func interval(_ metric: @escaping (ConfusionTally) -> Double?) -> BootstrapInterval {
        bootstrap.interval(of: .confusion(sums, classCount: tally.classes.count, metric: metric))
    }
}

/// The mean over some classes; `nil` where none of them counts.
func mean(of classes: [Int], _ absent: AbsentClass, _ metric: (Int) -> Double?) -> Double? {
    let values = classes.compactMap { metric($0) ?? (absent == .zero ? 0 : nil) }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}

// What the land-cover trainer minimises: a sum of losses.
package import Torch

/// The losses that are added up, and their weights in the sum.
public struct LandCoverLoss: Codable, Sendable, Equatable {
    /// Weight of the cross-entropy; 0 leaves it out.
    public var crossEntropy = 1.0
    /// Weight of the focal loss; 0 leaves it out.
    public var focal = 0.0
    /// Weight of the dice loss; 0 leaves it out.
    public var dice = 0.0
    /// How strongly the focal loss passes over easy pixels.
    public var focalGamma = 2.0
    /// Share of each label that the cross-entropy gives to all classes alike.
    public var labelSmoothing = 0.0
    /// How much each class counts in cross-entropy and focal loss.
    public var classWeights = ClassWeighting.none

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case crossEntropy = "cross_entropy"
        case focal, dice
        case focalGamma = "focal_gamma"
        case labelSmoothing = "label_smoothing"
        case classWeights = "class_weights"
    }

    /// Plain cross-entropy, as in the linear segmentation of DINOv3.
    public init() {}

    /// What is wrong, one sentence each; empty when nothing is.
    package var problems: [String] {
        var wrong: [String] = []
        for (name, weight) in [("cross_entropy", crossEntropy), ("focal", focal), ("dice", dice)]
        where !(weight >= 0 && weight.isFinite) {
            wrong.append("loss.\(name) is \(weight); expected 0 or more")
        }
        if !(crossEntropy + focal + dice > 0) {
            wrong.append("loss.cross_entropy, focal and dice are all 0; expected at least one above 0")
        }
        if !(0...8).contains(focalGamma) { wrong.append("loss.focal_gamma is \(focalGamma); expected 0 to 8") }
        if !(labelSmoothing >= 0 && labelSmoothing < 1) {
            wrong.append("loss.label_smoothing is \(labelSmoothing); expected 0 up to, but not including, 1")
        }
        return wrong
    }

    /// The loss of a step; where it is a sum, with its parts for the metrics log.
    ///
    /// - Parameters:
    ///   - logits: `[B, C, H, W]`.
    ///   - target: Class indices `[B, 1, H, W]`, floating-point or int64; anything where not valid.
    ///   - valid: 1 where a pixel is valid, else 0, `[B, 1, H, W]`.
    ///   - classWeights: C weights, from `classWeights.weights` of a histogram; `nil` for 1.
    package func callAsFunction(
        _ logits: Tensor, _ target: Tensor, valid: Tensor, classWeights: [Double]? = nil
    ) -> HeadLoss {
        var parts: [(name: String, weight: Double, value: Tensor)] = []
        if crossEntropy > 0 {
            let value = crossEntropyLoss(
                logits, target, valid: valid, classWeights: classWeights, smoothing: labelSmoothing)
            parts.append(("cross_entropy", crossEntropy, value))
        }
        if focal > 0 {
            let value = focalLoss(logits, target, valid: valid, gamma: focalGamma, classWeights: classWeights)
            parts.append(("focal", focal, value))
        }
        if dice > 0 { parts.append(("dice", dice, diceLoss(logits, target, valid: valid))) }
        guard let first = parts.first else { preconditionFailure("a loss needs a part of a weight above 0") }
        let sum = parts.dropFirst().reduce(first.value * first.weight) { $0 + $1.value * $1.weight }
        guard parts.count > 1 else { return HeadLoss(sum) }
        return HeadLoss(
            sum, fields: Dictionary(uniqueKeysWithValues: parts.map { ($0.name, $0.value.item()) }))
    }
}

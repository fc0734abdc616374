// Losses and targets that are one call each.
internal import CTorchAPI

/// What becomes of the losses of single samples.
public enum Reduction: Int32, Sendable {
    /// They stay apart.
    case none = 0
    /// Their mean, weighted where there are weights.
    case mean = 1
    /// Their sum.
    case sum = 2
}

/// `-log softmax(x)[target]`, with the classes in dimension 1, or the last of two.
///
/// - Parameters:
///   - x: Scores, `[samples, classes]` or `[batch, classes, height, width]`.
///   - target: Class indices (int64) without the class dimension, or probabilities of the shape of `x`.
///   - weight: One weight per class.
///   - reduction: What becomes of the losses of single samples.
///   - ignoredIndex: A class index that does not count.
///   - labelSmoothing: Share of the target, 0 to 1, spread evenly over all classes.
public func crossEntropy(
    _ x: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean, ignoredIndex: Int = -100,
    labelSmoothing: Double = 0
) -> Tensor {
    make("crossEntropy", [x, target, weight]) {
        ct.pointee.cross_entropy(
            x.handle, target.handle, weight?.handle, reduction.rawValue, ignoredIndex, labelSmoothing, $0)
    }
}

/// Balanced assignments of samples to prototypes by Sinkhorn and Knopp, without gradient (Caron and others, 2020).
///
/// `exp(logits / temperature)` is scaled in turns so that all prototypes share the samples evenly and every
/// sample's row sums to 1; in the log domain, so that no finite logit gives NaN.
///
/// - Parameters:
///   - logits: `[samples, prototypes]`; half precision is raised to float32.
///   - temperature: Above 0; 0.04 to 0.07 in practice.
///   - iterations: Rounds of scaling.
/// - Returns: `[samples, prototypes]`, rows summing to 1; empty for no samples.
public func sinkhorn(_ logits: Tensor, temperature: Double, iterations: Int = 3) -> Tensor {
    make("sinkhorn", [logits]) { ct.pointee.sinkhorn(logits.handle, temperature, iterations, $0) }
}

// Losses of classes per pixel: cross-entropy, focal, dice.
package import Torch

/// The truth of a batch as the losses want it.
private struct ClassTruth {
    /// Class indices, `[B, 1, H, W]` int64; 0 where not valid.
    let index: Tensor
    /// 1 where a pixel is valid, else 0, in the type of the logits.
    let valid: Tensor
    /// The weight of each pixel's class, 0 where not valid.
    let weight: Tensor
    /// The sum of the weights; never 0, so that a batch without a valid pixel costs nothing and breaks nothing.
    let total: Tensor
    /// Weights of the classes, `[C]`; `nil` for 1.
    let classWeights: Tensor?

    init(_ logits: Tensor, _ target: Tensor, valid: Tensor, classWeights: [Double]? = nil) {
        self.valid = valid.to(logits.dtype)
        // Where a pixel is not valid, its number may be that of no class.
        index = target.maskedFill(valid.less(than: 0.5), 0).to(.int64)
        self.classWeights = classWeights.map {
            Tensor($0, shape: [$0.count]).to(logits.dtype).to(logits.device)
        }
        if let weights = self.classWeights {
            weight = weights.indexSelect(dim: 0, indices: index.flattened()).reshaped(valid.shape) * self.valid
        } else {
            weight = self.valid
        }
        total = weight.sum().clamped(min: 1e-6)
    }

    /// The mean of `[B, 1, H, W]` over valid pixels, by their weights.
    func mean(_ x: Tensor) -> Tensor { (x * weight).sum() / total }
}

/// Cross-entropy of the valid pixels.
///
///     L = sum_i w(t_i) ((1 - s) (-log p_i(t_i))) / W  +  s / C sum_i sum_c w(c) (-log p_i(c)) / W,   W = sum_i w(t_i)
///
/// over valid pixels i, as `torch.nn.functional.cross_entropy` has it (`weight`, `label_smoothing`, `ignore_index`). The
/// segmentation code of DINOv3 divides by all pixels instead, those without a label included, so that a crop with few labels
/// counts for less there.
///
/// - Parameters:
///   - logits: `[B, C, H, W]`, of any size.
///   - target: Class indices `[B, 1, H, W]`, floating-point or int64; anything where not valid.
///   - valid: 1 where a pixel is valid, else 0, `[B, 1, H, W]`.
///   - classWeights: C weights, 0 or more; `nil` for 1.
///   - smoothing: Share s of each label that is given to all classes alike, 0 up to 1 (Szegedy and others, 2016).
/// - Returns: A number; 0 without valid pixels.
package func crossEntropyLoss(
    _ logits: Tensor, _ target: Tensor, valid: Tensor, classWeights: [Double]? = nil, smoothing: Double = 0
) -> Tensor {
    guard logits.isDefined else { return logits }
    let truth = ClassTruth(logits, target, valid: valid, classWeights: classWeights)
    let logarithms = logits.logSoftmax(dim: 1)
    let hard = -truth.mean(logarithms.gather(dim: 1, index: truth.index))
    guard smoothing > 0 else { return hard }
    let classes = logits.shape[1]
    let weighted = truth.classWeights.map { logarithms * $0.reshaped([1, classes, 1, 1]) } ?? logarithms
    let even = -(weighted.sum([1], keepDims: true) * truth.valid).sum() / truth.total
    return hard * (1 - smoothing) + even * (smoothing / Double(classes))
}

/// Focal loss of the valid pixels (Lin and others, 2017): cross-entropy in which pixels that are easy count little.
///
///     L = sum_i w(t_i) (1 - p_i(t_i))^gamma (-log p_i(t_i)) / sum_i w(t_i)
///
/// Divided as the cross-entropy is, to which it is equal at `gamma` 0.
///
/// - Parameters:
///   - logits: `[B, C, H, W]`, of any size.
///   - target: Class indices `[B, 1, H, W]`, floating-point or int64; anything where not valid.
///   - valid: 1 where a pixel is valid, else 0, `[B, 1, H, W]`.
///   - gamma: 0 or more; 2 in the paper.
///   - classWeights: C weights, 0 or more; `nil` for 1.
/// - Returns: A number; 0 without valid pixels.
package func focalLoss(
    _ logits: Tensor, _ target: Tensor, valid: Tensor, gamma: Double, classWeights: [Double]? = nil
) -> Tensor {
    guard logits.isDefined else { return logits }
    let truth = ClassTruth(logits, target, valid: valid, classWeights: classWeights)
    let logarithm = logits.logSoftmax(dim: 1).gather(dim: 1, index: truth.index)
    let missed = 1 - logits.softmax(dim: 1).gather(dim: 1, index: truth.index)
    return -truth.mean(power(missed, gamma) * logarithm)
}

/// A number minus each element.
private func - (a: Double, b: Tensor) -> Tensor { -b + a }

/// `x^exponent` of numbers from 0 to 1 and an exponent of 0 or more.
///
/// With a = exponent ln x, which is not above 0, `e^a = sigmoid(a) / sigmoid(-a)`: both without loss of digits. A power below 1
/// has no slope at 0, so x is kept from there; what is lost is below 1e-7 of a loss of 0.
private func power(_ x: Tensor, _ exponent: Double) -> Tensor {
    if exponent == 2 { return x.square() }
    let logarithm = x.clamped(min: 1e-7).log() * exponent
    return logarithm.sigmoid() / (-logarithm).sigmoid()
}

/// Soft dice loss of the valid pixels over the classes that occur among them (Milletari and others, 2016, without squares).
///
///     L = 1 - mean over c of  2 sum_i p_i(c) y_i(c) / (sum_i p_i(c) + sum_i y_i(c))
///
/// with y 1 for the class of a pixel, else 0; sums over the whole batch, so that a class that is rare in each crop is not judged by a
/// few pixels. Classes that do not occur have no overlap to be measured, and are left out.
///
/// - Parameters:
///   - logits: `[B, C, H, W]`.
///   - target: Class indices `[B, 1, H, W]`, floating-point or int64; anything where not valid.
///   - valid: 1 where a pixel is valid, else 0, `[B, 1, H, W]`.
/// - Returns: A number from 0 to 1; 0 without valid pixels.
package func diceLoss(_ logits: Tensor, _ target: Tensor, valid: Tensor) -> Tensor {
    guard logits.isDefined else { return logits }
    let truth = ClassTruth(logits, target, valid: valid)
    let shape = logits.shape
    // Rows of the unit matrix: a 1 at the place of each pixel's class.
    let ones =
        Tensor.eye(shape[1], dtype: logits.dtype, device: logits.device)
        .indexSelect(dim: 0, indices: truth.index.flattened())
        .reshaped([shape[0], shape[2], shape[3], shape[1]]).permuted([0, 3, 1, 2]) * truth.valid
    let shares = logits.softmax(dim: 1) * truth.valid
    let counts = ones.sum([0, 2, 3])
    let overlap = (shares * ones).sum([0, 2, 3]) * 2 / (shares.sum([0, 2, 3]) + counts).clamped(min: 1e-6)
    let present = (counts .> 0).to(logits.dtype)
    return ((1 - overlap) * present).sum() / present.sum().clamped(min: 1)
}

// What the canopy trainer minimises.
internal import Backbone
package import Torch

/// Scale-invariant logarithmic loss of the valid pixels: `sqrt(var(g) + w mean(g)^2)`, `g = ln(p + o) - ln(t + o)`.
///
/// Eigen et al. 2014, in the form of the published depth code; the variance is that of the sample (divided by N).
///
/// - Parameters:
///   - prediction: Metres, any shape.
///   - target: Metres, the same shape; anything finite where not valid.
///   - valid: 1 where a pixel counts, else 0, the same shape.
package func scaleInvariantLoss(
    _ prediction: Tensor, _ target: Tensor, valid: Tensor, meanWeight: Double, offset: Double
) -> Tensor {
    let count = valid.sum().clamped(min: 1)
    let difference = ((prediction + offset).log() - (target.clamped(min: 0) + offset).log()) * valid
    let mean = difference.sum() / count
    let variance = ((difference - mean).square() * valid).sum() / count
    // The root has no slope at 0.
    return (variance + mean.square() * meanWeight + 1e-12).sqrt()
}

/// Charbonnier loss of the valid pixels: the mean of `sqrt(d^2 + e^2) - e`.
///
/// Charbonnier et al. 1994; quadratic for differences below `epsilon`, linear above.
package func charbonnierLoss(_ prediction: Tensor, _ target: Tensor, valid: Tensor, epsilon: Double) -> Tensor {
    let count = valid.sum().clamped(min: 1)
    let difference = (prediction - target) * valid
    return (((difference.square() + epsilon * epsilon).sqrt() - epsilon) * valid).sum() / count
}

extension CanopyRecipe.Loss {
    /// How far the hand-over from the logarithmic to the Charbonnier loss is, 0 to 1.
    package func handOver(step: Int, of steps: Int) -> Double {
        let place = Double(step) / Double(steps)
        guard place >= handOverStart else { return 0 }
        guard place < handOverEnd else { return 1 }
        return (place - handOverStart) / (handOverEnd - handOverStart)
    }

    /// The loss of a step and its two parts; the Charbonnier part is in scaled units, so that both are of order 1.
    package func callAsFunction(
        _ prediction: Tensor, _ target: Tensor, valid: Tensor, handOver: Double, scale: Double
    ) -> Tensor {
        let absolute =
            handOver > 0
            ? charbonnierLoss(prediction, target, valid: valid, epsilon: charbonnier) * (handOver / scale) : nil
        guard handOver < 1 else { return absolute ?? Tensor(0) }
        let relative =
            scaleInvariantLoss(prediction, target, valid: valid, meanWeight: meanWeight, offset: logarithmOffset)
            * (1 - handOver)
        return absolute.map { $0 + relative } ?? relative
    }
}

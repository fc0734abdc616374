// Dropout whose draws follow from the seed, the step and the place.
internal import Backbone
internal import Torch

/// What dropout leaves out.
enum Dropped {
    /// Single elements (Srivastava and others, 2014).
    case elements
    /// Whole channels of a sample (Tompson and others, 2015): neighbours in a map say nearly the same.
    case channels
}

/// In training, a share of elements or channels set to 0 and the others divided by `1 - rate`; else the tensor as it is.
///
/// What is dropped is a function of (seed, step, stream, place), so that a resumed fit drops what an uninterrupted one drops.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - rate: Share that is dropped, 0 up to, but not including, 1.
///   - place: Keeps the draws of several places of one head apart.
func dropout(_ x: Tensor, rate: Double, _ dropped: Dropped, _ context: ForwardContext, place: Int = 0) -> Tensor {
    guard context.isTraining, rate > 0, x.isDefined else { return x }
    var random = CounterRandom(seed: context.seed ^ 0x6472_6f70, path: [context.step, context.stream, place])
    let generator = Generator(seed: random.next(), device: x.device)
    let shape = x.shape
    let draws = Tensor.rand(
        dropped == .channels ? [shape[0], shape[1], 1, 1] : shape, generator: generator)
    return x * ((draws .> rate).to(x.dtype) * (1 / (1 - rate)))
}

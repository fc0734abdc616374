// What heads and commands need of a backbone, whichever its family.
public import Torch

/// A network that turns images into tokens, used on one thread only.
public protocol ImageBackbone: AnyObject, Layer {
    /// What it is.
    var architecture: BackboneArchitecture { get }
    /// The type of the computation.
    var dtype: DType { get }
    /// Where it computes.
    var device: Device { get }
    /// The output and the tokens after some blocks or stages, in one pass; nothing is random.
    ///
    /// - Parameters:
    ///   - images: `[B, C, H, W]`, normalised; H and W are multiples of the architecture's stride.
    ///   - indices: Blocks or stages from 0, in rising order; may be none.
    ///   - normalised: Whether the final normalisation is applied to these.
    ///   - grid: The grid of their maps; a vision transformer has one alone.
    func forward(
        _ images: Tensor, tapping indices: [Int], normalised: Bool, grid: TapGrid
    ) -> (output: TokenOutput, taps: [IntermediateOutput])
}

extension ImageBackbone {
    /// The output and the tokens after some blocks or stages on the grid of patches; see the requirement.
    public func forward(
        _ images: Tensor, tapping indices: [Int], normalised: Bool
    ) -> (output: TokenOutput, taps: [IntermediateOutput]) {
        forward(images, tapping: indices, normalised: normalised, grid: .patches)
    }
}

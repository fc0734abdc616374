// The vision transformer as one of the networks that heads and commands take.
public import Torch

extension VisionTransformer: ImageBackbone {
    /// What it is.
    public var architecture: BackboneArchitecture { .transformer(configuration) }

    /// The output and the tokens after some blocks; see the requirement.
    public func forward(
        _ images: Tensor, tapping indices: [Int], normalised: Bool, grid: TapGrid
    ) -> (output: TokenOutput, taps: [IntermediateOutput]) {
        forward(images, tapping: indices, normalised: normalised)
    }
}

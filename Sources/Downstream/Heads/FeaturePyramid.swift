// Four taps of a transformer, all at the grid of its tokens, as the levels of a pyramid.
internal import Backbone
internal import Torch

/// The simple feature pyramid between a plain transformer and a head that was made for pyramids.
///
/// The first tap is enlarged four times by two transposed convolutions with a norm and a GELU between them, the second twice by one,
/// the third stays as it is, the fourth is halved by maxima of 2x2 tokens; as in BEiT's segmentation (Bao and others, 2022), whose names
/// of parameters these are.
struct FeaturePyramid {
    /// The tensors, among those of the head.
    let tensors: HeadTensors
    /// The norm between the transposed convolutions.
    let norm: HeadNorm

    /// The pyramid's tensors, in the order of the network.
    static func specifications(_ norm: HeadNorm, tokenWidth: Int) -> [HeadSpecification] {
        var list: [HeadSpecification] = []
        list.addEnlargement("fpn1.0", channels: tokenWidth, side: 2)
        list.addNorm("fpn1.1", norm, channels: tokenWidth)
        list.addEnlargement("fpn1.3", channels: tokenWidth, side: 2)
        list.addEnlargement("fpn2.0", channels: tokenWidth, side: 2)
        return list
    }

    /// The sizes of the levels over an even grid, finest first.
    static func sizes(rows: Int, columns: Int) -> [(height: Int, width: Int)] {
        [(4 * rows, 4 * columns), (2 * rows, 2 * columns), (rows, columns), (rows / 2, columns / 2)]
    }

    /// The levels, finest first: `[B, D, ...]` at 4, 2, 1 and 1/2 times the grid.
    ///
    /// - Parameter maps: Four maps `[B, D, h, w]` of an even grid.
    func levels(_ maps: [Tensor], _ context: ForwardContext) -> [Tensor] {
        let doubled = tensors.normalised(enlarged(maps[0], "fpn1.0"), "fpn1.1", norm, context).gelu()
        return [enlarged(doubled, "fpn1.3"), enlarged(maps[1], "fpn2.0"), maps[2], halved(maps[3])]
    }

    private func enlarged(_ x: Tensor, _ name: String) -> Tensor {
        convTranspose2d(x, tensors["\(name).weight"], tensors["\(name).bias"], stride: 2)
    }

    /// The largest of each 2x2 tokens.
    private func halved(_ x: Tensor) -> Tensor {
        guard x.isDefined else { return x }
        let shape = x.shape
        return x.reshaped([shape[0], shape[1], shape[2] / 2, 2, shape[3] / 2, 2]).max([3, 5])
    }
}

// The trunk of a dense prediction transformer: four taps, reassembled at four resolutions and fused upwards.
internal import Torch

/// The part of a dense prediction transformer (Ranftl and others, 2021) before its ending.
///
/// Four taps, each patch joined with the class token ("readout"), become maps at 4, 2, 1 and 1/2 times the token grid, are
/// brought to equal channels and fused from the coarsest to the finest. Parameters carry the names of the published canopy head.
struct DensePredictionTrunk {
    /// The tensors, among those of the ending.
    let tensors: HeadTensors

    /// Channels of the four reassembled maps of the published canopy head, finest first.
    static let publishedPostChannels = [128, 256, 512, 1024]
    /// Channels of its fused maps.
    static let publishedChannels = 256

    /// What is wrong with the sizes, one sentence each.
    ///
    /// - Parameter evenChannels: Whether the ending halves the channels of the fused maps.
    static func problems(postChannels: [Int], channels: Int, evenChannels: Bool = false) -> [String] {
        var wrong: [String] = []
        if postChannels.count != 4 || !postChannels.allSatisfy((1...8192).contains) {
            wrong.append("head.post_channels is \(postChannels); expected four numbers from 1 to 8192")
        }
        let step = evenChannels ? 2 : 1
        if !(step...4096).contains(channels) || channels % step != 0 {
            wrong.append(
                "head.channels is \(channels); expected \(evenChannels ? "an even number from 2" : "1") to 4096")
        }
        return wrong
    }

    /// The trunk's tensors, in the order of the network.
    ///
    /// - Parameters:
    ///   - postChannels: Channels of the four reassembled maps, finest first.
    ///   - channels: Channels of the fused maps.
    static func specifications(postChannels: [Int], channels: Int, tokenWidth: Int) -> [HeadSpecification] {
        var list: [HeadSpecification] = []
        for (index, post) in postChannels.enumerated() {
            list.addPlain(
                "reassemble_blocks.readout_projects.\(index).0", shape: [tokenWidth, 2 * tokenWidth],
                outputs: tokenWidth, fanIn: 2 * tokenWidth)
            list.addConvolution("reassemble_blocks.projects.\(index).conv", from: tokenWidth, to: post, side: 1)
            let side = [4, 2, 0, 3][index]
            if index != 2 {
                list.addPlain(
                    "reassemble_blocks.resize_layers.\(index)", shape: [post, post, side, side], outputs: post,
                    fanIn: post * side * side)
            }
            list.addConvolution("convs.\(index).conv", from: post, to: channels, side: 3, bias: false)
        }
        for index in 0..<4 {
            for unit in (index == 0 ? 2 : 1)...2 {
                for layer in 1...2 {
                    list.addConvolution(
                        "fusion_blocks.\(index).res_conv_unit\(unit).conv\(layer).conv", from: channels, to: channels,
                        side: 3)
                }
            }
            list.addConvolution("fusion_blocks.\(index).project.conv", from: channels, to: channels, side: 1)
        }
        return list
    }

    /// The fused map.
    ///
    /// - Parameter taps: Four maps `[B, D, h, w]`, shallowest first, each with its class tokens `[B, D]`.
    /// - Returns: `[B, channels, 16 * ceil(h / 2), 16 * ceil(w / 2)]`.
    func fused(_ taps: [(map: Tensor, cls: Tensor)]) -> Tensor {
        let features = taps.enumerated().map { index, tap in
            conv2d(reassembled(tap.map, tap.cls, index), tensors["convs.\(index).conv.weight"], nil, padding: 1)
        }
        // An operation failed, for example for lack of memory; the error scope throws afterwards.
        guard features.allSatisfy(\.isDefined) else { return features[0] }
        var fused = fusion(0, features[3], nil)
        for index in 1..<4 { fused = fusion(index, fused, features[3 - index]) }
        return fused
    }

    /// A tap with its class token joined in, at its own resolution: 4, 2, 1 or 1/2 times the grid.
    private func reassembled(_ map: Tensor, _ cls: Tensor, _ index: Int) -> Tensor {
        let shape = map.shape
        let patches = map.flattened(from: 2).transpose(1, 2)
        let joined = concatenate([patches, cls.unsqueezed(dim: 1).expanded(patches.shape)], dim: 2)
        let name = "reassemble_blocks.readout_projects.\(index).0"
        let readout = linear(joined, tensors["\(name).weight"], tensors["\(name).bias"]).gelu()
        let projected = conv2d(
            readout.transpose(1, 2).reshaped(shape), tensors["reassemble_blocks.projects.\(index).conv.weight"],
            tensors["reassemble_blocks.projects.\(index).conv.bias"])
        guard index != 2 else { return projected }
        let weight = tensors["reassemble_blocks.resize_layers.\(index).weight"]
        let bias = tensors["reassemble_blocks.resize_layers.\(index).bias"]
        return index == 3
            ? conv2d(projected, weight, bias, stride: 2, padding: 1)
            : convTranspose2d(projected, weight, bias, stride: index == 0 ? 4 : 2)
    }

    /// Adds a finer map, refines, doubles the size.
    private func fusion(_ index: Int, _ coarse: Tensor, _ finer: Tensor?) -> Tensor {
        guard coarse.isDefined else { return coarse }
        var x = coarse
        if let finer {
            let size = (height: x.shape[2], width: x.shape[3])
            let fitted =
                finer.shape[2] == size.height && finer.shape[3] == size.width
                ? finer : resized(finer, to: size)
            x = x + residual("fusion_blocks.\(index).res_conv_unit1", fitted)
        }
        x = residual("fusion_blocks.\(index).res_conv_unit2", x)
        guard x.isDefined else { return x }
        let doubled = resized(
            x, to: (height: x.shape[2] * 2, width: x.shape[3] * 2), alignCorners: true)
        let name = "fusion_blocks.\(index).project.conv"
        return conv2d(doubled, tensors["\(name).weight"], tensors["\(name).bias"])
    }

    private func residual(_ name: String, _ x: Tensor) -> Tensor {
        var branch = x
        for layer in ["conv1", "conv2"] {
            branch = conv2d(
                branch.relu(), tensors["\(name).\(layer).conv.weight"], tensors["\(name).\(layer).conv.bias"],
                padding: 1)
        }
        return x + branch
    }
}

// The dense prediction head: four taps of a transformer, reassembled at four resolutions and fused upwards.
public import Torch

/// Sizes of a dense prediction head.
public struct DenseHeadConfiguration: Codable, Sendable, Equatable {
    /// Channels of the four reassembled maps, finest first.
    public var postChannels = [128, 256, 512, 1024]
    /// Channels of the fused maps; an even number.
    public var channels = 256
    /// Channels of the last hidden layer.
    public var hidden = 128

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case postChannels = "post_channels"
        case channels, hidden
    }

    /// The sizes of the published canopy head.
    public init() {}

    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if postChannels.count != 4 || !postChannels.allSatisfy((1...8192).contains) {
            wrong.append("head.post_channels is \(postChannels); expected four numbers from 1 to 8192")
        }
        if !(2...4096).contains(channels) || channels % 2 != 0 {
            wrong.append("head.channels is \(channels); expected an even number from 2 to 4096")
        }
        if !(1...4096).contains(hidden) { wrong.append("head.hidden is \(hidden); expected 1 to 4096") }
        return wrong
    }
}

/// A dense prediction transformer head (Ranftl and others, 2021) in the form of the published canopy model.
///
/// Four taps, each patch joined with the class token ("readout"), become maps at 4, 2, 1 and 1/2 times the token grid,
/// are brought to equal channels and fused from the coarsest to the finest; a convolutional head ends at the pixels'
/// resolution. Parameters carry the published names.
///
/// Two things differ from the published code, and can be switched back (`followsReference`): an odd token grid is
/// padded to even and cropped again, where the reference stretches the map; and the last enlargement goes to the
/// pixels' own resolution for any patch size, where the reference always ends at 16 pixels per token.
public final class DensePredictionHead: Layer {
    /// Sizes.
    public let configuration: DenseHeadConfiguration
    /// Length of a token.
    public let tokenWidth: Int
    /// Numbers per pixel that come out.
    public let outputs: Int
    /// Whether odd grids are stretched and the output has 16 pixels per token, as in the published code.
    public let followsReference: Bool

    private let names: [String]
    private let tensors: [String: Tensor]

    /// Makes a head with random weights.
    public convenience init(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int, generator: Generator,
        dtype: DType = .float32, device: Device = .cpu, followsReference: Bool = false
    ) {
        var tensors: [String: Tensor] = [:]
        for specification in Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs) {
            tensors[specification.name] = withoutGradient {
                specification.firstValue(generator).to(dtype).to(device)
            }
        }
        self.init(
            configuration, tokenWidth: tokenWidth, outputs: outputs, tensors: tensors,
            followsReference: followsReference)
    }

    /// Makes a head of given tensors, one for each specification.
    init(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int, tensors: [String: Tensor],
        followsReference: Bool
    ) {
        self.configuration = configuration
        self.tokenWidth = tokenWidth
        self.outputs = outputs
        self.followsReference = followsReference
        self.tensors = tensors
        names = Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs).map(\.name)
    }

    /// The trained tensors under their published names.
    public func parameters() -> [(name: String, tensor: Tensor)] { names.map { ($0, self[$0]) } }

    private subscript(name: String) -> Tensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("a dense head needs the tensor \(name), which its sizes do not list")
        }
        return tensor
    }

    /// Numbers per pixel.
    ///
    /// - Parameters:
    ///   - taps: Four maps `[B, D, h, w]`, shallowest first, each with its class tokens `[B, D]`.
    ///   - patchSize: Pixels per token.
    /// - Returns: `[B, outputs, patchSize * h, patchSize * w]`; with `followsReference`, `32 * ceil(h / 2)` by
    ///   `32 * ceil(w / 2)`.
    public func forward(_ taps: [(map: Tensor, cls: Tensor)], patchSize: Int) -> Tensor {
        precondition(taps.count == 4, "a dense head needs four taps, got \(taps.count)")
        let shape = taps[0].map.shape
        let (rows, columns) = (shape[2], shape[3])
        let (right, bottom) = (columns % 2, rows % 2)
        let pads = followsReference || right + bottom == 0 ? nil : [0, right, 0, bottom]
        var features: [Tensor] = []
        for (index, tap) in taps.enumerated() {
            // Repeating the edge tells the head nothing new; the rows made of it are cut off at the end.
            let map = pads.map { tap.map.padded($0, .replicate) } ?? tap.map
            features.append(
                conv2d(reassembled(map, tap.cls, index), self["convs.\(index).conv.weight"], nil, padding: 1))
        }
        // After a failed operation (out of memory) there is nothing to go on with; the scope throws.
        guard features.allSatisfy(\.isDefined) else { return features[0] }
        var fused = fusion(0, features[3], nil)
        for index in 1..<4 { fused = fusion(index, fused, features[3 - index]) }
        guard fused.isDefined else { return fused }
        let half = conv2d(fused, self["conv_depth.head.0.weight"], self["conv_depth.head.0.bias"], padding: 1)
        let size =
            followsReference
            ? (height: half.shape[2] * 2, width: half.shape[3] * 2)
            : (height: (rows + bottom) * patchSize, width: (columns + right) * patchSize)
        let full = interpolate(half, size: size, mode: .bilinear, alignCorners: true)
        let hidden = conv2d(full, self["conv_depth.head.2.weight"], self["conv_depth.head.2.bias"], padding: 1).relu()
        let logits = conv2d(hidden, self["conv_depth.head.4.weight"], self["conv_depth.head.4.bias"])
        guard pads != nil else { return logits }
        return logits.narrow(dim: 2, start: 0, length: rows * patchSize)
            .narrow(dim: 3, start: 0, length: columns * patchSize)
    }

    /// A tap with its class token joined in, at its own resolution: 4, 2, 1 or 1/2 times the grid.
    private func reassembled(_ map: Tensor, _ cls: Tensor, _ index: Int) -> Tensor {
        let shape = map.shape
        let patches = map.flattened(from: 2).transpose(1, 2)
        let joined = concatenate([patches, cls.unsqueezed(dim: 1).expanded(patches.shape)], dim: 2)
        let name = "reassemble_blocks.readout_projects.\(index).0"
        let readout = linear(joined, self["\(name).weight"], self["\(name).bias"]).gelu()
        let projected = conv2d(
            readout.transpose(1, 2).reshaped(shape), self["reassemble_blocks.projects.\(index).conv.weight"],
            self["reassemble_blocks.projects.\(index).conv.bias"])
        guard index != 2 else { return projected }
        let weight = self["reassemble_blocks.resize_layers.\(index).weight"]
        let bias = self["reassemble_blocks.resize_layers.\(index).bias"]
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
                ? finer : interpolate(finer, size: size, mode: .bilinear)
            x = x + residual("fusion_blocks.\(index).res_conv_unit1", fitted)
        }
        x = residual("fusion_blocks.\(index).res_conv_unit2", x)
        guard x.isDefined else { return x }
        let doubled = interpolate(
            x, size: (height: x.shape[2] * 2, width: x.shape[3] * 2), mode: .bilinear, alignCorners: true)
        let name = "fusion_blocks.\(index).project.conv"
        return conv2d(doubled, self["\(name).weight"], self["\(name).bias"])
    }

    private func residual(_ name: String, _ x: Tensor) -> Tensor {
        var branch = x
        for layer in ["conv1", "conv2"] {
            branch = conv2d(
                branch.relu(), self["\(name).\(layer).conv.weight"], self["\(name).\(layer).conv.bias"], padding: 1)
        }
        return x + branch
    }
}

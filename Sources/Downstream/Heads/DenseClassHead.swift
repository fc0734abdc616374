// The dense prediction transformer with an ending for classes.
public import Backbone
public import Torch

/// Sizes of a dense prediction head for classes.
public struct DenseClassHeadConfiguration: Codable, Sendable, Equatable {
    /// Channels of the four reassembled maps, finest first.
    public var postChannels = DensePredictionTrunk.publishedPostChannels
    /// Channels of the fused maps.
    public var channels = DensePredictionTrunk.publishedChannels
    /// How the last hidden map is normalised; published heads use batch norm, for batches larger than most that train a head.
    public var norm = HeadNorm.group
    /// Share of the last hidden map that training leaves out.
    public var dropout = 0.1

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case postChannels = "post_channels"
        case channels, norm, dropout
    }

    /// The trunk of the published canopy head.
    public init() {}

    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong = DensePredictionTrunk.problems(postChannels: postChannels, channels: channels)
        if norm == .none { wrong.append("head.norm is none; expected batch or group") }
        if !(dropout >= 0 && dropout < 1) {
            wrong.append("head.dropout is \(dropout); expected 0 up to, but not including, 1")
        }
        return wrong
    }
}

/// A dense prediction transformer for classes (Ranftl and others, 2021, section 4.2).
///
/// The trunk of `DensePredictionHead`, then a 3x3 convolution, a norm, a rectifier, dropout of elements, a 1x1 convolution, and the
/// logits resized to the pixels (bilinear, corner pixels in place), as in transformers' `DPTSemanticSegmentationHead`. An odd token
/// grid is padded to even and cropped again.
public final class DenseClassHead: DenseHead {
    /// Sizes.
    public let configuration: DenseClassHeadConfiguration
    /// Number of taps that it takes.
    public let tapCount = 4
    /// Length of a token.
    public let tokenWidth: Int
    /// Numbers per pixel that come out.
    public let outputs: Int
    private let tensors: HeadTensors
    private let trunk: DensePredictionTrunk

    /// Makes a head with random weights.
    public convenience init(
        _ configuration: DenseClassHeadConfiguration, tokenWidth: Int, outputs: Int, generator: Generator,
        dtype: DType = .float32, device: Device = .cpu
    ) {
        let specifications = Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        self.init(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            HeadTensors(specifications, generator: generator, dtype: dtype, device: device))
    }

    private init(
        _ configuration: DenseClassHeadConfiguration, tokenWidth: Int, outputs: Int, _ tensors: HeadTensors
    ) {
        self.configuration = configuration
        self.tokenWidth = tokenWidth
        self.outputs = outputs
        self.tensors = tensors
        trunk = DensePredictionTrunk(tensors: tensors)
    }

    /// Reads a head from a safetensors file; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, _ configuration: DenseClassHeadConfiguration, tokenWidth: Int, outputs: Int,
        dtype: DType = .float32, device: Device = .cpu
    ) throws -> DenseClassHead {
        let specifications = specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        return DenseClassHead(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            try HeadTensors(specifications, from: path, dtype: dtype, device: device))
    }

    /// All tensors of a head, in the order of the network.
    package static func specifications(
        _ configuration: DenseClassHeadConfiguration, tokenWidth: Int, outputs: Int
    ) -> [HeadSpecification] {
        let channels = configuration.channels
        var list = DensePredictionTrunk.specifications(
            postChannels: configuration.postChannels, channels: channels, tokenWidth: tokenWidth)
        // Numbered as in the published sequence of layers.
        list.addConvolution("conv_seg.head.0", from: channels, to: channels, side: 3, bias: false)
        list.addNorm("conv_seg.head.1", configuration.norm, channels: channels)
        list.addClassifier("conv_seg.head.4", from: channels, to: outputs)
        return list
    }

    /// The trained tensors.
    public func parameters() -> [(name: String, tensor: Tensor)] { tensors.trained }

    /// Running statistics of batch norm.
    public func buffers() -> [(name: String, tensor: Tensor)] { tensors.buffers }

    /// Logits; see `DenseHead`.
    public func forward(
        _ taps: [(map: Tensor, cls: Tensor)], patchSize: Int, context: ForwardContext
    ) -> HeadOutput {
        precondition(taps.count == 4, "a dense head needs four taps, got \(taps.count)")
        guard let grid = TokenGrid(taps) else { return HeadOutput(.undefined) }
        let fused = trunk.fused(taps.map { (grid.madeEven($0.map), $0.cls) })
        let hidden = tensors.normalised(
            conv2d(fused, tensors["conv_seg.head.0.weight"], nil, padding: 1), "conv_seg.head.1", configuration.norm,
            context
        ).relu()
        let logits = conv2d(
            dropout(hidden, rate: configuration.dropout, .elements, context), tensors["conv_seg.head.4.weight"],
            tensors["conv_seg.head.4.bias"])
        let full = resized(logits, to: grid.evenPixels(patchSize), alignCorners: true)
        return HeadOutput(grid.cropped(full, patchSize: patchSize))
    }
}

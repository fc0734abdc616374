// The linear head: one matrix from a token to the logits of its pixels.
public import Backbone
public import Torch

/// Sizes of a linear head.
public struct LinearHeadConfiguration: Codable, Sendable, Equatable {
    /// Number of taps, 1 to 4, whose tokens are joined.
    public var taps = 1
    /// How tokens are normalised before the matrix.
    public var norm = HeadNorm.batch
    /// Share of the tokens' channels that training leaves out.
    public var dropout = 0.1

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case taps, norm, dropout
    }

    /// The head of DINOv3's linear segmentation.
    public init() {}

    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if !(1...4).contains(taps) { wrong.append("head.taps is \(taps); expected 1 to 4") }
        if !(dropout >= 0 && dropout < 1) {
            wrong.append("head.dropout is \(dropout); expected 0 up to, but not including, 1")
        }
        return wrong
    }
}

/// The head that measures how much of the classes is in the features themselves.
///
/// As in the linear segmentation of DINOv3 (`dinov3/eval/segmentation`): the patch tokens of one to four taps, side by side; dropout
/// of whole channels; a norm; a 1x1 convolution; logits resized to the pixels (bilinear, outer corners in place). Class tokens are
/// not looked at.
public final class LinearHead: DenseHead {
    /// Sizes.
    public let configuration: LinearHeadConfiguration
    /// Length of a token.
    public let tokenWidth: Int
    /// Numbers per pixel that come out.
    public let outputs: Int
    private let tensors: HeadTensors

    /// Makes a head with random weights.
    public convenience init(
        _ configuration: LinearHeadConfiguration, tokenWidth: Int, outputs: Int, generator: Generator,
        dtype: DType = .float32, device: Device = .cpu
    ) {
        let specifications = Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        self.init(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            HeadTensors(specifications, generator: generator, dtype: dtype, device: device))
    }

    private init(_ configuration: LinearHeadConfiguration, tokenWidth: Int, outputs: Int, _ tensors: HeadTensors) {
        self.configuration = configuration
        self.tokenWidth = tokenWidth
        self.outputs = outputs
        self.tensors = tensors
    }

    /// Reads a head from a safetensors file; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, _ configuration: LinearHeadConfiguration, tokenWidth: Int, outputs: Int,
        dtype: DType = .float32, device: Device = .cpu
    ) throws -> LinearHead {
        let specifications = specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        return LinearHead(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            try HeadTensors(specifications, from: path, dtype: dtype, device: device))
    }

    /// All tensors of a head, in the order of the network.
    package static func specifications(
        _ configuration: LinearHeadConfiguration, tokenWidth: Int, outputs: Int
    ) -> [HeadSpecification] {
        let width = configuration.taps * tokenWidth
        var list: [HeadSpecification] = []
        list.addNorm("norm", configuration.norm, channels: width)
        list.addClassifier("conv", from: width, to: outputs)
        return list
    }

    /// Number of taps that it takes.
    public var tapCount: Int { configuration.taps }

    /// The matrix, and scale and shift of the norm.
    public func parameters() -> [(name: String, tensor: Tensor)] { tensors.trained }

    /// Running statistics of batch norm.
    public func buffers() -> [(name: String, tensor: Tensor)] { tensors.buffers }

    /// Logits; see `DenseHead`.
    public func forward(
        _ taps: [(map: Tensor, cls: Tensor)], patchSize: Int, context: ForwardContext
    ) -> HeadOutput {
        precondition(taps.count == tapCount, "this linear head needs \(tapCount) taps, got \(taps.count)")
        guard let grid = TokenGrid(taps) else { return HeadOutput(.undefined) }
        let joined = taps.count == 1 ? taps[0].map : concatenate(taps.map(\.map), dim: 1)
        let kept = dropout(joined, rate: configuration.dropout, .channels, context)
        let normalised = tensors.normalised(kept, "norm", configuration.norm, context)
        let logits = conv2d(normalised, tensors["conv.weight"], tensors["conv.bias"])
        return HeadOutput(resized(logits, to: grid.pixels(patchSize)))
    }
}

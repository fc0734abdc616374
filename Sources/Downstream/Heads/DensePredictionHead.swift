// The dense prediction head: four taps of a transformer, reassembled at four resolutions and fused upwards.
public import Backbone
public import Torch

/// Sizes of a dense prediction head.
public struct DenseHeadConfiguration: Codable, Sendable, Equatable {
    /// Channels of the four reassembled maps, finest first.
    public var postChannels = DensePredictionTrunk.publishedPostChannels
    /// Channels of the fused maps; an even number.
    public var channels = DensePredictionTrunk.publishedChannels
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
        var wrong = DensePredictionTrunk.problems(postChannels: postChannels, channels: channels, evenChannels: true)
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
public final class DensePredictionHead: DenseHead {
    /// Sizes.
    public let configuration: DenseHeadConfiguration
    /// Number of taps that it takes.
    public let tapCount = 4
    /// Length of a token.
    public let tokenWidth: Int
    /// Numbers per pixel that come out.
    public let outputs: Int
    /// Whether odd grids are stretched and the output has 16 pixels per token, as in the published code.
    public let followsReference: Bool

    private let tensors: HeadTensors
    private let trunk: DensePredictionTrunk

    /// Makes a head with random weights.
    public convenience init(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int, generator: Generator,
        dtype: DType = .float32, device: Device = .cpu, followsReference: Bool = false
    ) {
        self.init(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            HeadTensors(
                Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs), generator: generator,
                dtype: dtype, device: device), followsReference: followsReference)
    }

    /// Makes a head of given tensors, one for each specification.
    convenience init(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int, tensors: [String: Tensor],
        followsReference: Bool
    ) {
        self.init(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            HeadTensors(
                Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs), tensors: tensors),
            followsReference: followsReference)
    }

    private init(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int, _ tensors: HeadTensors,
        followsReference: Bool
    ) {
        self.configuration = configuration
        self.tokenWidth = tokenWidth
        self.outputs = outputs
        self.followsReference = followsReference
        self.tensors = tensors
        trunk = DensePredictionTrunk(tensors: tensors)
    }

    /// Reads a head from a safetensors file with the published names; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int,
        dtype: DType = .float32, device: Device = .cpu
    ) throws -> DensePredictionHead {
        let specifications = specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        return DensePredictionHead(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            try HeadTensors(specifications, from: path, dtype: dtype, device: device), followsReference: false)
    }

    /// All tensors of a head, in the order of the network.
    package static func specifications(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int
    ) -> [HeadSpecification] {
        let channels = configuration.channels
        var list = DensePredictionTrunk.specifications(
            postChannels: configuration.postChannels, channels: channels, tokenWidth: tokenWidth)
        // The convolutional head is drawn after He as well, which trains better than libtorch's own way.
        list.addConvolution("conv_depth.head.0", from: channels, to: channels / 2, side: 3)
        list.addConvolution("conv_depth.head.2", from: channels / 2, to: configuration.hidden, side: 3)
        list.addConvolution("conv_depth.head.4", from: configuration.hidden, to: outputs, side: 1)
        return list
    }

    /// The trained tensors under their published names.
    public func parameters() -> [(name: String, tensor: Tensor)] { tensors.trained }

    /// Numbers per pixel; training and evaluation are the same.
    public func forward(
        _ taps: [(map: Tensor, cls: Tensor)], patchSize: Int, context: ForwardContext
    ) -> HeadOutput {
        HeadOutput(forward(taps, patchSize: patchSize))
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
        // An operation failed, for example for lack of memory; the error scope throws afterwards.
        guard let grid = TokenGrid(taps) else { return .undefined }
        let fused = trunk.fused(followsReference ? taps : taps.map { (grid.madeEven($0.map), $0.cls) })
        guard fused.isDefined else { return fused }
        let half = conv2d(fused, tensors["conv_depth.head.0.weight"], tensors["conv_depth.head.0.bias"], padding: 1)
        guard half.isDefined else { return half }
        let size =
            followsReference
            ? (height: half.shape[2] * 2, width: half.shape[3] * 2) : grid.evenPixels(patchSize)
        let full = resized(half, to: size, alignCorners: true)
        let hidden = conv2d(
            full, tensors["conv_depth.head.2.weight"], tensors["conv_depth.head.2.bias"], padding: 1
        ).relu()
        let logits = conv2d(hidden, tensors["conv_depth.head.4.weight"], tensors["conv_depth.head.4.bias"])
        return followsReference ? logits : grid.cropped(logits, patchSize: patchSize)
    }
}

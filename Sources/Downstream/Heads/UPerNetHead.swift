// The UPerNet head: a pyramid of taps, pooled at its top, summed downwards, fused.
public import Backbone
public import Torch

/// Sizes of a UPerNet head.
public struct UPerNetConfiguration: Codable, Sendable, Equatable {
    /// Channels of the maps of the head.
    public var channels = 512
    /// Channels of the auxiliary head.
    public var auxiliaryChannels = 256
    /// Weight of the auxiliary head in the loss; 0 for none.
    public var auxiliaryWeight = 0.4
    /// How maps are normalised; published heads use batch norm, for batches larger than most that train a head.
    public var norm = HeadNorm.group
    /// Share of the last hidden maps' channels that training leaves out.
    public var dropout = 0.1

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case channels
        case auxiliaryChannels = "auxiliary_channels"
        case auxiliaryWeight = "auxiliary_weight"
        case norm, dropout
    }

    /// The sizes of published heads.
    public init() {}

    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong: [String] = []
        for (name, count) in [("channels", channels), ("auxiliary_channels", auxiliaryChannels)]
        where !(1...4096).contains(count) {
            wrong.append("head.\(name) is \(count); expected 1 to 4096")
        }
        if !(auxiliaryWeight >= 0 && auxiliaryWeight.isFinite) {
            wrong.append("head.auxiliary_weight is \(auxiliaryWeight); expected 0 or more")
        }
        if norm == .none { wrong.append("head.norm is none; expected batch or group") }
        if !(dropout >= 0 && dropout < 1) {
            wrong.append("head.dropout is \(dropout); expected 0 up to, but not including, 1")
        }
        return wrong
    }
}

/// Unified perceptual parsing (Xiao and others, 2018) on a simple feature pyramid.
///
/// The coarsest level is joined with its means over 1, 4, 9 and 36 cells (pyramid pooling); each finer level is added to what is above
/// it; all levels, smoothed and enlarged to the finest, are fused. Logits are resized to the pixels (bilinear, outer corners in place).
/// In training, a small convolutional head on the third level gives logits of its own. Parameters carry the names of
/// `transformers.UperNetForSemanticSegmentation`, with `norm` for `batch_norm`. An odd token grid is padded to even and cropped again.
public final class UPerNetHead: DenseHead {
    /// Sizes.
    public let configuration: UPerNetConfiguration
    /// Number of taps that it takes.
    public let tapCount = 4
    /// Length of a token.
    public let tokenWidth: Int
    /// Numbers per pixel that come out.
    public let outputs: Int

    /// Cells along a side in pyramid pooling.
    private static let pools = [1, 2, 3, 6]
    private let tensors: HeadTensors
    private let pyramid: FeaturePyramid

    /// Makes a head with random weights.
    public convenience init(
        _ configuration: UPerNetConfiguration, tokenWidth: Int, outputs: Int, generator: Generator,
        dtype: DType = .float32, device: Device = .cpu
    ) {
        let specifications = Self.specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        self.init(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            HeadTensors(specifications, generator: generator, dtype: dtype, device: device))
    }

    private init(_ configuration: UPerNetConfiguration, tokenWidth: Int, outputs: Int, _ tensors: HeadTensors) {
        self.configuration = configuration
        self.tokenWidth = tokenWidth
        self.outputs = outputs
        self.tensors = tensors
        pyramid = FeaturePyramid(tensors: tensors, norm: configuration.norm)
    }

    /// Reads a head from a safetensors file; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, _ configuration: UPerNetConfiguration, tokenWidth: Int, outputs: Int,
        dtype: DType = .float32, device: Device = .cpu
    ) throws -> UPerNetHead {
        let specifications = specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
        return UPerNetHead(
            configuration, tokenWidth: tokenWidth, outputs: outputs,
            try HeadTensors(specifications, from: path, dtype: dtype, device: device))
    }

    /// All tensors of a head, in the order of the network.
    package static func specifications(
        _ configuration: UPerNetConfiguration, tokenWidth: Int, outputs: Int
    ) -> [HeadSpecification] {
        let channels = configuration.channels
        var list = FeaturePyramid.specifications(configuration.norm, tokenWidth: tokenWidth)
        /// A convolution whose norm takes the place of a bias.
        func block(_ name: String, from input: Int, to output: Int, side: Int) {
            list.addConvolution("\(name).conv", from: input, to: output, side: side, bias: false)
            list.addNorm("\(name).norm", configuration.norm, channels: output)
        }
        for index in pools.indices {
            block("decode_head.psp_modules.\(index).1", from: tokenWidth, to: channels, side: 1)
        }
        block("decode_head.bottleneck", from: tokenWidth + pools.count * channels, to: channels, side: 3)
        for level in 0..<3 {
            block("decode_head.lateral_convs.\(level)", from: tokenWidth, to: channels, side: 1)
            block("decode_head.fpn_convs.\(level)", from: channels, to: channels, side: 3)
        }
        block("decode_head.fpn_bottleneck", from: 4 * channels, to: channels, side: 3)
        list.addClassifier("decode_head.classifier", from: channels, to: outputs)
        if configuration.auxiliaryWeight > 0 {
            block("auxiliary_head.convs.0", from: tokenWidth, to: configuration.auxiliaryChannels, side: 3)
            list.addClassifier("auxiliary_head.classifier", from: configuration.auxiliaryChannels, to: outputs)
        }
        return list
    }

    /// Weight of the auxiliary logits' loss.
    public var auxiliaryWeight: Double { configuration.auxiliaryWeight }

    /// The trained tensors.
    public func parameters() -> [(name: String, tensor: Tensor)] { tensors.trained }

    /// Running statistics of batch norm.
    public func buffers() -> [(name: String, tensor: Tensor)] { tensors.buffers }

    /// Logits, and in training those of the auxiliary head; see `DenseHead`.
    public func forward(
        _ taps: [(map: Tensor, cls: Tensor)], patchSize: Int, context: ForwardContext
    ) -> HeadOutput {
        precondition(taps.count == 4, "a UPerNet head needs four taps, got \(taps.count)")
        guard let grid = TokenGrid(taps) else { return HeadOutput(.undefined) }
        let levels = pyramid.levels(taps.map { grid.madeEven($0.map) }, context)
        // An operation failed, for example for lack of memory; the error scope throws afterwards.
        guard levels.allSatisfy(\.isDefined) else { return HeadOutput(.undefined) }
        func atPixels(_ logits: Tensor) -> Tensor {
            let full = resized(logits, to: grid.evenPixels(patchSize))
            return grid.cropped(full, patchSize: patchSize)
        }
        let sizes = FeaturePyramid.sizes(rows: grid.even.rows, columns: grid.even.columns)
        let logits = classified(fused(levels, sizes, context), "decode_head", context, place: 0)
        guard context.isTraining, auxiliaryWeight > 0 else { return HeadOutput(atPixels(logits)) }
        let side = classified(
            block(levels[2], "auxiliary_head.convs.0", context, padding: 1), "auxiliary_head", context, place: 1)
        return HeadOutput(atPixels(logits), auxiliary: [atPixels(side)])
    }

    /// All levels in one map at the size of the finest, `[B, channels, 4h, 4w]`.
    private func fused(
        _ levels: [Tensor], _ sizes: [(height: Int, width: Int)], _ context: ForwardContext
    ) -> Tensor {
        let pooled = Self.pools.enumerated().map { index, cells in
            let means = adaptiveMean(levels[3], sizes[3], cells: cells)
            return resized(block(means, "decode_head.psp_modules.\(index).1", context), to: sizes[3])
        }
        let top = block(
            concatenate([levels[3]] + pooled, dim: 1), "decode_head.bottleneck", context, padding: 1)
        var maps = (0..<3).map { block(levels[$0], "decode_head.lateral_convs.\($0)", context) } + [top]
        for level in [2, 1, 0] { maps[level] = maps[level] + resized(maps[level + 1], to: sizes[level]) }
        let smooth =
            (0..<3).map { block(maps[$0], "decode_head.fpn_convs.\($0)", context, padding: 1) } + [top]
        let joined = concatenate([smooth[0]] + smooth.dropFirst().map { resized($0, to: sizes[0]) }, dim: 1)
        return block(joined, "decode_head.fpn_bottleneck", context, padding: 1)
    }

    /// Convolution, norm, rectifier.
    private func block(_ x: Tensor, _ name: String, _ context: ForwardContext, padding: Int = 0) -> Tensor {
        tensors.normalised(
            conv2d(x, tensors["\(name).conv.weight"], nil, padding: padding), "\(name).norm", configuration.norm,
            context
        ).relu()
    }

    /// Dropout and the last layer.
    private func classified(_ x: Tensor, _ name: String, _ context: ForwardContext, place: Int) -> Tensor {
        conv2d(
            dropout(x, rate: configuration.dropout, .channels, context, place: place),
            tensors["\(name).classifier.weight"], tensors["\(name).classifier.bias"])
    }
}

/// Means of a map over a number of cells along each side, which cover it and may overlap: `[B, C, cells, cells]`.
///
/// Cell i of n over a side of m pixels goes from `floor(i m / n)` up to `ceil((i + 1) m / n)`, as PyTorch's adaptive pooling has it. A
/// mean over a rectangle is one over rows of means over columns, so that two small matrices do it.
///
/// - Parameter size: The map's height and width.
private func adaptiveMean(_ x: Tensor, _ size: (height: Int, width: Int), cells: Int) -> Tensor {
    func means(_ length: Int) -> Tensor {
        let rows = (0..<cells).flatMap { cell -> [Double] in
            let (start, end) = (cell * length / cells, ((cell + 1) * length + cells - 1) / cells)
            return (0..<length).map { (start..<end).contains($0) ? 1 / Double(end - start) : 0 }
        }
        return Tensor(rows, shape: [cells, length]).to(x.dtype).to(x.device)
    }
    return matmul(matmul(means(size.height), x), means(size.width).transpose(0, 1))
}

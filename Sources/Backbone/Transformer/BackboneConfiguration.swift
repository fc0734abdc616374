// What a vision transformer looks like: every choice of the family, as one value that travels with the weights.

/// The architecture of a vision transformer of the DINOv3 family, or of DINOv2's, whose positions are learnt.
///
/// On disk (JSON, YAML) the keys are in snake case. A value that was read from a file is checked with `validate()`
/// before anything is built from it.
public struct BackboneConfiguration: Codable, Sendable, Equatable {
    /// The form of the feed-forward layer.
    public enum FeedForward: String, Codable, Sendable, CaseIterable {
        /// Linear, GELU, linear.
        case mlp
        /// Gated by SiLU; the hidden width is a multiple of 8.
        case swiglu
        /// Gated by SiLU; the hidden width is a multiple of 32.
        case swiglu32
        /// Gated by SiLU; the hidden width is a multiple of 64.
        case swiglu64
        /// Gated by SiLU; the hidden width is a multiple of 128.
        case swiglu128
        /// Gated by SiLU; the hidden width is a multiple of 8, and gate and values come from one matrix, as in DINOv2's ViT-g.
        case swigluFused = "swiglu_fused"

        /// What the hidden width is a multiple of; `nil` for the plain form.
        var alignment: Int? {
            switch self {
            case .mlp: nil
            case .swiglu, .swigluFused: 8
            case .swiglu32: 32
            case .swiglu64: 64
            case .swiglu128: 128
            }
        }
    }

    /// The form of the normalisation layers.
    public enum Norm: String, Codable, Sendable, CaseIterable {
        /// Mean and variance, with weight and bias.
        case layernorm
        /// Root mean square, with weight only.
        case rmsnorm
    }

    /// Side of a patch in pixels.
    public var patchSize = 16
    /// Number of input bands.
    public var channels = 3
    /// Length D of a token.
    public var width = 384
    /// Number L of blocks.
    public var depth = 12
    /// Number of attention heads; `width / heads` is a multiple of 4.
    public var heads = 6
    /// The form of the feed-forward layer.
    public var ffn = FeedForward.mlp
    /// Hidden width of the feed-forward layer over D; a gated layer takes two thirds of it, aligned.
    public var ffnRatio = 4.0
    /// Number R of register (storage) tokens.
    public var registers = 4
    /// Initial value of LayerScale; `nil` for none.
    public var layerScale: Double? = 1e-5
    /// The form of the normalisation layers.
    public var norm = Norm.layernorm
    /// Epsilon of the normalisation layers.
    public var normEpsilon = 1e-5
    /// Whether q, k and v have a bias.
    public var qkvBias = true
    /// Whether the bias of k, which cannot change attention, is held at zero.
    public var maskKBias = true
    /// Whether class and register tokens have a final normalisation of their own.
    public var untieClassAndPatchNorms = false
    /// Whether class and register tokens of local crops have a final normalisation of their own in training, whatever
    /// `untieClassAndPatchNorms` says.
    public var untieGlobalAndLocalNorms = false
    /// How positions turn queries and keys; without meaning where positions are learnt.
    public var rope = RotaryConfiguration()
    /// Positions that are learnt and added to the tokens; `nil` for the DINOv3 family, whose positions turn queries and keys.
    public var positions: LearnedPositions?
    /// Share of samples whose residual branch is dropped in training, 0 up to 1.
    public var dropPath = 0.0
    /// What attention has besides queries, keys and values; `nil` for nothing, as in all published models.
    public var attention: AttentionForm?

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case patchSize = "patch_size"
        case channels, width, depth, heads, ffn
        case ffnRatio = "ffn_ratio"
        case registers
        case layerScale = "layer_scale"
        case norm
        case normEpsilon = "norm_epsilon"
        case qkvBias = "qkv_bias"
        case maskKBias = "mask_k_bias"
        case untieClassAndPatchNorms = "untie_class_and_patch_norms"
        case untieGlobalAndLocalNorms = "untie_global_and_local_norms"
        case rope, positions
        case dropPath = "drop_path"
        case attention
    }

    /// A ViT-S/16; change what differs.
    public init() {}

    /// Length of a token's part in one head.
    public var headWidth: Int { width / max(heads, 1) }

    /// Hidden width of the feed-forward layer.
    ///
    /// `int(D * ratio)`; a gated layer takes two thirds of it, rounded down and then up to the alignment.
    public var hiddenWidth: Int {
        let hidden = Int(Double(width) * ffnRatio)
        guard let alignment = ffn.alignment else { return hidden }
        let gated = hidden * 2 / 3
        return (gated + alignment - 1) / alignment * alignment
    }

    /// The official name of the register tokens.
    var registersName: String { positions == nil ? "storage_tokens" : "register_tokens" }

    /// Number of trained values, buffers not counted.
    public var parameterCount: Int {
        parameterSpecifications.reduce(0) { $0 + ($1.isBuffer ? 0 : $1.shape.reduce(1, *)) }
    }
}

/// How positions turn queries and keys (rotary position embedding).
public struct RotaryConfiguration: Codable, Sendable, Equatable {
    /// How pixel positions become coordinates.
    public enum Coordinates: String, Codable, Sendable, CaseIterable {
        /// Each axis runs from -1 to 1.
        case separate
        /// The longer axis runs from -1 to 1, the shorter keeps the scale.
        case max
        /// The shorter axis runs from -1 to 1, the longer keeps the scale.
        case min
    }

    /// The precision of the sine and cosine tables.
    public enum Precision: String, Codable, Sendable, CaseIterable {
        /// Single precision (double where the network is double).
        case float32
        /// The tables are rounded to bfloat16.
        case bfloat16
        /// Periods, coordinates and angles are rounded to bfloat16 too, as the reference's training code computes them.
        case bfloat16Throughout = "bfloat16_throughout"
    }

    /// Ratio of the periods: `base ^ (j / J)` for the j-th of J frequencies; `nil` where min and max are given.
    public var base: Double? = 100
    /// Shortest period; `nil` where a base is given.
    public var minPeriod: Double?
    /// Longest period; `nil` where a base is given.
    public var maxPeriod: Double?
    /// How pixel positions become coordinates.
    public var coordinates = Coordinates.separate
    /// In training, each axis is moved by a random amount up to this; `nil` for none.
    public var shift: Double?
    /// In training, each axis is scaled by a random factor between 1 / this and this; `nil` for none.
    public var jitter: Double?
    /// In training, both axes are scaled by one random factor between 1 / this and this; `nil` for none.
    public var rescale: Double? = 2
    /// The precision of the tables.
    public var precision = Precision.float32

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case base
        case minPeriod = "min_period"
        case maxPeriod = "max_period"
        case coordinates, shift, jitter, rescale, precision
    }

    /// Base 100, separate axes, rescaling by up to 2 in training.
    public init() {}

    /// The periods of `count` frequencies.
    ///
    /// `base ^ (j / J)`, or from the longest and shortest, `max * (max / min) ^ (e - 1)` with e evenly from 0 to 1.
    package func periods(count: Int) -> [Double] {
        let exact = exactPeriods(count: count)
        return precision == .bfloat16Throughout ? exact.map(roundedToBFloat16) : exact
    }

    private func exactPeriods(count: Int) -> [Double] {
        if let low = minPeriod, let high = maxPeriod {
            return (0..<count).map { j in
                let exponent = count > 1 ? Double(j) / Double(count - 1) : 0
                return high * power(high / low, exponent - 1)
            }
        }
        return (0..<count).map { j in power(base ?? 100, Double(j) / Double(count)) }
    }
}

/// A form of attention against patch tokens of very large norm, for networks that are to do without registers.
public enum AttentionForm: String, Codable, Sendable, CaseIterable {
    /// One more key and value for each head, trained, that every token may attend to in place of a patch (Sun and others, 2024).
    case biased
    /// What a head gathers for a token is multiplied by a number from 0 to 1 that follows from the token (Bondarenko and others, 2023).
    case gated
}

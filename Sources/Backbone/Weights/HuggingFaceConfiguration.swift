// What config.json says about a vision transformer at Hugging Face.
internal import FoundationEssentials
internal import Telemetry

/// What `config.json` says about a DINOv3 vision transformer.
///
/// Source: the fields of `transformers.DINOv3ViTConfig`, with the defaults of transformers 5.
struct HuggingFaceConfiguration: Decodable, Equatable {
    /// A side that may be one number or a pair of equal ones.
    struct Side: Decodable, Equatable {
        var value: Int

        init(_ value: Int) { self.value = value }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(Int.self) {
                self.value = value
                return
            }
            let pair = try container.decode([Int].self)
            guard let first = pair.first, pair.allSatisfy({ $0 == first }) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "patches are not square")
            }
            value = first
        }
    }

    var model_type = "dinov3_vit"
    var architectures: [String]? = ["DINOv3ViTModel"]
    var patch_size: Side? = Side(16)
    var hidden_size: Int? = 384
    var intermediate_size: Int? = 1536
    var num_hidden_layers: Int? = 12
    var num_attention_heads: Int? = 6
    var hidden_act: String? = "gelu"
    var layer_norm_eps: Double? = 1e-5
    var rope_theta: Double? = 100
    var image_size: Side? = Side(224)
    var num_channels: Int? = 3
    var query_bias: Bool? = true
    var key_bias: Bool? = false
    var value_bias: Bool? = true
    var proj_bias: Bool? = true
    var mlp_bias: Bool? = true
    var layerscale_value: Double? = 1
    var drop_path_rate: Double? = 0
    var use_gated_mlp: Bool? = false
    var num_register_tokens: Int? = 0
    var pos_embed_shift: Double?
    var pos_embed_jitter: Double?
    var pos_embed_rescale: Double? = 2
    /// The element type of the weights, such as `float32`.
    var dtype: String?

    init() {}

    /// Reads a `config.json`; where it describes a larger model, such as a canopy model, its `backbone_config`.
    static func read(_ path: String) throws(BackboneError) -> HuggingFaceConfiguration {
        let configuration: HuggingFaceConfiguration = try HuggingFaceText.configuration(path)
        guard configuration.model_type == "dinov3_vit" else {
            throw BackboneError(
                .badWeights, "the model is not a DINOv3 vision transformer", in: path,
                why: ["model_type is \(configuration.model_type); expected dinov3_vit"],
                try:
                    "use weights of DINOv3 or DINOv2; these are of \(OtherFamily.name(ofModelType: configuration.model_type))"
            )
        }
        return configuration
    }

    /// The text of `config.json`.
    func json() -> String {
        HuggingFaceText.json([
            "model_type": .text(model_type), "architectures": .texts(architectures ?? []),
            "patch_size": .int(patch_size?.value), "hidden_size": .int(hidden_size),
            "intermediate_size": .int(intermediate_size), "num_hidden_layers": .int(num_hidden_layers),
            "num_attention_heads": .int(num_attention_heads), "hidden_act": .text(hidden_act),
            "layer_norm_eps": .number(layer_norm_eps), "rope_theta": .number(rope_theta),
            "image_size": .int(image_size?.value), "num_channels": .int(num_channels), "query_bias": .bool(query_bias),
            "key_bias": .bool(key_bias), "value_bias": .bool(value_bias), "proj_bias": .bool(proj_bias),
            "mlp_bias": .bool(mlp_bias), "layerscale_value": .number(layerscale_value),
            "drop_path_rate": .number(drop_path_rate), "use_gated_mlp": .bool(use_gated_mlp),
            "num_register_tokens": .int(num_register_tokens), "pos_embed_shift": .number(pos_embed_shift),
            "pos_embed_jitter": .number(pos_embed_jitter), "pos_embed_rescale": .number(pos_embed_rescale),
            "dtype": .text(dtype),
        ])
    }

    /// The architecture that it describes.
    func architecture(path: String) throws(BackboneError) -> BackboneConfiguration {
        var result = BackboneConfiguration()
        var wrong: [String] = []
        result.patchSize = patch_size?.value ?? 16
        result.width = hidden_size ?? 384
        result.depth = num_hidden_layers ?? 12
        result.heads = num_attention_heads ?? 6
        result.channels = num_channels ?? 3
        result.registers = num_register_tokens ?? 0
        result.normEpsilon = layer_norm_eps ?? 1e-5
        result.layerScale = layerscale_value == 0 ? 1 : layerscale_value ?? 1
        let biases = [query_bias ?? true, key_bias ?? false, value_bias ?? true]
        result.qkvBias = biases.contains(true)
        result.maskKBias = !biases[1]
        result.rope.base = rope_theta ?? 100
        result.rope.shift = pos_embed_shift
        result.rope.jitter = pos_embed_jitter
        result.rope.rescale = pos_embed_rescale
        let gated = use_gated_mlp ?? false
        let activation = hidden_act ?? "gelu"
        // transformers applies one activation to both forms; the published gated models say silu.
        if activation != (gated ? "silu" : "gelu") {
            wrong.append("hidden_act is \(activation); expected \(gated ? "silu, as use_gated_mlp is true" : "gelu")")
        }
        if !result.setFeedForward(hidden: intermediate_size ?? 1536, gated ? .gated : .plain) {
            wrong.append("no feed-forward layer of the family has intermediate_size \(intermediate_size ?? 1536)")
        }
        guard wrong.isEmpty else {
            throw BackboneError(.badWeights, "the model's configuration is not supported", in: path, why: wrong)
        }
        do { try result.validate() } catch {
            throw BackboneError(error.code, error.what, in: path, why: error.causes, try: error.remedy)
        }
        return result
    }

    /// The description of an architecture.
    ///
    /// - Throws: `BackboneError` (`badConfiguration`) for what transformers' model does not have.
    init(_ architecture: BackboneConfiguration) throws(BackboneError) {
        var missing: [String] = []
        if architecture.ffn == .swigluFused { missing.append("ffn is \(architecture.ffn.rawValue)") }
        if architecture.norm != .layernorm { missing.append("norm is \(architecture.norm.rawValue)") }
        if let attention = architecture.attention { missing.append("attention is \(attention.rawValue)") }
        if architecture.untieClassAndPatchNorms { missing.append("untie_class_and_patch_norms is true") }
        if architecture.layerScale == nil { missing.append("layer_scale is absent") }
        if architecture.rope.base == nil { missing.append("rope has min_period and max_period") }
        if architecture.rope.precision != .float32 {
            missing.append("rope.precision is \(architecture.rope.precision.rawValue)")
        }
        if architecture.rope.coordinates != .separate {
            missing.append("rope.coordinates is \(architecture.rope.coordinates.rawValue)")
        }
        guard missing.isEmpty else {
            throw BackboneError(
                .badConfiguration, "transformers' DINOv3 does not support this architecture", why: missing,
                try: "convert to official or geodino")
        }
        patch_size = Side(architecture.patchSize)
        hidden_size = architecture.width
        intermediate_size = architecture.hiddenWidth
        num_hidden_layers = architecture.depth
        num_attention_heads = architecture.heads
        num_channels = architecture.channels
        num_register_tokens = architecture.registers
        layer_norm_eps = architecture.normEpsilon
        layerscale_value = architecture.layerScale
        query_bias = architecture.qkvBias
        key_bias = architecture.qkvBias && !architecture.maskKBias
        value_bias = architecture.qkvBias
        rope_theta = architecture.rope.base
        pos_embed_shift = architecture.rope.shift
        pos_embed_jitter = architecture.rope.jitter
        pos_embed_rescale = architecture.rope.rescale
        drop_path_rate = architecture.dropPath
        use_gated_mlp = architecture.ffn != .mlp
        hidden_act = architecture.ffn == .mlp ? "gelu" : "silu"
    }

}

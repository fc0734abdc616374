// How Hugging Face transformers names DINOv2's tensors, and what its config.json says.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// The names of transformers' DINOv2, without and with registers.
///
/// Source: the parameter names of `transformers.Dinov2Model` and `transformers.Dinov2WithRegistersModel`.
struct HuggingFaceDinov2Names: ForeignNames, HuggingFaceLayout {
    let prefix: String

    /// The names in the published files and in those that transformers writes.
    static let published = HuggingFaceDinov2Names(prefix: "")

    /// The names that a file uses; `nil` where it has no scaled layers under such names.
    init?(in names: [String]) {
        let mark = "encoder.layer.0.layer_scale1.lambda1"
        guard let found = names.first(where: { $0 == mark || $0.hasSuffix(".\(mark)") }) else { return nil }
        let prefix = String(found.dropLast(mark.count))
        // DINOv3's layers have these names too where a larger model calls its backbone `encoder`.
        guard names.contains("\(prefix)embeddings.cls_token") else { return nil }
        self.init(prefix: prefix)
    }

    private init(prefix: String) { self.prefix = prefix }

    func origin(_ official: String) -> TensorOrigin? {
        if let (block, rest) = BlockName.parts(official) {
            let layer = "\(prefix)encoder.layer.\(block)."
            if rest == "attn.qkv.weight" || rest == "attn.qkv.bias" {
                let kind = rest.dropFirst("attn.qkv.".count)
                return .rows(["query", "key", "value"].map { "\(layer)attention.attention.\($0).\(kind)" })
            }
            return Self.layerNames[rest].map { .stored(layer + $0) }
        }
        return Self.outerNames[official].map { .stored(prefix + $0) }
    }

    private static let outerNames = [
        "cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings",
        "register_tokens": "embeddings.register_tokens", "mask_token": "embeddings.mask_token",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias", "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    ]

    private static let layerNames: [String: String] = {
        var names = ["ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1"]
        for kind in ["weight", "bias"] {
            for (official, theirs) in [
                ("norm1", "norm1"), ("norm2", "norm2"), ("attn.proj", "attention.output.dense"),
                ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"), ("mlp.w12", "mlp.weights_in"),
                ("mlp.w3", "mlp.weights_out"),
            ] { names["\(official).\(kind)"] = "\(theirs).\(kind)" }
        }
        return names
    }()

    func parts(_ official: String) -> [String] {
        if case .rows(let parts) = origin(official) { parts.compactMap { $0 } } else { [] }
    }

    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin? {
        if extras?.entry(official) != nil { return .stored(official) }
        guard let origin = origin(official) else { return nil }
        if origin.names.allSatisfy({ source.entry($0) != nil }) { return origin }
        // transformers leaves the mask token out of a model that is not to be trained.
        return official == "mask_token" ? .zeros : nil
    }

    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture? {
        .transformer(try HuggingFaceDinov2Configuration.read(path).architecture(path: path))
    }

    func architecture(
        of source: any TensorSource, path: String, heads: Int?
    ) throws(BackboneError) -> BackboneArchitecture {
        var found = try BackboneConfiguration.inferred(path: path, heads: heads) { official in
            switch origin(official) {
            case .rows(let names):
                guard let shape = names.lazy.compactMap({ $0.flatMap(source.entry) }).first?.shape, shape.count > 0
                else { return nil }
                return [3 * shape[0]] + shape.dropFirst()
            case let other: return other?.names.first.flatMap(source.entry)?.shape
            }
        }
        found.maskKBias = false
        found.positions = found.positions.map {
            Self.positions(grid: $0.grid, hasRegisters: source.entry("\(prefix)embeddings.register_tokens") != nil)
        }
        return .transformer(found)
    }

    /// transformers' rule: to the grid's size, with antialiasing in the model with registers.
    static func positions(grid: Int, hasRegisters: Bool) -> LearnedPositions {
        LearnedPositions(grid: grid, antialias: hasRegisters)
    }
}

/// What `config.json` says about a DINOv2.
///
/// Source: the fields of `transformers.Dinov2Config` and `transformers.Dinov2WithRegistersConfig`, with the defaults of transformers 5.
struct HuggingFaceDinov2Configuration: Decodable, Equatable {
    typealias Side = HuggingFaceConfiguration.Side

    /// The names of the two models.
    static let types = ["dinov2", "dinov2_with_registers"]

    var model_type = "dinov2"
    var architectures: [String]?
    var patch_size: Side?
    var hidden_size: Int? = 768
    var num_hidden_layers: Int? = 12
    var num_attention_heads: Int? = 12
    var mlp_ratio: Double? = 4
    var hidden_act: String? = "gelu"
    var layer_norm_eps: Double? = 1e-6
    var image_size: Side? = Side(224)
    var num_channels: Int? = 3
    var qkv_bias: Bool? = true
    var layerscale_value: Double? = 1
    var drop_path_rate: Double? = 0
    var use_swiglu_ffn: Bool? = false
    var num_register_tokens: Int?
    /// The element type of the weights, such as `float32`.
    var dtype: String?

    private var hasRegisters: Bool { model_type == Self.types[1] }

    /// Reads a `config.json`; where it describes a larger model, such as one of depth, its `backbone_config`.
    static func read(_ path: String) throws(BackboneError) -> HuggingFaceDinov2Configuration {
        let configuration: HuggingFaceDinov2Configuration = try HuggingFaceText.configuration(path)
        guard types.contains(configuration.model_type) else {
            throw BackboneError(
                .badWeights, "the model is not a DINOv2 of transformers", in: path,
                why: ["model_type is \(configuration.model_type); expected \(types.joined(separator: " or "))"])
        }
        return configuration
    }

    /// The architecture that it describes.
    func architecture(path: String) throws(BackboneError) -> BackboneConfiguration {
        var result = BackboneConfiguration()
        var wrong: [String] = []
        result.patchSize = patch_size?.value ?? (hasRegisters ? 16 : 14)
        result.width = hidden_size ?? 768
        result.depth = num_hidden_layers ?? 12
        result.heads = num_attention_heads ?? 12
        result.channels = num_channels ?? 3
        result.registers = hasRegisters ? num_register_tokens ?? 4 : 0
        result.normEpsilon = layer_norm_eps ?? 1e-6
        result.layerScale = layerscale_value == 0 ? 1 : layerscale_value ?? 1
        result.qkvBias = qkv_bias ?? true
        result.maskKBias = false
        result.ffn = use_swiglu_ffn ?? false ? .swigluFused : .mlp
        result.ffnRatio = mlp_ratio ?? 4
        let side = image_size?.value ?? 224
        let grid = side / max(result.patchSize, 1)
        result.positions = HuggingFaceDinov2Names.positions(grid: grid, hasRegisters: hasRegisters)
        // The gated form always has SiLU, whatever is written.
        if result.ffn == .mlp, let hidden_act, hidden_act != "gelu" {
            wrong.append("hidden_act is \(hidden_act); expected gelu")
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
        if architecture.norm != .layernorm { missing.append("norm is \(architecture.norm.rawValue)") }
        if let attention = architecture.attention { missing.append("attention is \(attention.rawValue)") }
        if architecture.untieClassAndPatchNorms { missing.append("untie_class_and_patch_norms is true") }
        if architecture.layerScale == nil { missing.append("layer_scale is absent") }
        if architecture.qkvBias, architecture.maskKBias { missing.append("mask_k_bias is true") }
        if architecture.ffn != .mlp, architecture.ffn != .swigluFused {
            missing.append("ffn is \(architecture.ffn.rawValue)")
        }
        // transformers takes whole numbers alone here; rounded up to multiples of 8, several ratios give one hidden width.
        let ratio = (1...64).first { ratio in
            var other = architecture
            other.ffnRatio = Double(ratio)
            return other.hiddenWidth == architecture.hiddenWidth
        }
        if ratio == nil { missing.append("ffn_ratio is \(architecture.ffnRatio)") }
        guard missing.isEmpty, let positions = architecture.positions else {
            throw BackboneError(
                .badConfiguration, "transformers' DINOv2 does not support this architecture", why: missing,
                try: "convert to official or geodino")
        }
        model_type = architecture.registers > 0 || positions.antialias ? Self.types[1] : Self.types[0]
        architectures = [hasRegisters ? "Dinov2WithRegistersModel" : "Dinov2Model"]
        patch_size = Side(architecture.patchSize)
        hidden_size = architecture.width
        num_hidden_layers = architecture.depth
        num_attention_heads = architecture.heads
        mlp_ratio = ratio.map(Double.init)
        layer_norm_eps = architecture.normEpsilon
        image_size = Side(architecture.patchSize * positions.grid)
        num_channels = architecture.channels
        qkv_bias = architecture.qkvBias
        layerscale_value = architecture.layerScale
        drop_path_rate = architecture.dropPath
        use_swiglu_ffn = architecture.ffn == .swigluFused
        num_register_tokens = hasRegisters ? architecture.registers : nil
    }

    /// Whether transformers resizes positions by another rule than the architecture's.
    static func resizesOtherwise(than architecture: BackboneConfiguration) -> Bool {
        guard let positions = architecture.positions else { return false }
        let hasRegisters = architecture.registers > 0 || positions.antialias
        return positions != HuggingFaceDinov2Names.positions(grid: positions.grid, hasRegisters: hasRegisters)
    }

    /// The text of `config.json`.
    func json() -> String {
        var fields: [String: HuggingFaceText] = [
            "model_type": .text(model_type), "architectures": .texts(architectures ?? []),
            "patch_size": .int(patch_size?.value), "hidden_size": .int(hidden_size),
            "num_hidden_layers": .int(num_hidden_layers), "num_attention_heads": .int(num_attention_heads),
            "mlp_ratio": .int(mlp_ratio.map { Int($0) }), "hidden_act": .text(hidden_act),
            "layer_norm_eps": .number(layer_norm_eps), "image_size": .int(image_size?.value),
            "num_channels": .int(num_channels), "qkv_bias": .bool(qkv_bias),
            "layerscale_value": .number(layerscale_value), "drop_path_rate": .number(drop_path_rate),
            "use_swiglu_ffn": .bool(use_swiglu_ffn), "dtype": .text(dtype),
        ]
        if hasRegisters {
            fields["num_register_tokens"] = .int(num_register_tokens)
        } else {
            fields["use_mask_token"] = .bool(true)
        }
        return HuggingFaceText.json(fields)
    }
}

// How Hugging Face transformers names the tensors that the published checkpoints name otherwise.

/// Where a tensor with an official name comes from.
enum TensorOrigin: Equatable {
    /// A stored tensor with the same elements in the same order.
    case stored(String)
    /// Stored tensors one below the other; zeros where there is none.
    case rows([String?])
    /// No tensor is stored: zeros.
    case zeros
    /// No tensor is stored: what the configuration says (periods and bias masks).
    case derived
}

/// The names of transformers' DINOv3 vision transformer.
///
/// Source: the parameter names of `transformers.DINOv3ViTModel`, versions 4.56 (layers under `layer`) and 5 (under
/// `model.layer` in memory; files are still written with `layer`).
struct HuggingFaceNames {
    /// What stands before `embeddings`, such as `backbone.`.
    let prefix: String
    /// What stands before a layer's number.
    let layers: String

    /// The names in the published files and in those that transformers writes.
    static let published = HuggingFaceNames(prefix: "", layers: "layer.")

    /// The names that a file uses; `nil` where it has no class token under such a name.
    init?(in names: [String]) {
        let mark = "embeddings.cls_token"
        guard let found = names.first(where: { $0 == mark || $0.hasSuffix(".\(mark)") }) else { return nil }
        let prefix = String(found.dropLast(mark.count))
        self.prefix = prefix
        layers = names.contains { $0.hasPrefix("\(prefix)model.layer.") } ? "\(prefix)model.layer." : "\(prefix)layer."
    }

    private init(prefix: String, layers: String) {
        self.prefix = prefix
        self.layers = layers
    }

    /// The name of the class token, by which a file is known.
    var classToken: String { "\(prefix)embeddings.cls_token" }

    /// The origin of an official name, if all tensors were stored; `nil` for what transformers does not have.
    func origin(_ official: String) -> TensorOrigin? {
        if let (block, rest) = Self.blockName(official) {
            let layer = "\(layers)\(block)."
            switch rest {
            case "attn.qkv.weight", "attn.qkv.bias":
                let kind = rest.dropFirst("attn.qkv.".count)
                return .rows(["q", "k", "v"].map { "\(layer)attention.\($0)_proj.\(kind)" })
            case "attn.qkv.bias_mask": return .derived
            default:
                guard let name = Self.layerNames[rest] else { return nil }
                return .stored(layer + name)
            }
        }
        if official == "rope_embed.periods" { return .derived }
        return Self.outerNames[official].map { .stored(prefix + $0) }
    }

    /// The block's number and the rest of a name such as `blocks.3.norm1.weight`.
    static func blockName(_ official: String) -> (block: Int, rest: String)? {
        let parts = official.split(separator: ".", maxSplits: 2)
        guard parts.count == 3, parts[0] == "blocks", let block = Int(parts[1]) else { return nil }
        return (block, String(parts[2]))
    }

    private static let outerNames = [
        "cls_token": "embeddings.cls_token", "storage_tokens": "embeddings.register_tokens",
        "mask_token": "embeddings.mask_token", "patch_embed.proj.weight": "embeddings.patch_embeddings.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.bias", "norm.weight": "norm.weight",
        "norm.bias": "norm.bias",
    ]

    private static let layerNames: [String: String] = {
        var names = ["ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1"]
        for kind in ["weight", "bias"] {
            for (official, theirs) in [
                ("norm1", "norm1"), ("norm2", "norm2"), ("attn.proj", "attention.o_proj"), ("mlp.fc1", "mlp.up_proj"),
                ("mlp.fc2", "mlp.down_proj"), ("mlp.w1", "mlp.gate_proj"), ("mlp.w2", "mlp.up_proj"),
                ("mlp.w3", "mlp.down_proj"),
            ] { names["\(official).\(kind)"] = "\(theirs).\(kind)" }
        }
        return names
    }()
}

// How Hugging Face transformers names the tensors that the published checkpoints name otherwise.
internal import Files
internal import Telemetry
internal import Torch

/// The names of transformers' DINOv3 vision transformer.
///
/// Source: the parameter names of `transformers.DINOv3ViTModel`, versions 4.56 (layers under `layer`) and 5 (under
/// `model.layer` in memory; files are still written with `layer`).
struct HuggingFaceNames: HuggingFaceLayout {
    /// What comes before `embeddings`, such as `backbone.`.
    let prefix: String
    /// What comes before a layer's number.
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
        if let (block, rest) = BlockName.parts(official) {
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

/// The names that transformers gives to the tensors of one family, whether they are stored or not.
protocol HuggingFaceLayout {
    /// The origin of an official name, if all tensors were stored; `nil` for what transformers does not have.
    func origin(_ official: String) -> TensorOrigin?
}

extension HuggingFaceNames: ForeignNames {
    func parts(_ official: String) -> [String] {
        if case .rows(let parts) = origin(official) { parts.compactMap { $0 } } else { [] }
    }

    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture? {
        .transformer(try HuggingFaceConfiguration.read(path).architecture(path: path))
    }

    func architecture(
        of source: any TensorSource, path: String, heads: Int?
    ) throws(BackboneError) -> BackboneArchitecture {
        .transformer(try BackboneConfiguration.inferred(path: path, heads: heads) { shape($0, in: source) })
    }

    /// Where an official name comes from in a file; `nil` where it is missing.
    ///
    /// `extras` holds, under official names, what transformers has no place for.
    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin? {
        if extras?.entry(official) != nil { return .stored(official) }
        switch origin(official) {
        case .rows(let names):
            let present = names.map { name in name.flatMap { source.entry($0) == nil ? nil : $0 } }
            // The bias of k is left out where it cannot matter, and any bias may be switched off, in all layers alike.
            guard official.hasSuffix(".bias") else { return present.contains(nil) ? nil : .rows(present) }
            for case (let name?, nil) in zip(names, present) where isInAnotherLayer(name, of: source) { return nil }
            return present.allSatisfy({ $0 == nil }) ? .zeros : .rows(present)
        case .stored(let name):
            if source.entry(name) != nil { return .stored(name) }
            let mayBeOff =
                official.hasSuffix(".bias") && BlockName.parts(official) != nil && !official.contains(".norm")
            return mayBeOff && !isInAnotherLayer(name, of: source) ? .zeros : nil
        case let other: return other
        }
    }

    /// Whether a tensor that one layer lacks is there in another.
    private func isInAnotherLayer(_ name: String, of source: any TensorSource) -> Bool {
        let parts = name.dropFirst(layers.count).split(separator: ".", maxSplits: 1)
        guard name.hasPrefix(layers), parts.count == 2 else { return false }
        return source.names.contains { $0.hasPrefix(layers) && $0.hasSuffix(".\(parts[1])") }
    }

    /// The shape that an official name has, put together from a file's; `nil` where it is missing.
    func shape(_ official: String, in source: any TensorSource) -> [Int]? {
        switch origin(official) {
        case .stored(let name): return source.entry(name)?.shape
        case .rows(let names):
            guard let shape = names.lazy.compactMap({ $0.flatMap(source.entry) }).first?.shape, let rows = shape.first
            else { return nil }
            return [3 * rows] + shape.dropFirst()
        case .derived:
            // transformers masks the bias of k by leaving it out.
            guard let (block, rest) = BlockName.parts(official), rest == "attn.qkv.bias_mask" else { return nil }
            let bias = "\(layers)\(block).attention.k_proj.bias"
            return source.entry(bias) == nil ? [1] : nil
        case .afterZeros, .zeros, nil: return nil
        }
    }
}

// How timm names the tensors of DINOv3 and DINOv2, and what its config.json says.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// The names of timm's vision transformers `vit_*_patch16_dinov3*` and `vit_*_patch14_*dinov2`.
///
/// Source: the parameter names of `timm.models.eva.Eva` and `timm.models.vision_transformer.VisionTransformer`, timm 1.0.
struct TimmNames: ForeignNames {
    let prefix: String
    /// Whether positions are learnt, as DINOv2's.
    private let isLearned: Bool
    /// Whether the class token has no position of its own; it is in the token.
    private let lacksClassPosition: Bool
    /// Whether gate and values of the feed-forward layer are in one matrix.
    private let isFused: Bool
    /// Whether the biases of q and v are stored apart.
    private let hasSplitBias: Bool

    let format = WeightsFormat.timm

    /// The names that a file uses; `nil` where they are not timm's.
    init?(in source: any TensorSource) {
        let mark = "cls_token"
        guard let found = source.names.first(where: { $0 == mark || $0.hasSuffix(".\(mark)") }) else { return nil }
        let prefix = String(found.dropLast(mark.count))
        func shape(_ name: String) -> [Int]? { source.entry(prefix + name)?.shape }
        let positions = shape("pos_embed")
        let hasRegisters = shape("reg_token") != nil
        if let positions {
            // Without registers the names are the original ones, but timm has neither a mask token nor their gated layer.
            let isOriginal =
                shape("register_tokens") != nil || shape("mask_token") != nil || shape("blocks.0.mlp.w12.weight") != nil
            guard shape("blocks.0.ls1.gamma") != nil, hasRegisters || !isOriginal, positions.count == 3 else {
                return nil
            }
            let root = Int(Double(positions[1]).squareRoot().rounded())
            lacksClassPosition = root * root == positions[1]
        } else {
            guard hasRegisters, shape("blocks.0.gamma_1") != nil else { return nil }
            lacksClassPosition = false
        }
        self.prefix = prefix
        isLearned = positions != nil
        hasSplitBias = shape("blocks.0.attn.q_bias") != nil
        if let up = shape("blocks.0.mlp.fc1.weight"), let down = shape("blocks.0.mlp.fc2.weight"), down.count == 2 {
            isFused = up.first == 2 * down[1]
        } else {
            isFused = false
        }
    }

    /// A head that sorts images into classes may stand on the backbone.
    func isOfBackbone(_ name: String) -> Bool {
        name.hasPrefix(prefix) && !["head.", "fc_norm."].contains { name.hasPrefix(prefix + $0) }
    }

    /// timm's name of an official one; `nil` for what it does not have.
    private func name(_ official: String) -> String? {
        guard let (block, rest) = BlockName.parts(official) else {
            switch official {
            case "storage_tokens", "register_tokens": return "\(prefix)reg_token"
            case "mask_token", "rope_embed.periods": return nil
            case "pos_embed": return isLearned ? prefix + official : nil
            default: return prefix + official
            }
        }
        var renamed = rest
        if !isLearned {
            if rest == "ls1.gamma" { renamed = "gamma_1" }
            if rest == "ls2.gamma" { renamed = "gamma_2" }
        }
        let layers =
            isFused
            ? ["w12": "fc1", "w3": "fc2", "fc1": "", "fc2": ""]
            : ["w1": "fc1_g", "w2": "fc1_x", "w3": "fc2", "w12": ""]
        let parts = rest.split(separator: ".")
        if parts.count == 3, parts[0] == "mlp", let layer = layers[String(parts[1])] {
            guard layer != "" else { return nil }
            renamed = "mlp.\(layer).\(parts[2])"
        }
        return "\(prefix)blocks.\(block).\(renamed)"
    }

    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin? {
        switch official {
        case "mask_token": return .zeros
        case "rope_embed.periods": return .derived
        case _ where official.hasSuffix(".attn.qkv.bias_mask"): return .derived
        case _ where official.hasSuffix(".attn.qkv.bias") && hasSplitBias:
            let parts = ["q_bias", "v_bias"].map { prefix + official.replacing("qkv.bias", with: $0) }
            return parts.allSatisfy { source.entry($0) != nil } ? .rows([parts[0], nil, parts[1]]) : nil
        default:
            guard let name = name(official), source.entry(name) != nil else { return nil }
            return official == "pos_embed" && lacksClassPosition ? .afterZeros(name) : .stored(name)
        }
    }

    func parts(_ official: String) -> [String] { [] }

    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture? { nil }

    func architecture(
        of source: any TensorSource, path: String, heads: Int?
    ) throws(BackboneError) -> BackboneArchitecture {
        // What the configuration says is checked against what the user says by the caller.
        let told = try TimmConfiguration.read(folder: WeightsFolder.folder(of: path))?.model_args?.num_heads
        var found = try BackboneConfiguration.inferred(path: path, heads: told ?? heads) { official in
            switch official {
            // One of the two names of registers is this family's.
            case "storage_tokens" where isLearned: return nil
            case _ where official.hasSuffix(".attn.qkv.bias") && hasSplitBias: return [1]
            case _ where official.hasSuffix(".attn.qkv.bias_mask"): return hasSplitBias ? [1] : nil
            default:
                guard let name = name(official), var shape = source.entry(name)?.shape else { return nil }
                if official == "pos_embed", lacksClassPosition { shape[1] += 1 }
                // A plain feed-forward layer has only two matrices.
                if official.contains(".mlp.w3."), !isFused, source.entry("\(prefix)blocks.0.mlp.fc1_g.weight") == nil {
                    return nil
                }
                return shape
            }
        }
        // To the grid's size, always with antialiasing.
        found.positions = found.positions.map { LearnedPositions(grid: $0.grid, antialias: true) }
        return .transformer(found)
    }

    func statistics(folder: String) throws(BackboneError) -> (mean: [Double], std: [Double])? {
        try TimmConfiguration.statistics(folder: folder)
    }
}

/// The names of timm's ConvNeXt, as DINOv3's students have them there.
///
/// Source: the parameter names of `timm.models.convnext.ConvNeXt`, timm 1.0.
struct TimmConvNeXtNames: ForeignNames {
    let prefix: String
    let format = WeightsFormat.timm

    /// The names that a file uses; `nil` where they are not timm's.
    init?(in names: [String]) {
        let mark = "stages.0.blocks.0.conv_dw.weight"
        guard let found = names.first(where: { $0 == mark || $0.hasSuffix(".\(mark)") }) else { return nil }
        let prefix = String(found.dropLast(mark.count))
        guard names.contains("\(prefix)stages.0.blocks.0.gamma"), names.contains("\(prefix)stem.0.weight") else {
            return nil
        }
        self.prefix = prefix
    }

    private func name(_ official: String) -> String? {
        let parts = official.split(separator: ".").map(String.init)
        switch parts.first {
        case "norm" where parts.count == 2: return "\(prefix)head.norm.\(parts[1])"
        case "downsample_layers" where parts.count == 4:
            let layer = parts[1] == "0" ? "stem" : "stages.\(parts[1]).downsample"
            return "\(prefix)\(layer).\(parts[2]).\(parts[3])"
        case "stages" where parts.count >= 4:
            let renamed = [
                "dwconv": "conv_dw", "norm": "norm", "pwconv1": "mlp.fc1", "pwconv2": "mlp.fc2", "gamma": "gamma",
            ]
            guard let layer = renamed[parts[3]] else { return nil }
            let rest = ([layer] + parts.dropFirst(4)).joined(separator: ".")
            return "\(prefix)stages.\(parts[1]).blocks.\(parts[2]).\(rest)"
        default: return nil
        }
    }

    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin? {
        guard let name = name(official), source.entry(name) != nil else { return nil }
        return .stored(name)
    }

    func parts(_ official: String) -> [String] { [] }

    /// A head that sorts images into classes may stand on the backbone, whose last norm is timm's `head.norm`.
    func isOfBackbone(_ name: String) -> Bool { name.hasPrefix(prefix) && !name.hasPrefix("\(prefix)head.fc.") }

    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture? { nil }

    func architecture(
        of source: any TensorSource, path: String, heads: Int?
    ) throws(BackboneError) -> BackboneArchitecture {
        .convNeXt(try ConvNeXtConfiguration.inferred(path: path) { name($0).flatMap(source.entry)?.shape })
    }

    func statistics(folder: String) throws(BackboneError) -> (mean: [Double], std: [Double])? {
        try TimmConfiguration.statistics(folder: folder)
    }
}

/// What timm's `config.json` says about the pixels that are fed, and about what the tensors do not tell.
private struct TimmConfiguration: Decodable {
    /// What differs from the named architecture.
    struct Arguments: Decodable {
        var num_heads: Int?
    }

    struct Pretrained: Decodable {
        var mean: [Double]?
        var std: [Double]?
    }

    var pretrained_cfg: Pretrained?
    var model_args: Arguments?

    /// Reads the file of a folder; `nil` where there is none.
    static func read(folder: String) throws(BackboneError) -> TimmConfiguration? {
        let path = "\(folder)/config.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try HuggingFaceText.decoded(path)
    }

    static func statistics(folder: String) throws(BackboneError) -> (mean: [Double], std: [Double])? {
        guard let said = try read(folder: folder)?.pretrained_cfg, let mean = said.mean, let std = said.std else {
            return nil
        }
        return (mean, std)
    }
}

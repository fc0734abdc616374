// How Hugging Face transformers names the tensors of a ConvNeXt, and what its config.json says.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// The names of transformers' DINOv3 ConvNeXt.
///
/// Source: the parameter names of `transformers.DINOv3ConvNextModel`, versions 4.56 and 5 (files with `stages`, in memory
/// `model.stages`).
struct HuggingFaceConvNeXtNames: ForeignNames {
    let prefix: String
    /// What comes before `stages`.
    private let stages: String

    /// The names in the published files and in those that transformers writes.
    static let published = HuggingFaceConvNeXtNames(prefix: "", stages: "stages.")

    /// The names that a file uses; `nil` where it has no stem under such a name.
    init?(in names: [String]) {
        let mark = "stages.0.layers.0.depthwise_conv.weight"
        guard let found = names.first(where: { $0 == mark || $0.hasSuffix(".\(mark)") }) else { return nil }
        let before = String(found.dropLast(mark.count))
        stages = "\(before)stages."
        prefix = before.hasSuffix("model.") ? String(before.dropLast("model.".count)) : before
    }

    private init(prefix: String, stages: String) {
        self.prefix = prefix
        self.stages = stages
    }

    /// Their name of an official one; `nil` for no such tensor.
    func name(_ official: String) -> String? {
        let parts = official.split(separator: ".").map(String.init)
        switch parts.first {
        case "norm" where parts.count == 2: return "\(prefix)layer_norm.\(parts[1])"
        case "downsample_layers" where parts.count == 4:
            return "\(stages)\(parts[1]).downsample_layers.\(parts[2]).\(parts[3])"
        case "stages" where parts.count >= 4:
            let renamed = [
                "dwconv": "depthwise_conv", "norm": "layer_norm", "pwconv1": "pointwise_conv1",
                "pwconv2": "pointwise_conv2", "gamma": "gamma",
            ]
            guard let layer = renamed[parts[3]] else { return nil }
            let rest = [layer] + parts.dropFirst(4)
            return "\(stages)\(parts[1]).layers.\(parts[2]).\(rest.joined(separator: "."))"
        default: return nil
        }
    }

    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin? {
        guard let name = name(official), source.entry(name) != nil else { return nil }
        return .stored(name)
    }

    func parts(_ official: String) -> [String] { [] }

    func architecture(
        of source: any TensorSource, path: String, heads: Int?
    ) throws(BackboneError) -> BackboneArchitecture {
        .convNeXt(try ConvNeXtConfiguration.inferred(path: path) { name($0).flatMap(source.entry)?.shape })
    }

    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture? {
        let theirs: HuggingFaceConvNeXtConfiguration = try HuggingFaceText.decoded(path)
        return .convNeXt(try theirs.configuration(path: path))
    }
}

/// What `config.json` says about a DINOv3 ConvNeXt.
///
/// Source: the fields of `transformers.DINOv3ConvNextConfig`, with the defaults of transformers 5.
struct HuggingFaceConvNeXtConfiguration: Decodable {
    var model_type = "dinov3_convnext"
    var architectures: [String]? = ["DINOv3ConvNextModel"]
    var num_channels: Int? = 3
    var hidden_sizes: [Int]?
    var depths: [Int]?
    var hidden_act: String? = "gelu"
    var layer_norm_eps: Double? = 1e-6
    var layer_scale_init_value: Double? = 1e-6
    var drop_path_rate: Double? = 0
    var image_size: Int? = 224
    /// The element type of the weights, such as `float32`.
    var dtype: String?

    init(_ configuration: ConvNeXtConfiguration) {
        num_channels = configuration.channels
        hidden_sizes = configuration.widths
        depths = configuration.depths
        layer_norm_eps = configuration.normEpsilon
        layer_scale_init_value = configuration.layerScale
    }

    /// The text of `config.json`.
    func json() -> String {
        HuggingFaceText.json([
            "model_type": .text(model_type), "architectures": .texts(architectures ?? []),
            "num_channels": .int(num_channels), "hidden_sizes": .ints(hidden_sizes ?? []),
            "depths": .ints(depths ?? []),
            "hidden_act": .text(hidden_act), "layer_norm_eps": .number(layer_norm_eps),
            "layer_scale_init_value": .number(layer_scale_init_value), "drop_path_rate": .number(drop_path_rate),
            "image_size": .int(image_size), "dtype": .text(dtype),
        ])
    }

    /// The architecture that it describes.
    func configuration(path: String) throws(BackboneError) -> ConvNeXtConfiguration {
        var wrong: [String] = []
        if model_type != "dinov3_convnext" { wrong.append("model_type is \(model_type); expected dinov3_convnext") }
        if let hidden_act, hidden_act != "gelu" { wrong.append("hidden_act is \(hidden_act); expected gelu") }
        var result = ConvNeXtConfiguration()
        result.channels = num_channels ?? 3
        result.widths = hidden_sizes ?? result.widths
        result.depths = depths ?? result.depths
        result.normEpsilon = layer_norm_eps ?? 1e-6
        result.layerScale = layer_scale_init_value ?? 1e-6
        if wrong.isEmpty {
            do { try result.validate() } catch { wrong = error.causes }
        }
        guard wrong.isEmpty else {
            throw BackboneError(.badWeights, "the model's configuration is not supported", in: path, why: wrong)
        }
        return result
    }
}

// The published canopy head (CHMv2), under its official names or those of Hugging Face: a map without any training.
internal import Backbone
internal import Files
internal import FoundationEssentials
internal import Telemetry
public import Torch

/// A canopy head that others trained, read from their file.
public struct PublishedCanopyHead {
    /// The network.
    public let head: DensePredictionHead
    /// From its numbers to metres.
    public let bins: HeightBins
    /// The blocks whose tokens it sees, from 0.
    public let taps: [Int]
    /// The file.
    public let path: String

    /// The taps of the published model, on a ViT-L of 24 blocks.
    static let publishedTaps = [5, 11, 17, 23]

    /// Reads a head.
    ///
    /// Sizes follow from the shapes. A file that holds a backbone besides, as Hugging Face's does, is read for its head.
    ///
    /// - Parameters:
    ///   - path: The official `.pth`, or a file or folder of Hugging Face.
    ///   - device: Where it computes.
    ///   - followsReference: Whether odd grids are stretched as in the published code.
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors; errors of the file
    ///   format as they come.
    public static func load(
        from path: String, device: Device = .cpu, followsReference: Bool = false
    ) throws -> PublishedCanopyHead {
        let file = try VisionTransformer.weightsPath(path)
        let source = try openWeights(file)
        let names = CanopyHeadNames(in: source.names)
        let (sizes, tokenWidth, outputs) = try sizes(file) { source.entry(names.stored($0))?.shape }
        let specifications = DensePredictionHead.specifications(sizes, tokenWidth: tokenWidth, outputs: outputs)
        var tensors: [String: Tensor] = [:]
        var check = TensorCheck()
        for specification in specifications {
            let name = names.stored(specification.name)
            guard check.want(name, specification.shape, source.entry(name)) else { continue }
            tensors[specification.name] = try source.tensor(name, copy: true).to(.float32).to(device)
        }
        let causes = check.causes(among: source.names.filter(names.isOfHead))
        guard causes.isEmpty else {
            throw DownstreamError(
                .badModel, "the tensors in the file do not match a canopy head", in: file, why: causes)
        }
        var bins = HeightBins()
        bins.count = outputs
        var taps = publishedTaps
        if names.isHuggingFace {
            let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
            if let said = try CanopyHeadConfiguration.read("\(folder)config.json") {
                bins.minimum = said.min_depth ?? bins.minimum
                bins.maxHeight = said.max_depth ?? bins.maxHeight
                // transformers counts the embedding as the first.
                taps = said.backbone_config?.out_indices.map { $0.map { $0 - 1 } } ?? taps
            }
        }
        let head = DensePredictionHead(
            sizes, tokenWidth: tokenWidth, outputs: outputs, tensors: tensors, followsReference: followsReference)
        return PublishedCanopyHead(head: head, bins: bins, taps: taps, path: file)
    }

    /// The sizes behind the shapes of a head's tensors.
    private static func sizes(
        _ path: String, shape: (String) -> [Int]?
    ) throws(DownstreamError) -> (DenseHeadConfiguration, tokenWidth: Int, outputs: Int) {
        func dimension(_ name: String, _ axis: Int) throws(DownstreamError) -> Int {
            guard let found = shape(name), found.count == 4 else {
                throw DownstreamError(
                    .badModel, "the file is not a canopy head", in: path,
                    why: ["it has no \(name) with four dimensions"],
                    try: "give the CHMv2 head, such as dinov3_vitl16_chmv2_dpt_head-3703d643.pth")
            }
            return found[axis]
        }
        var sizes = DenseHeadConfiguration()
        for index in 0..<4 {
            sizes.postChannels[index] = try dimension("reassemble_blocks.projects.\(index).conv.weight", 0)
        }
        sizes.channels = try dimension("convs.0.conv.weight", 0)
        sizes.hidden = try dimension("conv_depth.head.2.weight", 0)
        let outputs = try dimension("conv_depth.head.4.weight", 0)
        let wrong =
            sizes.problems + ((2...4096).contains(outputs) ? [] : ["it has \(outputs) bins; expected 2 to 4096"])
        guard wrong.isEmpty else {
            throw DownstreamError(.badModel, "the head's sizes are invalid", in: path, why: wrong)
        }
        return (sizes, try dimension("reassemble_blocks.projects.0.conv.weight", 1), outputs)
    }
}

/// What a file calls the tensors of a head.
///
/// Source: the parameter names of `transformers.CHMv2ForDepthEstimation`.
private struct CanopyHeadNames {
    let isHuggingFace: Bool
    private let prefix: String

    init(in names: [String]) {
        let mark = "reassemble_stage.readout_projects.0.0.weight"
        let found = names.first { $0 == mark || $0.hasSuffix(".\(mark)") }
        isHuggingFace = found != nil
        prefix = found.map { String($0.dropLast(mark.count)) } ?? ""
    }

    func isOfHead(_ name: String) -> Bool { name.hasPrefix(prefix) }

    /// The stored name of an official one.
    func stored(_ official: String) -> String {
        guard isHuggingFace else { return official }
        let parts = official.split(separator: ".").map(String.init)
        let kind = parts.last ?? ""
        switch (parts[0], parts.count > 1 ? parts[1] : "") {
        case ("reassemble_blocks", "readout_projects"):
            return "\(prefix)reassemble_stage.readout_projects.\(parts[2]).0.\(kind)"
        case ("reassemble_blocks", "projects"): return "\(prefix)reassemble_stage.layers.\(parts[2]).projection.\(kind)"
        case ("reassemble_blocks", "resize_layers"):
            return "\(prefix)reassemble_stage.layers.\(parts[2]).resize.\(kind)"
        case ("convs", let index): return "\(prefix)convs.\(index).\(kind)"
        case ("fusion_blocks", let index):
            guard parts.count > 3, let unit = parts[2].last, let layer = parts[3].last, parts[2] != "project" else {
                return "\(prefix)fusion_layers.\(index).projection.\(kind)"
            }
            return "\(prefix)fusion_layers.\(index).residual_layer\(unit).convolution\(layer).\(kind)"
        default: return prefix + official
        }
    }
}

/// What `config.json` says about a canopy model.
///
/// Source: the fields of `transformers.CHMv2Config`.
private struct CanopyHeadConfiguration: Decodable {
    struct Backbone: Decodable {
        var out_indices: [Int]?
    }

    var min_depth: Double?
    var max_depth: Double?
    var bins_strategy: String?
    var norm_strategy: String?
    var readout_type: String?
    var backbone_config: Backbone?

    /// Reads the file; `nil` where there is none.
    static func read(_ path: String) throws(DownstreamError) -> CanopyHeadConfiguration? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let said: CanopyHeadConfiguration
        do { said = try JSONDecoder().decode(CanopyHeadConfiguration.self, from: data) } catch {
            throw DownstreamError(
                .badModel, "the model's configuration cannot be read", in: path, why: causes(of: error))
        }
        var wrong: [String] = []
        for (key, value, expected) in [
            ("bins_strategy", said.bins_strategy, "chmv2_mixlog"),
            ("norm_strategy", said.norm_strategy, "chmv2_mixlog"),
            ("readout_type", said.readout_type, "project"),
        ] {
            if let value, value != expected { wrong.append("\(key) is \(value); expected \(expected)") }
        }
        guard wrong.isEmpty else {
            throw DownstreamError(.badModel, "the head has another architecture", in: path, why: wrong)
        }
        return said
    }
}

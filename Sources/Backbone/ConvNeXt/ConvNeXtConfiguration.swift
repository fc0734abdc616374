// What a ConvNeXt of the family looks like.
public import Telemetry

/// The architecture of a ConvNeXt (Liu and others, 2022) as DINOv3's distilled students have it.
///
/// On disk (JSON, YAML) the keys are in snake case.
public struct ConvNeXtConfiguration: Codable, Sendable, Equatable {
    /// Number of input bands.
    public var channels = 3
    /// Number of blocks of the four stages.
    public var depths = [3, 3, 9, 3]
    /// Channels of the four stages.
    public var widths = [96, 192, 384, 768]
    /// Initial value of the blocks' scale.
    public var layerScale = 1e-6
    /// Epsilon of all normalisation layers.
    public var normEpsilon = 1e-6

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case channels, depths, widths
        case layerScale = "layer_scale"
        case normEpsilon = "norm_epsilon"
    }

    /// Pixels per token of the last map along each axis.
    static let stride = 32
    /// Pixels per token of the maps that dense heads get.
    static let tapStride = 16
    /// Pixels per token of a stage's own map.
    static func stride(ofStage stage: Int) -> Int { 4 << stage }

    /// A ConvNeXt-T; change what differs.
    public init() {}

    /// Names of the published sizes, smallest first.
    public static let presetNames = ["convnext_tiny", "convnext_small", "convnext_base", "convnext_large"]

    /// A published size by its name; `nil` for an unknown name.
    public static func preset(_ name: String) -> ConvNeXtConfiguration? {
        guard let size = presetNames.firstIndex(of: name) else { return nil }
        var configuration = ConvNeXtConfiguration()
        if size > 0 { configuration.depths[2] = 27 }
        let first = [96, 96, 128, 192][size]
        configuration.widths = [first, 2 * first, 4 * first, 8 * first]
        return configuration
    }

    /// Checks that the values are in range and fit together.
    ///
    /// - Throws: `BackboneError` (`badConfiguration`) that names every key that is wrong.
    public func validate() throws(BackboneError) {
        var wrong: [String] = []
        if !(1...512).contains(channels) { wrong.append("channels is \(channels); expected 1 to 512") }
        if depths.count != 4 || !depths.allSatisfy((1...1024).contains) {
            wrong.append("depths is \(depths); expected four numbers from 1 to 1024")
        }
        if widths.count != 4 || !widths.allSatisfy((1...16384).contains) {
            wrong.append("widths is \(widths); expected four numbers from 1 to 16384")
        }
        if !layerScale.isFinite { wrong.append("layer_scale is \(layerScale); expected a number") }
        if !(normEpsilon > 0 && normEpsilon < 1) {
            wrong.append("norm_epsilon is \(normEpsilon); expected above 0 and below 1")
        }
        guard wrong.isEmpty else {
            throw BackboneError(.badConfiguration, "the backbone's configuration is invalid", why: wrong)
        }
    }

    /// All tensors in the order of the network, under official names.
    var parameterSpecifications: [ParameterSpecification] {
        var list: [ParameterSpecification] = []
        func add(_ name: String, _ shape: [Int]) {
            list.append(.init(name: "\(name).weight", shape: shape, start: .normal(0.02)))
            list.append(.init(name: "\(name).bias", shape: [shape[0]], start: .zeros))
        }
        func norm(_ name: String, _ width: Int) {
            list.append(.init(name: "\(name).weight", shape: [width], start: .ones))
            list.append(.init(name: "\(name).bias", shape: [width], start: .zeros))
        }
        for (stage, width) in widths.enumerated() {
            if stage == 0 {
                add("downsample_layers.0.0", [width, channels, 4, 4])
                norm("downsample_layers.0.1", width)
            } else {
                norm("downsample_layers.\(stage).0", widths[stage - 1])
                add("downsample_layers.\(stage).1", [width, widths[stage - 1], 2, 2])
            }
        }
        for (stage, width) in widths.enumerated() {
            for block in 0..<depths[stage] {
                let name = "stages.\(stage).\(block)"
                list.append(.init(name: "\(name).gamma", shape: [width], start: .constant(layerScale)))
                add("\(name).dwconv", [width, 1, 7, 7])
                norm("\(name).norm", width)
                add("\(name).pwconv1", [4 * width, width])
                add("\(name).pwconv2", [width, 4 * width])
            }
        }
        norm("norm", widths[3])
        return list
    }
}

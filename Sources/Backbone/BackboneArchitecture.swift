// The two families of backbones under one name, as they travel with weights.
public import Telemetry

/// The architecture of a backbone of any family.
///
/// On disk a vision transformer is the object of its configuration alone; a ConvNeXt has the key `family` besides.
public enum BackboneArchitecture: Codable, Sendable, Equatable {
    /// A vision transformer.
    case transformer(BackboneConfiguration)
    /// A ConvNeXt.
    case convNeXt(ConvNeXtConfiguration)

    private enum FamilyKey: String, CodingKey { case family }

    /// Reads the configuration of the family that is named.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FamilyKey.self)
        switch try container.decodeIfPresent(String.self, forKey: .family) {
        case nil, "transformer": self = .transformer(try BackboneConfiguration(from: decoder))
        case "convnext": self = .convNeXt(try ConvNeXtConfiguration(from: decoder))
        case let other?:
            throw DecodingError.dataCorruptedError(
                forKey: .family, in: container, debugDescription: "unknown family of backbones '\(other)'")
        }
    }

    /// Writes the configuration; see the type.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .transformer(let configuration): try configuration.encode(to: encoder)
        case .convNeXt(let configuration):
            var container = encoder.container(keyedBy: FamilyKey.self)
            try container.encode("convnext", forKey: .family)
            try configuration.encode(to: encoder)
        }
    }

    /// Names of all published sizes.
    public static let presetNames = BackboneConfiguration.presetNames + ConvNeXtConfiguration.presetNames

    /// A published size by its name; `nil` for an unknown name.
    public static func preset(_ name: String) -> BackboneArchitecture? {
        BackboneConfiguration.preset(name).map(BackboneArchitecture.transformer)
            ?? ConvNeXtConfiguration.preset(name).map(BackboneArchitecture.convNeXt)
    }

    /// The name of the published size with these dimensions; `nil` where there is none.
    public var presetName: String? {
        Self.presetNames.first { Self.preset($0).map(hasSizes) ?? false }
    }

    /// Whether the dimensions are those of another architecture, whatever the options of training are.
    public func hasSizes(of other: BackboneArchitecture) -> Bool {
        switch (self, other) {
        case (.transformer(let a), .transformer(let b)): a.hasSizes(of: b)
        case (.convNeXt(let a), .convNeXt(let b)):
            a.depths == b.depths && a.widths == b.widths && a.channels == b.channels
        default: false
        }
    }

    /// Number of input bands.
    public var channels: Int {
        switch self {
        case .transformer(let configuration): configuration.channels
        case .convNeXt(let configuration): configuration.channels
        }
    }

    /// Pixels per token of the output along each axis; images must be whole multiples.
    public var stride: Int {
        switch self {
        case .transformer(let configuration): configuration.patchSize
        case .convNeXt: ConvNeXtConfiguration.stride
        }
    }

    /// The side of images nearest to a given one that is a whole number of strides.
    public func fittingSide(_ side: Int) -> Int { max(1, (side + stride / 2) / stride) * stride }

    /// Pixels per token of the map of a block or stage.
    public func tapStride(ofLayer layer: Int, grid: TapGrid) -> Int {
        switch self {
        case .transformer(let configuration): configuration.patchSize
        case .convNeXt: grid == .own ? ConvNeXtConfiguration.stride(ofStage: layer) : ConvNeXtConfiguration.tapStride
        }
    }

    /// Length of an output token.
    public var width: Int { tapWidths.last ?? 0 }

    /// Length of a token after each block or stage.
    public var tapWidths: [Int] {
        switch self {
        case .transformer(let configuration): Array(repeating: configuration.width, count: configuration.depth)
        case .convNeXt(let configuration): configuration.widths
        }
    }

    /// Whether positions are learnt, as in DINOv2.
    public var hasLearnedPositions: Bool {
        if case .transformer(let configuration) = self { configuration.positions != nil } else { false }
    }

    /// Number of register tokens.
    public var registers: Int {
        if case .transformer(let configuration) = self { configuration.registers } else { 0 }
    }

    /// Number of trained values, buffers not counted.
    public var parameterCount: Int {
        parameterSpecifications.reduce(0) { $0 + ($1.isBuffer ? 0 : $1.shape.reduce(1, *)) }
    }

    /// All tensors in the order of the network.
    var parameterSpecifications: [ParameterSpecification] {
        switch self {
        case .transformer(let configuration): configuration.parameterSpecifications
        case .convNeXt(let configuration): configuration.parameterSpecifications
        }
    }

    /// Checks that the values are in range and fit together.
    ///
    /// - Throws: `BackboneError` (`badConfiguration`).
    public func validate() throws(BackboneError) {
        switch self {
        case .transformer(let configuration): try configuration.validate()
        case .convNeXt(let configuration): try configuration.validate()
        }
    }
}

// What the pixels of a corpus, of weights or of a model are: bands, type, GSD, and how they were stretched.

/// What one band holds.
public struct BandInfo: Hashable, Sendable, Codable {
    /// Name: `red`, `green`, `blue`, `nir`, `canopy height` ...
    public var name: String
    /// Unit of the values, such as `m`; `nil` for counts and colours.
    public var unit: String?

    /// Makes a band's description.
    public init(name: String, unit: String? = nil) {
        self.name = name
        self.unit = unit
    }

    /// Red, green, blue.
    public static let rgb = [BandInfo(name: "red"), BandInfo(name: "green"), BandInfo(name: "blue")]
}

/// How values become 8 bits.
///
/// The rule travels from corpus to weights to model; its parameters are per scene.
public enum StretchRule: Hashable, Sendable, Codable {
    /// Values are taken as they are; they must be 8-bit.
    case none
    /// `low` becomes 0 and `high` 255, in every band of every scene.
    case fixed(low: Double, high: Double)
    /// The two percentiles (0 to 100) of a scene's valid pixels become 0 and 255, band by band.
    case percentile(low: Double, high: Double)

    /// The rule as a profile writes it: `none`, `fixed:0,3000`, `percentile:2,98`.
    public var text: String {
        switch self {
        case .none: "none"
        case .fixed(let low, let high): "fixed:\(low),\(high)"
        case .percentile(let low, let high): "percentile:\(low),\(high)"
        }
    }

    /// Reads a rule from its text; `nil` where it is not a rule or its numbers are out of order.
    public init?(text: String) {
        if text == "none" {
            self = .none
            return
        }
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let numbers = parts[1].split(separator: ",").compactMap { Double($0.filter { $0 != " " }) }
        guard numbers.count == 2, numbers[0] < numbers[1] else { return nil }
        switch parts[0] {
        case "fixed": self = .fixed(low: numbers[0], high: numbers[1])
        case "percentile" where numbers[0] >= 0 && numbers[1] <= 100:
            self = .percentile(low: numbers[0], high: numbers[1])
        default: return nil
        }
    }

    /// Reads a rule from the text that `text` writes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let rule = StretchRule(text: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription:
                    "'\(text)' is not a stretch rule; use none, fixed:LOW,HIGH or percentile:LOW,HIGH with LOW below HIGH"
            )
        }
        self = rule
    }

    /// Writes the rule as its text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// What a tile's or window's pixels are.
public struct PixelLayout: Hashable, Sendable, Codable {
    /// The bands, in order.
    public var bands: [BandInfo]
    /// How a sample is stored.
    public var sampleType: SampleType
    /// Side of a tile in pixels; tiles are square.
    public var tileSize: Int
    /// Metres per pixel; `nil` where every tile keeps its scene's own.
    public var gsd: Double?
    /// How the samples came from the scene's values.
    public var stretch: StretchRule

    /// Makes a layout.
    public init(
        bands: [BandInfo], sampleType: SampleType, tileSize: Int, gsd: Double?, stretch: StretchRule
    ) {
        self.bands = bands
        self.sampleType = sampleType
        self.tileSize = tileSize
        self.gsd = gsd
        self.stretch = stretch
    }

    private enum CodingKeys: String, CodingKey {
        case bands, gsd, stretch
        case sampleType = "sample_type"
        case tileSize = "tile_size"
    }

    /// Two keys in files from before all keys were in snake case.
    private enum EarlierKeys: String, CodingKey { case sampleType, tileSize }

    /// Reads a layout, with its keys as they are now or as they were.
    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        let earlier = try decoder.container(keyedBy: EarlierKeys.self)
        bands = try keys.decode([BandInfo].self, forKey: .bands)
        sampleType =
            try earlier.decodeIfPresent(SampleType.self, forKey: .sampleType)
            ?? keys.decode(SampleType.self, forKey: .sampleType)
        tileSize =
            try earlier.decodeIfPresent(Int.self, forKey: .tileSize) ?? keys.decode(Int.self, forKey: .tileSize)
        gsd = try keys.decodeIfPresent(Double.self, forKey: .gsd)
        stretch = try keys.decode(StretchRule.self, forKey: .stretch)
    }
}

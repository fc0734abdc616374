// What KEY.json says about a tile: the record that every index can be made from again.
public import Geo

/// Which part of the corpus a tile belongs to.
public enum Split: String, Codable, Sendable, CaseIterable {
    /// Learnt from.
    case train
    /// Looked at while learning.
    case validation
    /// Looked at once.
    case test
    /// Touches blocks of ground of different splits, and so belongs to none.
    case border

    /// Its bit among the subset bits of an index record.
    public var bit: UInt64 { 1 << UInt64(number) }

    var number: UInt8 {
        switch self {
        case .train: 0
        case .validation: 1
        case .test: 2
        case .border: 3
        }
    }
}

/// Statistics of one band over the valid pixels of a tile, in the values that the tile stores.
public struct BandStatistics: Codable, Sendable, Hashable {
    /// Mean.
    public var mean: Double
    /// Standard deviation (of the population).
    public var deviation: Double
    /// Least value.
    public var minimum: Double
    /// Largest value.
    public var maximum: Double
}

/// What a corpus knows about one tile; the member `KEY.json` of its shard.
public struct TileRecord: Codable, Sendable, Hashable {
    /// Number of the tile in plan order, from 0.
    public var id: Int
    /// Name of its members in the shard, without suffix and without dots.
    public var key: String
    /// Number of the scene it was cut from.
    public var scene: Int
    /// Path or address of that scene, as it was given, without secrets.
    public var scenePath: String
    /// Number of the place among all places the plan tries in that scene.
    public var candidate: Int
    /// The pixels it covers, on the scene's lattice of tiles.
    public var window: PixelWindow
    /// Its CRS: an authority code or WKT.
    public var crs: String
    /// Its geotransform, six numbers in GDAL's order.
    public var transform: [Double]
    /// Metres per pixel.
    public var gsd: Double
    /// Share of valid pixels, 0 to 1.
    public var validFraction: Double
    /// One entry per band.
    public var statistics: [BandStatistics]
    /// When the scene was taken, where known.
    public var acquired: String?
    /// `constant` where no band varies.
    public var flags: [String]
    /// The block of ground that holds its centre.
    public var block: String
    /// Where it belongs.
    public var split: Split
    /// Sampling weight.
    public var weight: Float
    /// Subset bits.
    public var subsets: UInt64
    /// Closed rings of longitude and latitude, parted at 180 degrees.
    public var footprint: [[[Double]]]
    /// Length of `KEY.tif` in bytes.
    public var bytes: Int
    /// SHA-256 of `KEY.tif`.
    public var sha256: String

    /// Whether its numbers are numbers of tiles and scenes, as they are in every record that we write.
    var isSound: Bool {
        (0...Self.idLimit).contains(id) && key == Self.key(id) && (0...Self.idLimit).contains(scene)
    }

    /// More than any corpus has, and little enough to be counted with.
    private static let idLimit = 1 << 40

    /// The name of the members of the tile with a number.
    static func key(_ id: Int) -> String {
        let digits = String(id)
        return String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    }
}

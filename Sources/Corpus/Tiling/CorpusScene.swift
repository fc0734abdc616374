// A scene as a corpus remembers it.
internal import Files
public import Geo
public import Raster
internal import Scenes
internal import Telemetry

/// What a corpus knows about one of its scenes.
public struct CorpusScene: Codable, Sendable, Hashable {
    /// Number of the scene in the order given, from 0.
    public var index: Int
    /// Path or address, as it was given, without secrets (`Redaction.address`).
    public var path: String
    /// Names the content: grid, bands and samples of the file's bytes.
    public var fingerprint: String
    /// Size of the file, where it is one.
    public var bytes: Int?
    /// Its own grid.
    public var grid: Grid
    /// Metres per pixel at its centre.
    public var gsd: Double
    /// The bands that are cut, numbers from 1.
    public var bandNumbers: [Int]
    /// Their names.
    public var bandNames: [String]
    /// How its samples are stored.
    public var sampleType: SampleType
    /// What the stretch rule gave for it; `nil` where nothing is stretched, or no valid pixel was found.
    public var stretch: StretchParameters?
    /// The grid that its tiles are windows of: its own, or one at the profile's GSD.
    public var lattice: Grid
    /// Metres per pixel of its tiles.
    public var tileGSD: Double
    /// Whether its tiles hold its own pixels, without resampling.
    public var isExact: Bool
    /// The kernel, where they do not.
    public var resampling: Resampling
    /// Area of its rectangle.
    public var squareKilometres: Double
    /// Closed rings of longitude and latitude, parted at 180 degrees.
    public var footprint: [[[Double]]]
    /// When it was taken, where known.
    public var acquired: String?
    /// Satellite or aircraft, where known.
    public var platform: String?
    /// Licence, where known.
    public var licence: String?
    /// Whom to name, where known.
    public var attribution: String?
    /// Degrees above the horizon, where known.
    public var sunElevation: Double?
    /// Degrees from north, where known.
    public var sunAzimuth: Double?
    /// Degrees from the vertical, where known.
    public var offNadir: Double?
    /// Percent, where known.
    public var cloudCover: Double?

    /// How its fingerprint was made before addresses were kept without secrets, for corpora started then; `nil` for files
    /// that hold no address.
    ///
    /// Not stored.
    var formerly: FormerFingerprint?

    /// Whether two descriptions are of one scene's content; the other one may be of an earlier form.
    func hasContent(of earlier: CorpusScene) -> Bool {
        if fingerprint == earlier.fingerprint { return true }
        switch formerly {
        case .ofDocument(let fingerprint): return fingerprint == earlier.fingerprint
        case .ofAddress(let start):
            // With the address as it was given then.
            return Redaction.identity(of: earlier.path) == Redaction.identity(of: path)
                && SHA256.hex(of: Array((start + earlier.path).utf8)) == earlier.fingerprint
        case nil: return false
        }
    }

    /// Bounds of the parts of its footprint, degrees.
    package var places: [Bounds] {
        footprint.compactMap { ring in Bounds(points: ring.compactMap { $0.count >= 2 ? (x: $0[0], y: $0[1]) : nil }) }
    }

    enum CodingKeys: String, CodingKey {
        case index, path, fingerprint, bytes, grid, gsd, stretch, lattice, resampling, footprint, acquired, platform
        case licence, attribution
        case bandNumbers = "band_numbers"
        case bandNames = "band_names"
        case sampleType = "sample_type"
        case tileGSD = "tile_gsd"
        case isExact = "is_exact"
        case squareKilometres = "square_kilometres"
        case sunElevation = "sun_elevation"
        case sunAzimuth = "sun_azimuth"
        case offNadir = "off_nadir"
        case cloudCover = "cloud_cover"
    }
}

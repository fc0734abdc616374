// What to synthesize: how many scenes, how large, where, from which seed.
public import Geo
public import Telemetry

/// What `synthesize` makes.
public struct LandscapeOptions: Codable, Sendable, Hashable {
    /// Number of scenes, 1 to 1000.
    public var scenes: Int
    /// Side of a scene in pixels, 64 to 32768.
    public var size: Int
    /// Seed of everything that is drawn; scene `i` depends on the seed and on `i`, never on `scenes`.
    public var seed: UInt64
    /// Metres per pixel, 0.2 to 2.
    public var gsd: Double
    /// Whether the image has a fourth band, near infrared.
    public var nir: Bool
    /// UTM zone, 1 to 60, on the northern hemisphere.
    public var utmZone: Int
    /// Easting of the first scene's left edge in metres; moved to a whole multiple of the GSD.
    public var easting: Double
    /// Northing of the first scene's top edge in metres; moved to a whole multiple of the GSD.
    public var northing: Double

    /// Makes options; the defaults lie in Lower Austria.
    public init(
        scenes: Int = 4, size: Int = 1024, seed: UInt64 = 0, gsd: Double = 0.6, nir: Bool = false,
        utmZone: Int = 33, easting: Double = 500_010, northing: Double = 5_340_000
    ) {
        self.scenes = scenes
        self.size = size
        self.seed = seed
        self.gsd = gsd
        self.nir = nir
        self.utmZone = utmZone
        self.easting = easting
        self.northing = northing
    }

    /// Scenes lie in rows of so many, west to east; further rows go south.
    static let scenesPerRow = 32
    /// Metres between neighbouring scenes, at least.
    static let gap = 120.0

    /// Checks every option.
    ///
    /// - Throws: `SynthError.badOption` that names the option, its value and its range.
    public func validate() throws(SynthError) {
        func require(_ holds: Bool, _ name: String, _ value: some Sendable, _ range: String) throws(SynthError) {
            guard !holds else { return }
            throw SynthError(
                .badOption, "\(name) is \(value); expected \(range)", in: name, try: "set \(name) to \(range)")
        }
        try require((1...1000).contains(scenes), "scenes", scenes, "1 to 1000")
        try require((64...32768).contains(size), "size", size, "64 to 32768 pixels")
        try require(gsd >= 0.2 && gsd <= 2, "gsd", gsd, "0.2 to 2 m")
        try require((1...60).contains(utmZone), "utm zone", utmZone, "1 to 60")
        // First alone: the grids below are whole numbers of pixels, which a wild easting would not be.
        try require((166_000...834_000).contains(easting), "easting", easting, "166000 to 834000 m")
        try require((0...9_300_000).contains(northing), "northing", northing, "0 to 9300000 m")
        let last = grid(of: scenes - 1).bounds
        let eastmost = grid(of: min(scenes, Self.scenesPerRow) - 1).bounds.maxX
        try require(
            eastmost <= 834_000, "easting", easting,
            "166000 to 834000 m for all scenes, but they end at \(eastmost)")
        try require(
            last.minY >= 0, "northing", northing,
            "0 to 9300000 m for all scenes, but they end at \(last.minY)")
    }

    /// Where a scene is: north-up, its origin at whole multiples of the GSD.
    ///
    /// - Parameter scene: Number of the scene, from 0.
    public func grid(of scene: Int) -> Grid {
        let step = size + Int((Self.gap / gsd).rounded(.up))
        let column = Int((easting / gsd).rounded()) + (scene % Self.scenesPerRow) * step
        let row = Int((northing / gsd).rounded()) - (scene / Self.scenesPerRow) * step
        return Grid(
            crs: CoordinateReferenceSystem("EPSG:\(32600 + utmZone)"),
            transform: GeoTransform(
                originX: Double(column) * gsd, originY: Double(row) * gsd, pixelSize: gsd),
            width: size, height: size)
    }
}

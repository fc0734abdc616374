// On which pixels a scene is seen: the one rule for tiles and for maps, so that a network meets in a map what it was trained on.
public import Geo
package import Raster
internal import Telemetry

extension Scene {
    /// The CRS of grids that begin with this scene; `zone` forces a UTM zone.
    ///
    /// A network sees pixels with x to the right and y upwards, which has to be east and north: the scene's own CRS where it is
    /// projected and runs that way, else the UTM zone of its centre.
    package func gridCRS(zone: Int? = nil) -> CoordinateReferenceSystem {
        guard let zone else {
            return crs.isProjected && crs.runsEastAndNorth(longitude: centre.x, latitude: centre.y)
                ? crs : .utm(longitude: centre.x, latitude: centre.y)
        }
        if crs.isProjected, utmZone(of: crs) == zone { return crs }
        return CoordinateReferenceSystem("EPSG:\((centre.y < 0 ? 32700 : 32600) + zone)")
    }

    /// The lattice of pixels that begins with this scene.
    ///
    /// The pixel's side is the GSD divided by the ground length of a CRS unit at the scene's centre (half the unit in EPSG:3857 at 60
    /// degrees north). It is then made a number that people and other data share: the scene's own pixel size where that is
    /// within 1 %, the GSD itself where a unit is a metre within 1 % (UTM), else four digits.
    ///
    /// - Parameters:
    ///   - crs: The lattice's CRS; see `gridCRS`.
    ///   - wanted: Metres per pixel; `nil` is the scene's own.
    /// - Returns: The lattice, and whether its pixels have the size of the scene's own.
    /// - Throws: `noCRS` where the scene's centre has no place in the CRS.
    package func lattice(
        _ crs: CoordinateReferenceSystem, gsd wanted: Double?
    ) throws -> (lattice: PixelLattice, hasOwnPixels: Bool) {
        let toLattice = try CoordinateTransformer(from: self.crs, to: crs)
        let middle = grid.transform.point(column: Double(grid.width) / 2, row: Double(grid.height) / 2)
        guard let place = toLattice.transform([middle])[0] else {
            throw SceneError(
                .noCRS, "the scene's centre cannot be expressed in \(crs.name)", in: path,
                try: "check the scene's CRS with: gdalinfo \(shellQuoted(path))")
        }
        let unit = Grid(
            crs: crs, transform: GeoTransform(originX: place.x - 0.5, originY: place.y + 0.5, pixelSize: 1),
            width: 1, height: 1)
        let metres = try unit.groundSampleDistance().metres
        let side = (wanted ?? gsd) / metres
        guard side > 0, side.isFinite else {
            throw SceneError(.noCRS, "a pixel of \(wanted ?? gsd) m has no size in \(crs.name)", in: path)
        }
        let own = grid.transform
        if toLattice.isIdentity, own.isNorthUp, abs(own.columnX + own.rowY) < own.columnX * 1e-6,
            abs(own.columnX / side - 1) < 0.01
        {
            // 0.5999999999999659 is 0.6 that went through a division.
            let round = fourDigits(own.columnX)
            let isRound = abs(round / own.columnX - 1) < 1e-9
            return (PixelLattice(crs: crs, pixelSize: isRound ? round : own.columnX), true)
        }
        if let wanted, abs(wanted / side - 1) < 0.01 { return (PixelLattice(crs: crs, pixelSize: wanted), false) }
        return (PixelLattice(crs: crs, pixelSize: fourDigits(side)), false)
    }

    /// The kernel that brings its pixels to a GSD: the average where that is at least twice as coarse, else cubic.
    package func resampling(to wanted: Double?) -> Resampling { Resampling.ofImages(from: gsd, to: wanted ?? gsd) }
}

extension Resampling {
    /// The kernel that brings images from one GSD to another; see `Scene.resampling`.
    static func ofImages(from gsd: Double, to wanted: Double) -> Resampling {
        // A pixel that went through a transformation is twice another's size to some digits only.
        wanted >= gsd * 1.999 ? .average : .cubic
    }
}

/// A scene on a lattice: where it is, and how it is read there.
public struct PlacedScene: Sendable, Codable, Hashable {
    /// The file.
    public var path: String
    /// Bands in the network's order, from 1.
    public var bands: [Int]
    /// Metres on the ground per pixel, at its centre.
    public var gsd: Double
    /// The pixels of the lattice that it may cover.
    public var window: PixelWindow
    /// The lattice pixel of its first pixel, where its own grid is a part of the lattice: then it is read without resampling.
    public var alignedColumn: Int?
    /// See `alignedColumn`.
    public var alignedRow: Int?
    /// The kernel, where it is resampled.
    public var resampling: String

    /// Places a scene on a lattice; `nil` where it has no place in the lattice's CRS.
    ///
    /// - Parameter gsd: The GSD wanted, metres; `nil` is the scene's own.
    package init?(_ scene: Scene, on lattice: PixelLattice, bands: [Int], gsd: Double?) throws {
        let transformer = try CoordinateTransformer(from: scene.crs, to: lattice.crs)
        guard let bounds = transformer.bounds(scene.grid.bounds) else { return nil }
        // A curved edge may bulge a little beyond its sampled points.
        let margin = transformer.isIdentity ? 0 : max(bounds.width, bounds.height) * 0.002 + 2 * lattice.pixelSize
        guard let window = lattice.window(covering: bounds.expanded(by: margin)) else { return nil }
        path = scene.path
        self.bands = bands
        self.gsd = scene.gsd
        self.window = window
        let offset = transformer.isIdentity ? lattice.offset(of: scene.grid) : nil
        alignedColumn = offset?.column
        alignedRow = offset?.row
        resampling = scene.resampling(to: gsd).rawValue
    }

    /// Lays an image without a place on pixels that count from its first one.
    ///
    /// - Parameters:
    ///   - step: Pixels of the image to the side of one of these.
    ///   - gsd: Metres on the ground per pixel of the image.
    init(unplaced path: String, bands: [Int], gsd: Double, step: Double, window: PixelWindow) {
        self.path = path
        self.bands = bands
        self.gsd = gsd
        self.window = window
        alignedColumn = step == 1 ? 0 : nil
        alignedRow = step == 1 ? 0 : nil
        resampling = Resampling.ofImages(from: gsd, to: gsd * step).rawValue
    }
}

/// The UTM zone of a CRS, 1 to 60, of whatever datum; `nil` for other systems.
package func utmZone(of crs: CoordinateReferenceSystem) -> Int? {
    let words = crs.name.split(separator: " ")
    for (place, word) in words.enumerated() where word == "zone" && place > 0 && words[place - 1] == "UTM" {
        guard place + 1 < words.count else { return nil }
        let zone = Int(words[place + 1].prefix { $0.isNumber })
        return zone.flatMap { (1...60).contains($0) ? $0 : nil }
    }
    return nil
}

/// A number rounded to four significant digits.
package func fourDigits(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return value }
    var scale = 1.0
    while value * scale < 1000 { scale *= 10 }
    while value * scale >= 10000 { scale /= 10 }
    return (value * scale).rounded() / scale
}

// An area of interest: polygons with their CRS.
internal import CGDAL
public import Geo
public import Telemetry

/// Polygons with a CRS: the union of everything that a vector file holds.
///
/// In a geographic CRS, what crosses 180 degrees is kept in parts, each within -180 to 180.
public struct AreaOfInterest: Sendable {
    /// The CRS of the coordinates.
    public let crs: CoordinateReferenceSystem
    /// Polygons, each an outer ring followed by its holes; they do not overlap.
    public let polygons: [[Outline]]
    /// What was mended or left out on reading.
    public let warnings: [String]
    /// Whether parts of it meet at 180 degrees.
    public let crossesAntimeridian: Bool
    /// The file it came from; empty for one from text.
    let place: String
    private let isGeographic: Bool

    /// Reads every feature of any vector file of OGR (GeoJSON, GeoPackage, Shapefile, KML ...).
    ///
    /// Self-intersections are mended, with a warning; points and lines beside polygons are left out, with a
    /// warning; a legacy `crs` member of GeoJSON is obeyed, with a warning.
    ///
    /// - Throws: `badAOI` where no area results; `gdalMissing`.
    public init(path: String) throws(RasterError) {
        let file = try VectorFile(path)
        try self.init(file.outlines, crs: file.crs, place: path, warnings: file.warnings)
    }

    /// Reads a `POLYGON`, `MULTIPOLYGON` or `GEOMETRYCOLLECTION` in WKT, x first.
    ///
    /// - Throws: `badAOI`, `badCRS`.
    public init(wkt: String, crs: CoordinateReferenceSystem) throws(RasterError) {
        var outlines = Outlines()
        try outlines.add(wkt: wkt)
        try self.init(outlines, crs: crs.validated(), place: "", warnings: [])
    }

    /// The rectangle of some bounds.
    ///
    /// - Throws: `badAOI` for bounds without area, `badCRS`.
    public init(bounds: Bounds, crs: CoordinateReferenceSystem) throws(RasterError) {
        var outlines = Outlines()
        outlines.polygons = [
            [
                [
                    (bounds.minX, bounds.minY), (bounds.maxX, bounds.minY), (bounds.maxX, bounds.maxY),
                    (bounds.minX, bounds.maxY), (bounds.minX, bounds.minY),
                ]
            ]
        ]
        try self.init(outlines, crs: crs.validated(), place: "", warnings: [])
    }

    init(
        _ outlines: Outlines, crs: CoordinateReferenceSystem, place: String, warnings: [String]
    ) throws(RasterError) {
        let reference = try SpatialReference(crs)
        isGeographic = reference.isGeographic
        let repair = OutlineRepair(
            isGeographic: reference.isGeographic, degreesPerUnit: reference.degreesPerUnit, place: place)
        let repaired = try repair.apply(to: outlines)
        self.crs = crs
        self.place = place
        polygons = repaired.polygons
        self.warnings = warnings + repaired.warnings
        crossesAntimeridian = repaired.crosses || (reference.isGeographic && Self.meet(repaired.polygons))
    }

    /// Whether one polygon ends at 180 degrees and another begins at -180.
    private static func meet(_ polygons: [[Outline]]) -> Bool {
        let touchesEast = polygons.map { $0[0].contains { $0.x >= 180 - 1e-9 } }
        let touchesWest = polygons.map { $0[0].contains { $0.x <= -180 + 1e-9 } }
        return touchesEast.indices.contains { east in
            touchesEast[east] && touchesWest.indices.contains { $0 != east && touchesWest[$0] && !touchesWest[east] }
        }
    }

    /// The smallest rectangle that holds it; `maxX` is above 180 degrees where it crosses the antimeridian.
    public var bounds: Bounds {
        var points = polygons.flatMap { $0[0] }
        if crossesAntimeridian, isGeographic {
            // Cut at the widest empty stretch of longitudes, not at 180 degrees.
            let spans = polygons.map { polygon in
                (west: polygon[0].map(\.x).min() ?? 0, east: polygon[0].map(\.x).max() ?? 0)
            }.sorted { $0.west < $1.west }
            var reach = spans.first?.east ?? 180
            var gap = (width: 0.0, start: 180.0)
            for span in spans.dropFirst() {
                if span.west - reach > gap.width { gap = (span.west - reach, span.west) }
                reach = max(reach, span.east)
            }
            if gap.width > 0 { points = points.map { $0.x < gap.start ? ($0.x + 360, $0.y) : $0 } }
        }
        return Bounds(points: points) ?? Bounds(minX: 0, minY: 0, maxX: 0, maxY: 0)
    }

    /// Area in square CRS units.
    public var area: Double {
        polygons.reduce(0) { sum, rings in
            sum + rings.enumerated().reduce(0) { $0 + ($1.offset == 0 ? 1 : -1) * abs(Antimeridian.area($1.element)) }
        }
    }

    /// Whether it shares area with a rectangle in its CRS; degrees count modulo a full turn.
    public func intersects(_ other: Bounds) -> Bool {
        let turns: [Double] = isGeographic ? [-360, 0, 360] : [0]
        return turns.contains { turn in
            let box = Bounds(
                minX: other.minX + turn, minY: other.minY, maxX: other.maxX + turn, maxY: other.maxY)
            return polygons.contains { shares(area: $0, with: box) }
        }
    }

    private func shares(area rings: [Outline], with box: Bounds) -> Bool {
        guard let around = Bounds(points: rings[0]), let common = around.intersection(box) else { return false }
        var area = 0.0
        for (index, ring) in rings.enumerated() {
            var part = Array(ring.dropLast())
            // Four half planes; turned a quarter each time, so that one clipping routine does.
            for limit in [common.maxX, common.maxY, -common.minX, -common.minY] {
                part = Antimeridian.clipped(part, at: limit) { $0 <= limit }.map { ($0.y, -$0.x) }
            }
            area += (index == 0 ? 1 : -1) * abs(Antimeridian.area(part))
        }
        return area > 1e-9 * common.width * common.height
    }

    /// The same area in another CRS, edges bent as they need to be.
    ///
    /// - Throws: `badCRS`; `badAOI` where part of it has no place in that CRS.
    public func transformed(to target: CoordinateReferenceSystem) throws(RasterError) -> AreaOfInterest {
        let target = try target.validated()
        let transformer = try CoordinateTransformer(from: crs, to: target)
        if transformer.isIdentity { return self }
        let bend = Densifier(transformer: transformer)
        var outlines = Outlines()
        for rings in polygons {
            var moved: [Outline] = []
            for ring in rings {
                guard let bent = bend.apply(to: ring) else {
                    throw RasterError(
                        .badAOI, "part of the area cannot be expressed in \(target.name)", in: place,
                        try: "give an area closer to the scenes, or split it")
                }
                moved.append(bent)
            }
            outlines.polygons.append(moved)
        }
        return try AreaOfInterest(outlines, crs: target, place: place, warnings: warnings)
    }

    /// The area as a GeoJSON geometry in WGS 84 longitude and latitude (RFC 7946).
    ///
    /// - Throws: `badAOI`, `badCRS` where it has no place there.
    public var geoJSON: String {
        get throws(RasterError) {
            let degrees = try transformed(to: .wgs84)
            let parts = degrees.polygons.map { rings in
                let texts = rings.enumerated().map { index, ring in
                    // Outer rings run counter-clockwise, holes clockwise.
                    let turned = (Antimeridian.area(ring) < 0) == (index == 0) ? ring.reversed() : ring
                    return "[" + turned.map { "[\(Self.rounded($0.x)),\(Self.rounded($0.y))]" }.joined(separator: ",")
                        + "]"
                }
                return "[" + texts.joined(separator: ",") + "]"
            }
            return parts.count == 1
                ? #"{"type":"Polygon","coordinates":\#(parts[0])}"#
                : #"{"type":"MultiPolygon","coordinates":[\#(parts.joined(separator: ","))]}"#
        }
    }

    /// Seven decimals of a degree: a centimetre.
    private static func rounded(_ value: Double) -> Double { (value * 1e7).rounded() / 1e7 }
}

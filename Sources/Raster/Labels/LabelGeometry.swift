// Polygons, lines and points out of OGR's geometries, fit for use.
internal import CGDAL
import Geo

/// The geometry of one feature after another, with a tally of what cannot be used.
struct LabelGeometry {
    /// Degrees of x in a full turn, in units of the CRS; `nil` where x does not come round.
    let turn: Double?
    /// Degrees per unit of a geographic CRS.
    let degreesPerUnit: Double
    /// Geometries without three different points, or without two for a line.
    private(set) var degenerate = 0
    /// Geometries with a coordinate that is not finite.
    private(set) var notFinite = 0
    /// Geometries of other types, such as a raster's.
    private(set) var others: Set<String> = []
    /// A latitude or longitude that cannot be.
    private(set) var impossible: (x: Double, y: Double)?
    /// Whether a polygon surrounds a pole.
    private(set) var surroundsPole = false
    /// Rings whose last point was not their first.
    private(set) var unclosed = 0
    /// Polygons whose edges cross.
    private(set) var crossing = 0
    private let functions: GDALFunctions

    /// For a CRS; a geographic one where `degreesPerUnit` is given.
    init(degreesPerUnit: Double?, _ functions: GDALFunctions) {
        self.functions = functions
        self.degreesPerUnit = degreesPerUnit ?? 1
        turn = degreesPerUnit.map { 360 / $0 }
    }

    /// The shapes of a geometry, those of collections too.
    mutating func shapes(of geometry: OGRGeometryH, value: Int, _ gdal: cgdal_api) -> [LabelShape] {
        var shapes: [LabelShape] = []
        add(geometry, value, &shapes, gdal, depth: 0)
        return shapes
    }

    private mutating func add(
        _ geometry: OGRGeometryH, _ value: Int, _ shapes: inout [LabelShape], _ gdal: cgdal_api, depth: Int
    ) {
        guard depth < 32, gdal.OGR_G_IsEmpty(geometry) == 0 else { return }
        if gdal.OGR_G_HasCurveGeometry(geometry, 0) != 0 {
            guard let straight = gdal.OGR_G_GetLinearGeometry(geometry, 0, nil) else { return }
            defer { gdal.OGR_G_DestroyGeometry(straight) }
            add(straight, value, &shapes, gdal, depth: depth + 1)
            return
        }
        let type = gdal.OGR_GT_Flatten(gdal.OGR_G_GetGeometryType(geometry))
        switch type {
        case wkbPoint: addPoint(points(of: geometry, gdal), value, &shapes)
        case wkbLineString: addLine(points(of: geometry, gdal), value, &shapes)
        case wkbPolygon, wkbTriangle:
            let rings = (0..<gdal.OGR_G_GetGeometryCount(geometry)).compactMap { index in
                gdal.OGR_G_GetGeometryRef(geometry, index).map { points(of: $0, gdal) }
            }
            if crosses(geometry, rings) { crossing += 1 }
            addPolygon(rings, value, &shapes)
        case wkbMultiPoint, wkbMultiLineString, wkbMultiPolygon, wkbGeometryCollection, wkbPolyhedralSurface, wkbTIN:
            for index in 0..<gdal.OGR_G_GetGeometryCount(geometry) {
                guard let part = gdal.OGR_G_GetGeometryRef(geometry, index) else { continue }
                add(part, value, &shapes, gdal, depth: depth + 1)
            }
        default: others.insert(gdal.OGRGeometryTypeToName(type).map { String(cString: $0) } ?? "Unknown")
        }
    }

    /// Whether a warning of GDAL's is of rings that are not closed, which are counted here.
    static func isOfOpenRings(_ warning: String) -> Bool { warning.contains("Non closed ring") }

    /// Whether a polygon's edges cross; not where they only touch, and not known of one that may come round the Earth.
    private func crosses(_ polygon: OGRGeometryH, _ rings: [Outline]) -> Bool {
        guard let outer = rings.first, outer.count > 4 || rings.count > 1, let bounds = Bounds(points: outer),
            turn.map({ bounds.width < $0 / 2 }) ?? true
        else { return false }
        let (isValid, messages) = functions.collect(reporting: { _ in false }) { $0.OGR_G_IsValid(polygon) != 0 }
        return !isValid
            && (messages.warnings + messages.errors).contains {
                $0.contains("Self-intersection") && !$0.contains("Ring Self-intersection")
            }
    }

    private func points(of geometry: OGRGeometryH, _ gdal: cgdal_api) -> Outline {
        (0..<gdal.OGR_G_GetPointCount(geometry)).map {
            (gdal.OGR_G_GetX(geometry, $0), gdal.OGR_G_GetY(geometry, $0))
        }
    }

    /// Whether coordinates can be; notes it where they cannot.
    private mutating func areUsable(_ points: Outline) -> Bool {
        guard points.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else {
            notFinite += 1
            return false
        }
        guard turn != nil else { return true }
        let limit = 90 / degreesPerUnit * (1 + 1e-12)
        impossible = impossible ?? points.first { abs($0.y) > limit || abs($0.x) > 4 * limit }
        return true
    }

    private mutating func addPoint(_ points: Outline, _ value: Int, _ shapes: inout [LabelShape]) {
        guard areUsable(points), let point = points.first,
            let shape = LabelShape(value, .point(x: point.x, y: point.y))
        else { return }
        shapes.append(shape)
    }

    private mutating func addLine(_ drawn: Outline, _ value: Int, _ shapes: inout [LabelShape]) {
        guard areUsable(drawn) else { return }
        guard let first = drawn.first, drawn.contains(where: { $0.x != first.x || $0.y != first.y }) else {
            degenerate += 1
            return
        }
        let line = turn.map { Turns.line(drawn, turn: $0) } ?? drawn
        if let shape = LabelShape(value, .line(line)) { shapes.append(shape) }
    }

    private mutating func addPolygon(_ drawn: [Outline], _ value: Int, _ shapes: inout [LabelShape]) {
        guard drawn.allSatisfy({ areUsable($0) }) else { return }
        var rings: [Outline] = []
        for (index, ring) in drawn.enumerated() {
            if let closed = closed(ring) {
                rings.append(closed)
            } else if index == 0 {
                degenerate += 1
                return
            }
        }
        for part in parts(rings) {
            if let shape = LabelShape(value, .polygon(part)) { shapes.append(shape) }
        }
    }

    /// The ring with its first point at its end; `nil` where it encloses nothing.
    private mutating func closed(_ ring: Outline) -> Outline? {
        guard let first = ring.first, let last = ring.last else { return nil }
        if first.x == last.x, first.y == last.y { return ring.count >= 4 ? ring : nil }
        guard ring.count >= 3 else { return nil }
        unclosed += 1
        return ring + [first]
    }

    /// The polygon, cut where it crosses 180 degrees.
    private mutating func parts(_ rings: [Outline]) -> [[Outline]] {
        guard let turn, !rings.isEmpty else { return rings.isEmpty ? [] : [rings] }
        guard let unrolled = Turns.polygon(rings, turn: turn) else {
            surroundsPole = true
            return []
        }
        let reach = unrolled[0].map { abs($0.x) }.max() ?? 0
        guard reach > turn / 2, degreesPerUnit == 1 else { return [unrolled] }
        return Antimeridian.parted(unrolled)
    }
}

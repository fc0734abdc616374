// Polygons out of OGR's geometries.
internal import CGDAL
internal import Telemetry

/// A closed ring of points, x and y in CRS units; the first point is repeated at the end.
public typealias Outline = [(x: Double, y: Double)]

/// Polygons as they were drawn, with a tally of everything else.
struct Outlines {
    var polygons: [[Outline]] = []
    /// Names of geometry types that are not areas.
    var others: Set<String> = []
    var features = 0
    var withoutGeometry = 0
    var emptyGeometries = 0
    var hasHeights = false

    /// Adds a geometry's polygons, those of collections too.
    mutating func add(_ geometry: OGRGeometryH, _ gdal: cgdal_api, depth: Int = 0) {
        guard gdal.OGR_G_IsEmpty(geometry) == 0 else {
            emptyGeometries += 1
            return
        }
        if gdal.OGR_G_Is3D(geometry) != 0 { hasHeights = true }
        if gdal.OGR_G_HasCurveGeometry(geometry, 0) != 0 {
            guard let straight = gdal.OGR_G_GetLinearGeometry(geometry, 0, nil) else { return }
            defer { gdal.OGR_G_DestroyGeometry(straight) }
            add(straight, gdal, depth: depth + 1)
            return
        }
        let type = gdal.OGR_GT_Flatten(gdal.OGR_G_GetGeometryType(geometry))
        switch type {
        case wkbPolygon, wkbTriangle: addPolygon(geometry, gdal)
        case wkbMultiPolygon, wkbGeometryCollection, wkbPolyhedralSurface, wkbTIN:
            guard depth < 32 else { return }
            for index in 0..<gdal.OGR_G_GetGeometryCount(geometry) {
                if let part = gdal.OGR_G_GetGeometryRef(geometry, index) { add(part, gdal, depth: depth + 1) }
            }
        default: others.insert(gdal.OGRGeometryTypeToName(type).map { String(cString: $0) } ?? "Unknown")
        }
    }

    private mutating func addPolygon(_ geometry: OGRGeometryH, _ gdal: cgdal_api) {
        var rings: [Outline] = []
        for index in 0..<gdal.OGR_G_GetGeometryCount(geometry) {
            guard let ring = gdal.OGR_G_GetGeometryRef(geometry, index) else { continue }
            rings.append(
                (0..<gdal.OGR_G_GetPointCount(ring)).map { (gdal.OGR_G_GetX(ring, $0), gdal.OGR_G_GetY(ring, $0)) })
        }
        if !rings.isEmpty { polygons.append(rings) }
    }

    /// Adds the polygons of a WKT.
    mutating func add(wkt: String) throws(RasterError) {
        let gdal = try GDAL.api()
        let (geometry, messages) = gdal.collect { gdal in
            wkt.withCString { text -> OGRGeometryH? in
                var cursor: UnsafeMutablePointer<CChar>? = UnsafeMutablePointer(mutating: text)
                var geometry: OGRGeometryH?
                let status = gdal.OGR_G_CreateFromWkt(&cursor, nil, &geometry)
                return status == OGRERR_NONE ? geometry : nil
            }
        }
        guard let geometry else {
            throw RasterError(
                .badAOI, "'\(wkt.prefix(60))' is not a WKT geometry", why: messages.all,
                try: "give POLYGON((x y, ...)) or MULTIPOLYGON")
        }
        features = 1
        _ = gdal.collect { add(geometry, $0) }
        gdal.pointee.OGR_G_DestroyGeometry(geometry)
    }
}

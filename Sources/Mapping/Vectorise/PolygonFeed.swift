// Passes polygons from the tracer to a sink, in CRS units.
internal import Geo
internal import Telemetry

/// Passes a map's polygons to a sink.
final class PolygonFeed {
    private var sink: any PolygonSink
    private let layer: PolygonLayer
    private let grid: Grid
    private let metres: Double
    private let places: [UInt8: Int]
    /// The most corners of a polygon; SQLite limits a feature of a GeoPackage to 1 GB.
    private static let mostCorners = 60_000_000

    /// Makes the sink.
    ///
    /// - Parameters:
    ///   - grid: The map's grid.
    ///   - metres: Side of a pixel on the ground.
    init(_ layer: PolygonLayer, grid: Grid, metres: Double, maker: PolygonSinkMaker) throws {
        self.layer = layer
        self.grid = grid
        self.metres = metres
        places = Dictionary(uniqueKeysWithValues: layer.classes.enumerated().map { ($0.element.id, $0.offset) })
        sink = try maker(layer)
    }

    func add(_ polygon: PolygonTracer.Polygon) throws {
        let corners = polygon.rings.reduce(0) { $0 + $1.count }
        guard corners <= Self.mostCorners, let place = places[polygon.id] else {
            throw MappingError(
                .tooLarge,
                "a polygon of class \(polygon.id) has \(corners) corners; at most \(Self.mostCorners) fit into one feature",
                in: layer.path, try: "give a smallest area for components, or map a smaller area")
        }
        try sink.add(
            rings: polygon.rings.map { ring in
                ring.map { grid.transform.point(column: Double($0.column), row: Double($0.row)) }
            }, classIndex: place, areaM2: Double(polygon.pixels) * metres * metres)
    }

    func finish() throws { try sink.finish() }
}

// The interface to a writer of polygons.
public import Geo

/// A layer of polygons to write, one for each connected component of a class.
///
/// Its features have three fields: `class` (integer), `name` (text) and `area_m2` (real).
public struct PolygonLayer: Sendable {
    /// The file.
    public let path: String
    /// The name of the layer: the map's name without its ending.
    public let name: String
    /// The CRS of the coordinates, which is that of the map.
    public let crs: CoordinateReferenceSystem
    /// The classes of the legend in its order, followed by `unsure` if the map may have unsure pixels.
    public let classes: [LegendClass]
    /// Whether a file of that name may be replaced.
    public let overwrite: Bool
}

/// Receives polygons one by one and writes them to a file.
///
/// The file gets its name in `finish()`, which is called after the rasters of the map have theirs. If a sink is released before that, it
/// leaves no file.
public protocol PolygonSink {
    /// Adds a polygon.
    ///
    /// - Parameters:
    ///   - rings: Closed rings in CRS units: first the outer ring, counter-clockwise, then the holes, clockwise.
    ///   - classIndex: The index of its class in the layer's `classes`.
    ///   - areaM2: Its area in square metres, by the ground size of a pixel at the map's centre.
    mutating func add(rings: [[(x: Double, y: Double)]], classIndex: Int, areaM2: Double) throws

    /// Completes the file and gives it its name; no polygon follows.
    mutating func finish() throws
}

/// Makes the sink of a layer, before the first window is predicted.
public typealias PolygonSinkMaker = (_ layer: PolygonLayer) throws -> any PolygonSink

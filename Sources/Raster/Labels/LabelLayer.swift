// Labels as people draw them: polygons, lines and points with a field that says the class.
public import Geo
internal import Synchronization
public import Telemetry

/// A layer of a vector file whose features are labelled with classes.
///
/// It is read whole when it is made and never changes; callable from any thread.
public final class LabelLayer: Sendable {
    /// The path as it was given.
    public let path: String
    /// The name of the layer.
    public let layer: String
    /// The name of the field that says the class.
    public let field: String
    /// The CRS of the layer.
    public let crs: CoordinateReferenceSystem
    /// What was chosen, mended or left out on reading, one sentence each.
    public let warnings: [String]
    /// Features without a value in the field; they are not labels.
    public let unlabelledCount: Int
    /// Polygons with a class, parts of features counted one by one.
    public let polygonCount: Int
    /// Lines with a class, parts of features counted one by one.
    public let lineCount: Int
    /// Points with a class, parts of features counted one by one.
    public let pointCount: Int
    /// The values of the field and how many features have each: numbers in ascending order, then text.
    public let values: [(value: LabelValue, count: Int)]
    /// The rectangle around all labels, in the layer's CRS; in degrees it may reach past 180.
    public let bounds: Bounds

    let shapes: [LabelShape]
    /// The values by the numbers that shapes hold.
    let numbered: [LabelValue]
    private let cache = Mutex<[Place: PlacedShapes]>([:])

    /// Shapes are reprojected once for each.
    private struct Place: Hashable {
        let crs: CoordinateReferenceSystem
        let lineWidth: Double?
    }

    /// The most different values of a field that are read as classes.
    public static let mostValues = LabelReading.mostValues

    /// Reads a layer of any vector file of OGR (GeoPackage, Shapefile, GeoJSON ...).
    ///
    /// Polygons may have curves, holes and parts; whatever their winding, and where they cross themselves, a place is inside
    /// if an odd number of edges is to its left. Features without a value or a geometry are left out, with a warning.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - layer: The name of the layer; `nil` for the only one with geometries.
    ///   - field: The name of the field; `nil` takes the only one of text or whole numbers, with a warning that names it.
    /// - Throws: `notFound`; `badLabels` where layer or field are missing or unclear, for more than 10,000 values, numbers that
    ///   are not whole, impossible coordinates, or no labels at all; `readFailed`, `gdalMissing`, `cancelled` while it waits.
    public init(path: String, layer: String? = nil, field: String? = nil) throws(RasterError) {
        let read = try LabelReading(path, layer: layer, field: field)
        self.path = path
        self.layer = read.layer
        self.field = read.field
        crs = read.crs
        warnings = read.warnings
        unlabelledCount = read.tally.withoutValue
        polygonCount = read.tally.polygons
        lineCount = read.tally.lines
        pointCount = read.tally.points
        shapes = read.shapes
        numbered = read.values
        values = zip(read.values, read.counts).map { (value: $0, count: $1) }
            .sorted { Self.precedes($0.value, $1.value) }
        let first = read.shapes.first?.bounds ?? Bounds(minX: 0, minY: 0, maxX: 0, maxY: 0)
        bounds = read.shapes.reduce(first) { $0.union($1.bounds) }
    }

    private static func precedes(_ a: LabelValue, _ b: LabelValue) -> Bool {
        switch (a, b) {
        case (.number(let a), .number(let b)): a < b
        case (.text(let a), .text(let b)): a < b
        case (.number, .text): true
        case (.text, .number): false
        }
    }

    /// The shapes in a CRS; made on first use, while other threads that need them wait.
    func placed(in target: CoordinateReferenceSystem, lineWidth: Double?) throws(RasterError) -> PlacedShapes {
        let place = Place(crs: target, lineWidth: lineCount > 0 ? lineWidth : nil)
        return try cache.withLock { known throws(RasterError) in
            if let found = known[place] { return found }
            let made = try PlacedShapes(shapes, from: crs, to: target, lineWidth: place.lineWidth)
            // Scenes are in few zones; whoever asks for more must not fill the memory.
            if known.count >= 8 { known.removeAll() }
            known[place] = made
            return made
        }
    }

    /// Whether a label may meet a grid: its rectangle does.
    ///
    /// - Throws: `noCRS`, `badCRS`.
    public func overlaps(_ grid: Grid) throws(RasterError) -> Bool {
        guard let target = grid.crs else { throw placeless }
        var found = false
        try placed(in: target, lineWidth: nil).forEach(meeting: grid.bounds) { _, _ in found = true }
        return found
    }

    /// Refuses a layer of which no label meets any of some grids.
    ///
    /// - Parameters:
    ///   - grids: Those of the images that it labels.
    ///   - role: What they are to the reader: `scene`, `image` ...
    /// - Throws: `badLabels` with the bounds of both; `noCRS`, `badCRS`.
    public func requireOverlap(with grids: [Grid], role: String = "image") throws(RasterError) {
        for grid in grids {
            if try overlaps(grid) { return }
        }
        let toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        var why = ["the labels are at \(Self.shown(toDegrees.bounds(bounds)))"]
        if let grid = grids.first, let from = grid.crs {
            let place = try CoordinateTransformer(from: from, to: .wgs84).bounds(grid.bounds)
            why.append("the \(grids.count > 1 ? "first " : "")\(role) is at \(Self.shown(place))")
        }
        throw RasterError(
            .badLabels, "no label meets the \(role)\(grids.count > 1 ? "s" : "")", in: path, why: why,
            try: "check the CRS of both files, with gdalinfo and ogrinfo")
    }

    /// The error of a grid that is nowhere.
    var placeless: RasterError {
        RasterError(
            .noCRS, "cannot place labels on a grid without a CRS", in: path, try: "give the image a CRS")
    }

    private static func shown(_ bounds: Bounds?) -> String {
        guard let bounds else { return "no place on Earth" }
        return "longitude \(rounded(bounds.minX, 5)) to \(rounded(bounds.maxX, 5)), "
            + "latitude \(rounded(bounds.minY, 5)) to \(rounded(bounds.maxY, 5))"
    }
}

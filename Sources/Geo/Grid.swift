// CRS + geotransform + size: what fully places an array of pixels on Earth.

/// The name of a coordinate reference system.
///
/// What it means is PROJ's affair (module Raster).
public struct CoordinateReferenceSystem: Hashable, Sendable, Codable {
    /// The definition, as WKT or as an authority code such as `EPSG:32633`.
    public var definition: String

    /// Makes a CRS from a definition that PROJ understands; nothing is checked here.
    public init(_ definition: String) { self.definition = definition }

    /// Longitude and latitude on WGS 84, degrees, x first.
    public static let wgs84 = CoordinateReferenceSystem("EPSG:4326")
}

/// CRS, geotransform and size: fully places an array (band, row, column).
public struct Grid: Hashable, Sendable, Codable {
    /// The CRS; `nil` for an image that is nowhere on Earth.
    public var crs: CoordinateReferenceSystem?
    /// Pixel corners to CRS units.
    public var transform: GeoTransform
    /// Number of columns.
    public var width: Int
    /// Number of rows.
    public var height: Int

    /// Makes a grid.
    public init(crs: CoordinateReferenceSystem?, transform: GeoTransform, width: Int, height: Int) {
        precondition(width >= 0 && height >= 0, "a grid has no negative size, got \(width) x \(height)")
        self.crs = crs
        self.transform = transform
        self.width = width
        self.height = height
    }

    /// The window of all pixels.
    public var window: PixelWindow { PixelWindow(column: 0, row: 0, width: width, height: height) }

    /// The smallest rectangle that holds all corners, in CRS units.
    public var bounds: Bounds {
        let corners = [(0, 0), (width, 0), (0, height), (width, height)].map {
            transform.point(column: Double($0.0), row: Double($0.1))
        }
        return Bounds(points: corners) ?? Bounds(minX: .nan, minY: .nan, maxX: .nan, maxY: .nan)
    }

    /// The grid of one of its windows; the window may reach outside.
    public func grid(of window: PixelWindow) -> Grid {
        Grid(
            crs: crs, transform: transform.shifted(column: Double(window.column), row: Double(window.row)),
            width: window.width, height: window.height)
    }

    /// Column and row of the pixel that contains a point.
    ///
    /// - Parameter x: x in CRS units.
    /// - Parameter y: y in CRS units.
    /// - Returns: `nil` outside the grid. A point on the left or top edge belongs to the pixel.
    public func pixel(x: Double, y: Double) -> (column: Int, row: Int)? {
        guard let place = transform.pixel(x: x, y: y) else { return nil }
        let column = place.column.rounded(.down)
        let row = place.row.rounded(.down)
        guard column >= 0, row >= 0, column < Double(width), row < Double(height) else { return nil }
        return (Int(column), Int(row))
    }
}

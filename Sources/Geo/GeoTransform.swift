// Six affine numbers that take pixel corners to CRS units: GDAL's convention, x and y always in that order.

/// The affine map from pixel coordinates (column, row; 0, 0 is the top-left corner) to CRS units.
///
///     x = originX + column * columnX + row * rowX
///     y = originY + column * columnY + row * rowY
public struct GeoTransform: Hashable, Sendable, Codable {
    /// x of the top-left corner of the top-left pixel, in CRS units.
    public var originX: Double
    /// Change of x per column; the pixel width of a north-up grid.
    public var columnX: Double
    /// Change of x per row; 0 for a north-up grid.
    public var rowX: Double
    /// y of the top-left corner of the top-left pixel, in CRS units.
    public var originY: Double
    /// Change of y per column; 0 for a north-up grid.
    public var columnY: Double
    /// Change of y per row; negative for a north-up grid.
    public var rowY: Double

    /// Makes a transform from its six numbers, in GDAL's order.
    public init(
        originX: Double, columnX: Double, rowX: Double, originY: Double, columnY: Double, rowY: Double
    ) {
        self.originX = originX
        self.columnX = columnX
        self.rowX = rowX
        self.originY = originY
        self.columnY = columnY
        self.rowY = rowY
    }

    private enum CodingKeys: String, CodingKey {
        case originX = "origin_x"
        case columnX = "column_x"
        case rowX = "row_x"
        case originY = "origin_y"
        case columnY = "column_y"
        case rowY = "row_y"
    }

    /// The keys in files from before all keys were in snake case.
    private enum EarlierKeys: String, CodingKey { case originX, columnX, rowX, originY, columnY, rowY }

    /// Reads a transform, with its keys as they are now or as they were.
    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        let earlier = try decoder.container(keyedBy: EarlierKeys.self)
        func number(_ key: CodingKeys, _ old: EarlierKeys) throws -> Double {
            try earlier.decodeIfPresent(Double.self, forKey: old) ?? keys.decode(Double.self, forKey: key)
        }
        self.init(
            originX: try number(.originX, .originX), columnX: try number(.columnX, .columnX),
            rowX: try number(.rowX, .rowX), originY: try number(.originY, .originY),
            columnY: try number(.columnY, .columnY), rowY: try number(.rowY, .rowY))
    }

    /// Makes a north-up transform with square pixels.
    ///
    /// - Parameters:
    ///   - originX: x of the left edge, CRS units.
    ///   - originY: y of the top edge, CRS units.
    ///   - pixelSize: Pixel side in CRS units, above 0.
    public init(originX: Double, originY: Double, pixelSize: Double) {
        self.init(
            originX: originX, columnX: pixelSize, rowX: 0, originY: originY, columnY: 0, rowY: -pixelSize)
    }

    /// The six numbers in GDAL's order.
    public var coefficients: [Double] { [originX, columnX, rowX, originY, columnY, rowY] }

    /// Makes a transform from six numbers in GDAL's order; `nil` when there are not six.
    public init?(coefficients c: [Double]) {
        guard c.count == 6 else { return nil }
        self.init(
            originX: c[0], columnX: c[1], rowX: c[2], originY: c[3], columnY: c[4], rowY: c[5])
    }

    /// True where rows run south and columns east, without rotation or shear.
    public var isNorthUp: Bool { rowX == 0 && columnY == 0 && columnX > 0 && rowY < 0 }

    /// True where columns run east and rows south, each within 45 degrees: the picture is neither mirrored nor on its side or
    /// head.
    public var isUpright: Bool {
        columnX > 0 && rowY < 0 && abs(columnY) <= columnX && abs(rowX) <= -rowY && determinant < 0
    }

    /// The area that one pixel covers, signed; 0 when the transform cannot be inverted.
    public var determinant: Double { columnX * rowY - rowX * columnY }

    /// x, y of a point given in pixels; fractions are allowed, `(0.5, 0.5)` is the centre of the first pixel.
    public func point(column: Double, row: Double) -> (x: Double, y: Double) {
        (originX + column * columnX + row * rowX, originY + column * columnY + row * rowY)
    }

    /// Column and row of a point in CRS units, as fractions; `nil` when the transform cannot be inverted.
    public func pixel(x: Double, y: Double) -> (column: Double, row: Double)? {
        let determinant = self.determinant
        guard determinant != 0, determinant.isFinite else { return nil }
        let dx = x - originX
        let dy = y - originY
        return ((dx * rowY - dy * rowX) / determinant, (dy * columnX - dx * columnY) / determinant)
    }

    /// The same map counted from another pixel.
    public func shifted(column: Double, row: Double) -> GeoTransform {
        let corner = point(column: column, row: row)
        var moved = self
        moved.originX = corner.x
        moved.originY = corner.y
        return moved
    }
}

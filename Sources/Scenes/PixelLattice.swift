// The endless lattice of pixels of a CRS: what makes a map independent of the area that was asked for.
public import Geo

/// All pixels of one size in one CRS; column 0 starts at x = 0 and row 0 at y = 0, rows run south.
///
/// Column `c` covers x from `c * pixelSize`, row `r` covers y down from `-r * pixelSize`. Every grid is a window of it,
/// with its origin at whole multiples of the pixel size.
public struct PixelLattice: Hashable, Sendable, Codable {
    /// The CRS, projected.
    public var crs: CoordinateReferenceSystem
    /// Side of a pixel in CRS units, above 0.
    public var pixelSize: Double

    /// Makes a lattice; the pixel size is above 0, in CRS units.
    public init(crs: CoordinateReferenceSystem, pixelSize: Double) {
        precondition(
            pixelSize > 0 && pixelSize.isFinite, "a lattice needs a pixel size above 0, got \(pixelSize)")
        self.crs = crs
        self.pixelSize = pixelSize
    }

    /// The grid of a window of the lattice.
    public func grid(of window: PixelWindow) -> Grid {
        Grid(
            crs: crs,
            transform: GeoTransform(
                originX: Double(window.column) * pixelSize, originY: -Double(window.row) * pixelSize,
                pixelSize: pixelSize),
            width: window.width, height: window.height)
    }

    /// The smallest window whose pixels hold some bounds.
    ///
    /// Edges within a thousandth of a pixel of a pixel's edge count as lying on it, so that rounding in a file's geotransform
    /// adds no row.
    /// - Returns: `nil` where the bounds are empty, not finite, or beyond 2^40 pixels from the origin.
    public func window(covering bounds: Bounds) -> PixelWindow? {
        guard bounds.minX < bounds.maxX, bounds.minY < bounds.maxY else { return nil }
        let slack = 1e-3
        let left = (bounds.minX / pixelSize + slack).rounded(.down)
        let right = (bounds.maxX / pixelSize - slack).rounded(.up)
        let top = (-bounds.maxY / pixelSize + slack).rounded(.down)
        let bottom = (-bounds.minY / pixelSize - slack).rounded(.up)
        let limit = 1_099_511_627_776.0
        for edge in [left, right, top, bottom] {
            guard edge.isFinite, abs(edge) < limit else { return nil }
        }
        guard left < right, top < bottom else { return nil }
        return PixelWindow(
            column: Int(left), row: Int(top), width: Int(right - left), height: Int(bottom - top))
    }

    /// Column and row of a grid's top-left pixel where the grid is a part of the lattice, to a hundredth of a pixel.
    package func offset(of grid: Grid) -> (column: Int, row: Int)? {
        let transform = grid.transform
        guard transform.isNorthUp else { return nil }
        let drift =
            max(
                abs(transform.columnX - pixelSize) * Double(grid.width),
                abs(-transform.rowY - pixelSize) * Double(grid.height)) / pixelSize
        let column = transform.originX / pixelSize
        let row = -transform.originY / pixelSize
        guard drift < 0.01, abs(column) < 1e12, abs(row) < 1e12, abs(column - column.rounded()) < 0.01,
            abs(row - row.rounded()) < 0.01
        else { return nil }
        return (Int(column.rounded()), Int(row.rounded()))
    }
}

/// The place of a window, or of another equal part, in a lattice of them.
public struct LatticeIndex: Hashable, Sendable, Codable {
    /// Number along x.
    public var i: Int
    /// Number along y.
    public var j: Int

    /// Makes an index.
    public init(i: Int, j: Int) {
        self.i = i
        self.j = j
    }
}

/// The quotient rounded towards minus infinity; the divisor is above 0.
package func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}

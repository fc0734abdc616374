// A rectangle of pixels: column, row, width, height, from the top left.

/// A rectangle of a scene's or map's grid, in pixels counted from the top left; may reach outside the grid.
public struct PixelWindow: Hashable, Sendable, Codable {
    /// First column; may be negative.
    public var column: Int
    /// First row; may be negative.
    public var row: Int
    /// Number of columns, 0 or more.
    public var width: Int
    /// Number of rows, 0 or more.
    public var height: Int

    /// Makes a window from its corner and size in pixels.
    public init(column: Int, row: Int, width: Int, height: Int) {
        precondition(width >= 0 && height >= 0, "a pixel window has no negative size, got \(width) x \(height)")
        self.column = column
        self.row = row
        self.width = width
        self.height = height
    }

    /// True where the window holds no pixel.
    public var isEmpty: Bool { width == 0 || height == 0 }
    /// Number of pixels; `nil` when it does not fit an `Int`.
    public var pixelCount: Int? {
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        return overflow ? nil : count
    }

    /// The shared part, empty where the windows are apart.
    public func intersection(_ other: PixelWindow) -> PixelWindow {
        let left = max(column, other.column)
        let top = max(row, other.row)
        let right = min(column + width, other.column + other.width)
        let bottom = min(row + height, other.row + other.height)
        return PixelWindow(
            column: left, row: top, width: max(0, right - left), height: max(0, bottom - top))
    }

    /// Whether every pixel of the other window is in this one.
    public func contains(_ other: PixelWindow) -> Bool { intersection(other) == other }

    /// Moved by whole pixels.
    public func shifted(columns: Int, rows: Int) -> PixelWindow {
        PixelWindow(column: column + columns, row: row + rows, width: width, height: height)
    }

    /// Grown by `margin` pixels on every side.
    public func expanded(by margin: Int) -> PixelWindow {
        PixelWindow(
            column: column - margin, row: row - margin,
            width: max(0, width + 2 * margin), height: max(0, height + 2 * margin))
    }
}

// A target grid as an exact lattice: a pixel's centre has the same bits whatever window asks for it.
import Geo
internal import Telemetry

/// A window of an endless lattice of pixels.
struct Lattice {
    let crs: CoordinateReferenceSystem?
    /// The lattice's pixel (0, 0) starts at CRS (0, 0) plus this part of a pixel.
    private let phase: (column: Double, row: Double)
    private let linear: GeoTransform
    /// First column and row, counted on the lattice.
    let column: Int
    let row: Int
    let width: Int
    let height: Int

    /// Parts of a pixel to which positions are rounded: a millionth.
    ///
    /// A grid's origin and that of its sub-grid are different roundings of the same number; counted in pixels and
    /// rounded to this they agree again, so a pixel's place does not depend on the window that asks for it.
    static let steps = 1_048_576.0

    init(_ grid: Grid, window: PixelWindow) throws(RasterError) {
        crs = grid.crs
        var linear = grid.transform
        linear.originX = 0
        linear.originY = 0
        guard let origin = linear.pixel(x: grid.transform.originX, y: grid.transform.originY),
            abs(origin.column) < 1e12, abs(origin.row) < 1e12,
            abs(window.column) < 1 << 40, abs(window.row) < 1 << 40
        else { throw RasterError(.badGrid, "the grid's transform \(grid.transform.coefficients) is not usable") }
        func split(_ value: Double) -> (whole: Int, part: Double) {
            let snapped = (value * Self.steps).rounded() / Self.steps
            let whole = snapped.rounded(.down)
            return (Int(whole), snapped - whole)
        }
        let across = split(origin.column)
        let down = split(origin.row)
        self.linear = linear
        phase = (across.part, down.part)
        column = across.whole + window.column
        row = down.whole + window.row
        width = window.width
        height = window.height
    }

    /// Whether columns change x alone and rows y alone.
    var isParallel: Bool { linear.isParallel }

    /// Centre of a pixel, counted from the window's corner, in CRS units.
    func centre(column: Int, row: Int) -> (x: Double, y: Double) {
        linear.point(
            column: Double(self.column + column) + phase.column + 0.5,
            row: Double(self.row + row) + phase.row + 0.5)
    }

    /// Corner of a pixel towards column and row 0, counted from the window's corner, in CRS units.
    func corner(column: Int, row: Int) -> (x: Double, y: Double) {
        linear.point(
            column: Double(self.column + column) + phase.column, row: Double(self.row + row) + phase.row)
    }

    /// Column and row of a point in CRS units, counted from the window's corner, rounded to a millionth of a pixel.
    func place(x: Double, y: Double) -> (column: Double, row: Double) {
        let place = absolutePlace(x: x, y: y)
        return (place.column - Double(column), place.row - Double(row))
    }

    /// Column and row of a point in CRS units, counted on the lattice: the same number for every window.
    func absolutePlace(x: Double, y: Double) -> (column: Double, row: Double) {
        guard let pixel = linear.pixel(x: x, y: y) else { return (.nan, .nan) }
        func snap(_ value: Double) -> Double { (value * Self.steps).rounded() / Self.steps }
        return (snap(pixel.column - phase.column), snap(pixel.row - phase.row))
    }

    /// The window's pixels, counted on the lattice.
    var window: PixelWindow { PixelWindow(column: column, row: row, width: width, height: height) }
}

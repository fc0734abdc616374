// Where the centres of target pixels lie in the source, and how large a target pixel is there.
import Geo
internal import Telemetry

/// Finds the source pixels under target pixels.
final class SourcePlaces {
    /// What a part of the target needs of the source.
    struct Needed {
        /// The source pixels, inside the file; empty where none is needed.
        var window = PixelWindow(column: 0, row: 0, width: 0, height: 0)
        /// Whether columns and rows are parallel to the source's: then there is one entry per target column and
        /// per target row, else one per target pixel.
        var isSeparable = false
        /// Column and row in the source, fractions; NaN where there is none.
        var column: [Double]
        var row: [Double]
        /// Size of the target pixel in source columns and rows.
        var across: [Double]
        var down: [Double]

        var isEmpty: Bool { window.isEmpty }

        /// Entries of a target pixel.
        @inline(__always)
        func index(_ column: Int, _ row: Int, _ width: Int) -> (column: Int, row: Int) {
            isSeparable ? (column, row) : (row * width + column, row * width + column)
        }
    }

    private let lattice: Lattice
    private let transformer: CoordinateTransformer?
    private let inverse: GeoTransform
    private let controlPoints: ControlPoints?
    private let width: Int
    private let height: Int
    /// Length of a full turn in x of the source's CRS, and the x to stay near; `nil` where x does not come round.
    private let turn: (period: Double, centre: Double)?

    init(reader: RasterReader, lattice: Lattice) throws(RasterError) {
        self.lattice = lattice
        inverse = reader.grid.transform
        controlPoints = reader.controlPoints
        width = reader.source.width
        height = reader.source.height
        if let from = lattice.crs, let to = reader.grid.crs {
            let made = try CoordinateTransformer(from: from, to: to)
            transformer = made.isIdentity ? nil : made
            turn = Self.turn(of: to).map { ($0, reader.grid.bounds.centre.x) }
        } else {
            transformer = nil
            turn = nil
        }
    }

    /// Length of a full turn around the Earth in x; `nil` where x does not come round.
    static func turn(of crs: CoordinateReferenceSystem) -> Double? {
        guard let reference = try? SpatialReference(crs) else { return nil }
        if reference.isGeographic {
            let degrees = reference.degreesPerUnit
            return degrees > 0 ? 360 / degrees : nil
        }
        let web = CoordinateReferenceSystem("EPSG:3857")
        return crs.isSame(as: web) ? 2 * Double.pi * 6_378_137 : nil
    }

    /// Finds what a part of the target needs.
    func find(_ part: PixelWindow, _ resampling: Resampling) -> Needed {
        if transformer == nil, controlPoints == nil, inverse.isParallel, lattice.isParallel {
            return findParallel(part, resampling)
        }
        // One column and one row more: a pixel's size comes from the steps to its neighbours.
        let columns = part.width + 1
        let rows = part.height + 1
        var x: [Double] = []
        var y: [Double] = []
        x.reserveCapacity(columns * rows)
        y.reserveCapacity(columns * rows)
        for row in 0..<rows {
            for column in 0..<columns {
                let point = lattice.centre(column: part.column + column, row: part.row + row)
                x.append(point.x)
                y.append(point.y)
            }
        }
        bring(x: &x, y: &y)
        return needs(part, x, y, columns, resampling)
    }

    /// Takes points from the target's CRS to the source's, on the turn around the Earth that is near to the source, in place.
    private func bring(x: inout [Double], y: inout [Double]) {
        transformer?.transform(x: &x, y: &y)
        if let turn {
            for i in x.indices { x[i] -= turn.period * ((x[i] - turn.centre) / turn.period).rounded() }
        }
        if let controlPoints { controlPoints.pixels(x: &x, y: &y) }
    }

    /// Where the corners of a part's pixels lie in the source.
    ///
    /// - Returns: Columns and rows, fractions, NaN where there are none: those of one column and one row more than the part
    ///   has, row by row; each corner is the one towards column and row 0 of its pixel.
    func corners(of part: PixelWindow) -> (column: [Double], row: [Double]) {
        var x: [Double] = []
        var y: [Double] = []
        x.reserveCapacity((part.width + 1) * (part.height + 1))
        y.reserveCapacity((part.width + 1) * (part.height + 1))
        for row in 0...part.height {
            for column in 0...part.width {
                let point = lattice.corner(column: part.column + column, row: part.row + row)
                x.append(point.x)
                y.append(point.y)
            }
        }
        bring(x: &x, y: &y)
        for i in x.indices {
            let at = place(x[i], y[i])
            x[i] = at?.column ?? .nan
            y[i] = at?.row ?? .nan
        }
        return (x, y)
    }

    /// Columns and rows of a full turn around the Earth; `nil` where x does not come round.
    var fullTurn: (column: Double, row: Double)? {
        guard let turn, controlPoints == nil else { return nil }
        let determinant = inverse.determinant
        return (turn.period * inverse.rowY / determinant, -turn.period * inverse.columnY / determinant)
    }

    /// Columns and rows each on their own.
    private func findParallel(_ part: PixelWindow, _ resampling: Resampling) -> Needed {
        func places(
            _ count: Int, _ point: (Int) -> (x: Double, y: Double), _ pick: ((column: Double, row: Double)) -> Double
        )
            -> (at: [Double], size: [Double])
        {
            var x: [Double] = []
            var y: [Double] = []
            for i in 0...count {
                let place = point(i)
                x.append(place.x)
                y.append(place.y)
            }
            if let turn {
                for i in x.indices { x[i] -= turn.period * ((x[i] - turn.centre) / turn.period).rounded() }
            }
            return (
                (0..<count).map { i in place(x[i], y[i]).map(pick) ?? .nan },
                (0..<count).map { i in abs(pick(step(x, y, i, i + 1))) }
            )
        }
        let columns = places(part.width, { lattice.centre(column: part.column + $0, row: part.row) }, \.column)
        let rows = places(part.height, { lattice.centre(column: part.column, row: part.row + $0) }, \.row)
        var needed = Needed(
            isSeparable: true, column: columns.at, row: rows.at, across: columns.size, down: rows.size)
        let across = Self.reach(&needed.column, columns.size, resampling, width)
        let down = Self.reach(&needed.row, rows.size, resampling, height)
        if let across, let down {
            needed.window = PixelWindow(
                column: across.lowerBound, row: down.lowerBound, width: across.count, height: down.count)
        }
        return needed
    }

    /// The source pixels that places on one axis need; places out of reach become NaN.
    private static func reach(
        _ places: inout [Double], _ sizes: [Double], _ resampling: Resampling, _ length: Int
    ) -> Range<Int>? {
        var low = Double.infinity
        var high = -Double.infinity
        for i in places.indices {
            let reach = KernelReach.of(resampling, sizes[i])
            guard sizes[i] <= 2 * Double(length) + 2, places[i] + reach > 0, places[i] - reach < Double(length) else {
                places[i] = .nan
                continue
            }
            low = min(low, places[i] - reach)
            high = max(high, places[i] + reach)
        }
        guard low < high else { return nil }
        let first = Int(max(0, low.rounded(.down)))
        let end = Int(min(Double(length), high.rounded(.up) + 1))
        return first < end ? first..<end : nil
    }

    private func needs(
        _ part: PixelWindow, _ x: [Double], _ y: [Double], _ columns: Int, _ resampling: Resampling
    ) -> Needed {
        let count = part.width * part.height
        let nothing = [Double](repeating: .nan, count: count)
        var needed = Needed(column: nothing, row: nothing, across: nothing, down: nothing)
        var left = Double.infinity
        var right = -Double.infinity
        var top = Double.infinity
        var bottom = -Double.infinity
        for row in 0..<part.height {
            for column in 0..<part.width {
                let here = row * columns + column
                guard let (c, r) = place(x[here], y[here]) else { continue }
                let east = step(x, y, here, here + 1)
                let south = step(x, y, here, here + columns)
                let across = (east.column * east.column + south.column * south.column).squareRoot()
                let down = (east.row * east.row + south.row * south.row).squareRoot()
                let reachAcross = KernelReach.of(resampling, across)
                let reachDown = KernelReach.of(resampling, down)
                // NaN steps and pixels larger than the raster fail here; their kernel cannot be half full.
                guard across <= 2 * Double(width) + 2, down <= 2 * Double(height) + 2,
                    c + reachAcross > 0, c - reachAcross < Double(width), r + reachDown > 0,
                    r - reachDown < Double(height)
                else { continue }
                let index = row * part.width + column
                needed.column[index] = c
                needed.row[index] = r
                needed.across[index] = across
                needed.down[index] = down
                left = min(left, c - reachAcross)
                right = max(right, c + reachAcross)
                top = min(top, r - reachDown)
                bottom = max(bottom, r + reachDown)
            }
        }
        guard left < right else { return needed }
        let first = (column: Int(max(0, left.rounded(.down))), row: Int(max(0, top.rounded(.down))))
        let end = (
            column: Int(min(Double(width), right.rounded(.up) + 1)),
            row: Int(min(Double(height), bottom.rounded(.up) + 1))
        )
        needed.window = PixelWindow(
            column: first.column, row: first.row, width: max(0, end.column - first.column),
            height: max(0, end.row - first.row))
        return needed
    }

    /// Rounded to a millionth of a pixel: noise in the last bits must not tip a pixel over.
    private func snap(_ value: Double) -> Double { (value * Lattice.steps).rounded() / Lattice.steps }

    /// Column and row in the source; `nil` where the point is not finite.
    private func place(_ x: Double, _ y: Double) -> (column: Double, row: Double)? {
        guard x.isFinite, y.isFinite else { return nil }
        if controlPoints != nil { return (snap(x), snap(y)) }
        guard let pixel = inverse.pixel(x: x, y: y), pixel.column.isFinite, pixel.row.isFinite else { return nil }
        return (snap(pixel.column), snap(pixel.row))
    }

    /// The step between two points in source pixels, the short way round.
    private func step(_ x: [Double], _ y: [Double], _ a: Int, _ b: Int) -> (column: Double, row: Double) {
        var dx = x[b] - x[a]
        let dy = y[b] - y[a]
        if controlPoints != nil { return (snap(dx), snap(dy)) }
        if let turn { dx -= turn.period * (dx / turn.period).rounded() }
        let determinant = inverse.determinant
        return (
            snap((dx * inverse.rowY - dy * inverse.rowX) / determinant),
            snap((dy * inverse.columnX - dx * inverse.columnY) / determinant)
        )
    }
}

extension GeoTransform {
    /// Whether columns change x alone and rows y alone.
    var isParallel: Bool { rowX == 0 && columnY == 0 }
}

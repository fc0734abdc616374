// Classes on another grid: the most frequent one under a large pixel, the nearest one under a small pixel.
import Geo
internal import Telemetry

/// Reads classes onto a window of a lattice.
struct ClassSampler {
    private let path: String
    private let pixels: ClassPixels
    private let lattice: Lattice
    private let places: SourcePlaces
    private let width: Int
    private let height: Int
    private var values: [Int32]
    private var validity: [Bool]
    private var footprint = Footprint()
    private var votes = Votes<Int32>()

    /// A target pixel of this many source pixels or more gets the most frequent class.
    private static let leastVoters = 2.0
    /// Shares of area that differ by no more than this part of the pixel are equal: places in a CRS of metres keep seven digits of a pixel.
    private static let slack = 1e-6

    /// Source pixels and their validity, of a window.
    private struct Source {
        let window: PixelWindow
        let values: [Int32]
        let validity: [Bool]
    }

    init(_ reader: RasterReader, _ pixels: ClassPixels, _ lattice: Lattice) throws(RasterError) {
        path = reader.path
        self.pixels = pixels
        self.lattice = lattice
        let count = lattice.window.pixelCount ?? .max
        let bytes = count.multipliedReportingOverflow(by: ClassPixels.bytesPerPixel)
        guard !bytes.overflow, bytes.partialValue <= GDAL.largestRead else {
            throw RasterError(
                .badGrid, "a grid of \(lattice.width) x \(lattice.height) pixels is too large to hold",
                in: reader.path, try: "read at most 2 GB at once")
        }
        places = try SourcePlaces(reader: reader, lattice: lattice)
        width = reader.source.width
        height = reader.source.height
        values = [Int32](repeating: 0, count: count)
        validity = [Bool](repeating: false, count: count)
    }

    /// Reads all of it.
    mutating func read() throws(RasterError) -> (values: [Int32], validity: [Bool]) {
        let step = 128
        for row in stride(from: 0, to: lattice.height, by: step) {
            for column in stride(from: 0, to: lattice.width, by: step) {
                try fill(
                    PixelWindow(
                        column: column, row: row, width: min(step, lattice.width - column),
                        height: min(step, lattice.height - row)))
            }
        }
        return (values, validity)
    }

    /// Fills a part; one that needs too many source pixels at once is halved.
    private mutating func fill(_ part: PixelWindow) throws(RasterError) {
        let centres = places.find(part, .nearest)
        guard !centres.isEmpty else { return }
        let shapes = largeShapes(part, centres)
        var window = centres.window
        for shape in shapes {
            if let needed = shape?.window(width: width, height: height), !needed.isEmpty {
                window = window.union(needed)
            }
        }
        let bytes = (window.pixelCount ?? .max).multipliedReportingOverflow(by: ClassPixels.bytesPerPixel)
        if bytes.overflow || bytes.partialValue > 64 << 20, part.width > 1 || part.height > 1 {
            let (first, second) = part.halves
            try fill(first)
            try fill(second)
            return
        }
        guard !bytes.overflow, bytes.partialValue <= GDAL.largestBlock else {
            throw RasterError(
                .badGrid,
                "one pixel of the target grid covers \(window.width) x \(window.height) pixels of the raster",
                in: path, try: "choose a target grid with smaller pixels")
        }
        let read = try pixels.read(window)
        let source = Source(window: window, values: read.values, validity: read.validity)
        for row in 0..<part.height {
            for column in 0..<part.width {
                let at = centres.index(column, row, part.width)
                let place = (column: centres.column[at.column], row: centres.row[at.row])
                guard place.column.isFinite, place.row.isFinite else { continue }
                let found: Int32?
                if !shapes.isEmpty, let shape = shapes[row * part.width + column] {
                    found = mode(of: shape, source)
                } else {
                    found = nearest(place, source)
                }
                guard let found else { continue }
                let out = (part.row + row) * lattice.width + part.column + column
                values[out] = found
                validity[out] = true
            }
        }
    }

    /// The shapes of the target pixels that cover several source pixels; none at all where no pixel does.
    private func largeShapes(_ part: PixelWindow, _ centres: SourcePlaces.Needed) -> [Quadrilateral?] {
        func isLarge(_ at: (column: Int, row: Int)) -> Bool {
            centres.column[at.column].isFinite && centres.row[at.row].isFinite
                && centres.across[at.column] * centres.down[at.row] >= Self.leastVoters
        }
        var large = [Bool](repeating: false, count: part.width * part.height)
        for row in 0..<part.height {
            for column in 0..<part.width {
                large[row * part.width + column] = isLarge(centres.index(column, row, part.width))
            }
        }
        guard large.contains(true) else { return [] }
        let corners = places.corners(of: part)
        let turn = places.fullTurn
        let line = part.width + 1
        return large.indices.map { index -> Quadrilateral? in
            guard large[index] else { return nil }
            let (row, column) = index.quotientAndRemainder(dividingBy: part.width)
            let at = centres.index(column, row, part.width)
            let first = row * line + column
            var shape = Quadrilateral(column: .zero, row: .zero)
            for (corner, place) in [first, first + 1, first + line + 1, first + line].enumerated() {
                var (c, r) = (corners.column[place], corners.row[place])
                guard c.isFinite, r.isFinite else { return nil }
                if let turn {
                    // On the centre's side of the cut.
                    let away = (c - centres.column[at.column]) * turn.column + (r - centres.row[at.row]) * turn.row
                    let turns = (away / (turn.column * turn.column + turn.row * turn.row)).rounded()
                    c -= turns * turn.column
                    r -= turns * turn.row
                }
                shape.column[corner] = c
                shape.row[corner] = r
            }
            return shape
        }
    }

    private func nearest(_ place: (column: Double, row: Double), _ source: Source) -> Int32? {
        let column = Int(place.column.rounded(.down)) - source.window.column
        let row = Int(place.row.rounded(.down)) - source.window.row
        guard column >= 0, row >= 0, column < source.window.width, row < source.window.height else { return nil }
        let index = row * source.window.width + column
        return source.validity[index] ? source.values[index] : nil
    }

    /// The class with the largest share of a pixel's area; `nil` where less than half of that is valid.
    private mutating func mode(of shape: Quadrilateral, _ source: Source) -> Int32? {
        footprint.measure(shape, width: width, height: height)
        votes.clear()
        let box = footprint.window
        var valid = 0.0
        for row in 0..<box.height {
            let line = (box.row + row - source.window.row) * source.window.width + box.column - source.window.column
            for column in 0..<box.width where source.validity[line + column] {
                let share = footprint.shares[row * box.width + column]
                guard share > 0 else { continue }
                valid += share
                votes.add(source.values[line + column], share)
            }
        }
        let area = shape.area
        guard valid > 0, valid >= (0.5 - Self.slack) * area else { return nil }
        return votes.winner(slack: Self.slack * area)
    }
}

extension PixelWindow {
    /// The smallest window that holds both.
    fileprivate func union(_ other: PixelWindow) -> PixelWindow {
        let left = min(column, other.column)
        let top = min(row, other.row)
        return PixelWindow(
            column: left, row: top, width: max(column + width, other.column + other.width) - left,
            height: max(row + height, other.row + other.height) - top)
    }
}

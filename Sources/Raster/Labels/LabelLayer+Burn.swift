// Labels on a grid: which class each pixel has.
public import Geo
public import Telemetry

/// Labels burnt onto a grid.
public struct BurntLabels: Sendable, Hashable {
    /// The index of each pixel's class in the legend, row by row; 0 where it is not valid.
    public var indices: [UInt8]
    /// Whether each pixel has one class.
    public var validity: [Bool]
    /// Whether labels of several classes claim each pixel; such pixels are not valid.
    public var isDisputed: [Bool]
    /// Number of pixels that labels of several classes claim.
    public var conflicts: Int { isDisputed.count { $0 } }

    /// Makes labels; one index and two flags for each pixel.
    public init(indices: [UInt8], validity: [Bool], isDisputed: [Bool]) {
        precondition(
            indices.count == validity.count && indices.count == isDisputed.count,
            "\(indices.count) labels, but \(validity.count) and \(isDisputed.count) flags")
        self.indices = indices
        self.validity = validity
        self.isDisputed = isDisputed
    }
}

extension LabelLayer {
    /// Burns the labels onto a grid, in whatever CRS that is.
    ///
    /// A polygon labels the pixels whose centres are in it, or all that it touches; so does a line with a width, which ends in
    /// half circles, and may miss the centres of pixels wider than itself. A line without a width labels the pixels that it
    /// passes through, a point the pixel that holds it. Pixels that labels of two classes claim, whatever their order, are
    /// counted and not valid. Nor are those with an ignored label, which do not count as conflicts.
    ///
    /// Each pixel depends on its own place alone: a window of a grid gets what the whole grid gets there.
    ///
    /// - Parameters:
    ///   - grid: Any grid with a CRS.
    ///   - allTouched: Whether a polygon labels every pixel that it touches. Neighbours of different classes then share pixels,
    ///     which are conflicts.
    ///   - lineWidth: The width of lines in metres on the ground, above 0.
    ///   - meaning: What the legend says of a value, an index below 255 where it is a class; asked once for each value.
    /// - Throws: `noCRS`, `badCRS`, `badGrid` for more than 2^31 pixels, `badRange` for an impossible width, `badLabels` for a
    ///   value of unknown meaning and for a label near the grid that has no place in its CRS.
    public func burn(
        onto grid: Grid, allTouched: Bool = false, lineWidth: Double? = nil,
        index meaning: (LabelValue) -> Legend.Meaning
    ) throws(RasterError) -> BurntLabels {
        guard let target = grid.crs else { throw placeless }
        if let lineWidth, !(lineWidth > 0 && lineWidth < 1e6) {
            throw RasterError(
                .badRange, "a line width of \(number(lineWidth)) m is impossible; expected more than 0", in: path)
        }
        let meanings = numbered.map(meaning)
        if let unknown = meanings.firstIndex(of: .unknown) {
            throw RasterError(
                .badLabels, "the legend does not say what \(numbered[unknown]) in the field '\(field)' stands for",
                in: path, try: "add the value to a class of the legend, or to those that it ignores")
        }
        guard let count = grid.window.pixelCount, count <= GDAL.largestRead else {
            throw RasterError(.badGrid, "labels on \(grid.width) x \(grid.height) pixels are too many to hold")
        }
        let lattice = try Lattice(grid, window: grid.window)
        let found = try placed(in: target, lineWidth: lineWidth)
        if !found.unplaced.isEmpty { try refuse(found.unplaced, near: grid, target) }
        var canvas = LabelCanvas(lattice.window, count: count)
        // A label on the edge belongs to the pixel on one of its sides.
        let box = grid.grid(of: grid.window.expanded(by: 1)).bounds
        found.forEach(meeting: box) { shape, shift in
            canvas.draw(shape.form, meanings[shape.value], lattice, shift: shift, allTouched: allTouched)
        }
        return canvas.labels
    }

    /// Refuses a grid that shapes without a place in its CRS may meet.
    private func refuse(
        _ shapes: [LabelShape], near grid: Grid, _ target: CoordinateReferenceSystem
    ) throws(RasterError) {
        guard let box = try CoordinateTransformer(from: target, to: crs).bounds(grid.bounds) else { return }
        let near = box.expanded(by: 0.1 * max(box.width, box.height))
        let turn = SourcePlaces.turn(of: crs)
        for shape in shapes {
            let turns: [Double] = if let turn { [-turn, 0, turn] } else { [0] }
            let isNear = turns.contains { shift in
                let bounds = shape.bounds
                return bounds.minX + shift <= near.maxX && bounds.maxX + shift >= near.minX
                    && bounds.minY <= near.maxY && bounds.maxY >= near.minY
            }
            guard isNear else { continue }
            let corners = [near.minX, near.minY, near.maxX, near.maxY].map { rounded($0, 6) }
            throw RasterError(
                .badLabels, "a label of \(numbered[shape.value]) cannot be expressed in \(target.name)", in: path,
                why: ["part of it is too far away"],
                try:
                    "cut the labels near the image: ogr2ogr -clipsrc \(corners.joined(separator: " ")) near.gpkg \(shellQuoted(path))"
            )
        }
    }
}

/// The pixels of a window while labels are drawn on them.
private struct LabelCanvas {
    /// Counted on the lattice.
    private let window: PixelWindow
    private var classes: [UInt8]
    private var isDisputed: [Bool]
    private var isIgnored: [Bool]
    private var edges: [PixelEdge] = []

    private static let none: UInt8 = 255

    init(_ window: PixelWindow, count: Int) {
        self.window = window
        classes = [UInt8](repeating: Self.none, count: count)
        isDisputed = [Bool](repeating: false, count: count)
        isIgnored = [Bool](repeating: false, count: count)
    }

    var labels: BurntLabels {
        var validity = [Bool](repeating: false, count: classes.count)
        var indices = [UInt8](repeating: 0, count: classes.count)
        for i in classes.indices where classes[i] != Self.none && !isDisputed[i] && !isIgnored[i] {
            validity[i] = true
            indices[i] = classes[i]
        }
        return BurntLabels(indices: indices, validity: validity, isDisputed: isDisputed)
    }

    /// Draws a shape.
    ///
    /// - Parameter shift: Added to each x.
    mutating func draw(
        _ form: LabelShape.Form, _ meaning: Legend.Meaning, _ lattice: Lattice, shift: Double, allTouched: Bool
    ) {
        switch form {
        case .polygon(let rings): draw(rings, meaning, lattice, shift, isTraced: allTouched)
        case .band(let band): draw([band.ring], meaning, lattice, shift, isTraced: allTouched)
        case .line(let points): draw([points], meaning, lattice, shift, isTraced: true, isFilled: false)
        case .point(let x, let y):
            let place = lattice.absolutePlace(x: x + shift, y: y)
            let column = place.column.rounded(.down)
            let row = place.row.rounded(.down)
            guard column >= Double(window.column), column < Double(window.column + window.width),
                row >= Double(window.row), row < Double(window.row + window.height)
            else { return }
            mark(Int(row), Int(column)..<Int(column) + 1, meaning)
        }
    }

    private mutating func draw(
        _ rings: [Outline], _ meaning: Legend.Meaning, _ lattice: Lattice, _ shift: Double, isTraced: Bool,
        isFilled: Bool = true
    ) {
        let top = Double(window.row)
        let bottom = Double(window.row + window.height)
        edges.removeAll(keepingCapacity: true)
        for ring in rings {
            var previous: (column: Double, row: Double)?
            for point in ring {
                // Counted on the lattice: what an edge crosses has the same bits for every window.
                let next = lattice.absolutePlace(x: point.x + shift, y: point.y)
                if let last = previous, max(last.row, next.row) >= top, min(last.row, next.row) <= bottom {
                    // Always downwards: neighbours share edges, and must agree on where they run.
                    let isDown = last.row < next.row || (last.row == next.row && last.column <= next.column)
                    edges.append(isDown ? PixelEdge(a: last, b: next) : PixelEdge(a: next, b: last))
                }
                previous = next
            }
        }
        let drawn = self.edges
        if isFilled { Scanline.fill(drawn, in: window) { mark($0, $1, meaning) } }
        guard isTraced else { return }
        for edge in drawn { Scanline.trace(edge, in: window) { mark($0, $1, meaning) } }
    }

    private mutating func mark(_ row: Int, _ columns: Range<Int>, _ meaning: Legend.Meaning) {
        let line = (row - window.row) * window.width - window.column
        guard case .index(let index) = meaning else {
            for column in columns { isIgnored[line + column] = true }
            return
        }
        precondition(
            (0..<Int(Self.none)).contains(index), "a class has an index from 0 to 254, not \(index)")
        let label = UInt8(index)
        for i in line + columns.lowerBound..<line + columns.upperBound {
            if classes[i] == Self.none {
                classes[i] = label
            } else if classes[i] != label {
                isDisputed[i] = true
            }
        }
    }
}

// Which pixels of a grid lie in an area.
public import Geo
public import Telemetry

extension AreaOfInterest {
    /// Which pixels of a grid lie in the area.
    ///
    /// Depends on each pixel's own place alone: a window of a grid gets what the whole grid gets there.
    ///
    /// - Parameters:
    ///   - grid: Any grid with a CRS.
    ///   - allTouched: Whether every pixel that the area touches counts; else those whose centre is in it.
    /// - Returns: `height * width` flags, row by row.
    /// - Throws: `noCRS`, `badCRS`, `badGrid` for more than 2^31 pixels, `badAOI` where part of the area has no
    ///   place in the grid's CRS.
    public func mask(on grid: Grid, allTouched: Bool = false) throws(RasterError) -> [Bool] {
        guard let target = grid.crs else {
            throw RasterError(.noCRS, "cannot place an area on a grid without a CRS", in: place)
        }
        guard let count = grid.window.pixelCount, count <= GDAL.largestRead else {
            throw RasterError(.badGrid, "a mask of \(grid.width) x \(grid.height) pixels is too large to hold")
        }
        let lattice = try Lattice(grid, window: grid.window)
        var mask = [Bool](repeating: false, count: count)
        let moved = try transformed(to: target)
        // The grid may count degrees past 180.
        let turns: [Double] = target.isGeographic ? [-360, 0, 360] : [0]
        for turn in turns {
            var edges: [Edge] = []
            for ring in moved.polygons.joined() {
                let points = ring.map { lattice.place(x: $0.x + turn, y: $0.y) }
                for (a, b) in zip(points, points.dropFirst()) { edges.append(Edge(a: a, b: b)) }
            }
            Self.fill(&mask, edges, grid)
            if allTouched { for edge in edges { Self.trace(edge, &mask, grid) } }
        }
        return mask
    }

    private struct Edge {
        let a: (column: Double, row: Double)
        let b: (column: Double, row: Double)

        var top: Double { min(a.row, b.row) }
        var bottom: Double { max(a.row, b.row) }

        func column(atRow row: Double) -> Double {
            a.column + (row - a.row) / (b.row - a.row) * (b.column - a.column)
        }
    }

    /// Marks the pixels whose centres have an odd number of edges to their left.
    private static func fill(_ mask: inout [Bool], _ edges: [Edge], _ grid: Grid) {
        var starting = [[Int]](repeating: [], count: grid.height)
        for (index, edge) in edges.enumerated() where edge.top != edge.bottom {
            // Rows whose centre lies in [top, bottom).
            let first = max(0, (edge.top - 0.5).rounded(.up))
            guard first < Double(grid.height), edge.bottom > 0.5 else { continue }
            starting[Int(first)].append(index)
        }
        var active: [Int] = []
        var crossings: [Double] = []
        for row in 0..<grid.height {
            let middle = Double(row) + 0.5
            active.append(contentsOf: starting[row])
            active.removeAll { edges[$0].bottom <= middle }
            crossings.removeAll(keepingCapacity: true)
            for index in active { crossings.append(edges[index].column(atRow: middle)) }
            crossings.sort()
            for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
                let first = max(0, (crossings[pair] - 0.5).rounded(.up))
                let end = min(Double(grid.width), (crossings[pair + 1] - 0.5).rounded(.up))
                guard first < end else { continue }
                for column in Int(first)..<Int(end) { mask[row * grid.width + column] = true }
            }
        }
    }

    /// Marks every pixel that an edge passes through.
    private static func trace(_ edge: Edge, _ mask: inout [Bool], _ grid: Grid) {
        let first = max(0, edge.top.rounded(.down))
        let last = min(Double(grid.height - 1), edge.bottom.rounded(.down))
        guard first <= last else { return }
        for row in Int(first)...Int(last) {
            let level = edge.top == edge.bottom
            let from = level ? edge.a.column : edge.column(atRow: max(edge.top, Double(row)))
            let to = level ? edge.b.column : edge.column(atRow: min(edge.bottom, Double(row + 1)))
            let left = max(0, min(from, to).rounded(.down))
            let right = min(Double(grid.width - 1), max(from, to).rounded(.down))
            guard left <= right else { continue }
            for column in Int(left)...Int(right) { mask[row * grid.width + column] = true }
        }
    }
}

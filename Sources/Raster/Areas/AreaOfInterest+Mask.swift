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
            var edges: [PixelEdge] = []
            for ring in moved.polygons.joined() {
                let points = ring.map { lattice.place(x: $0.x + turn, y: $0.y) }
                for (a, b) in zip(points, points.dropFirst()) { edges.append(PixelEdge(a: a, b: b)) }
            }
            Scanline.fill(edges, in: grid.window) { row, columns in
                for column in columns { mask[row * grid.width + column] = true }
            }
            guard allTouched else { continue }
            for edge in edges {
                Scanline.trace(edge, in: grid.window) { row, columns in
                    for column in columns { mask[row * grid.width + column] = true }
                }
            }
        }
        return mask
    }
}

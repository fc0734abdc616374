// The outline of a map's pixels as polygons, for its STAC item.
internal import Files
internal import Geo
internal import Raster
internal import Scenes

/// Polygons around the filled cells of a small picture.
///
/// Walks the edges between filled and empty cells with the filled ones on the left (seen with rows running down), so outer rings run
/// counter-clockwise and holes clockwise on the map, as RFC 7946 wants them. Cells that share only a corner are apart.
///
/// - Parameter filled: `[height, width]`.
/// - Returns: Polygons; each a list of closed rings in cell corners (column, row), the outer ring first.
package func outlines(_ filled: [Bool], width: Int, height: Int) -> [[[(column: Int, row: Int)]]] {
    let labels = components(filled, width: width, height: height)
    func isFilled(_ column: Int, _ row: Int) -> Bool {
        column >= 0 && row >= 0 && column < width && row < height && filled[row * width + column]
    }
    // Directions: 0 east, 1 north, 2 west, 3 south; an edge begins at a corner and keeps a filled cell on its left.
    struct Edge: Hashable {
        let column: Int
        let row: Int
        let direction: Int
    }
    let steps = [(1, 0), (0, -1), (-1, 0), (0, 1)]
    /// The cell left of an edge that leaves a corner.
    func left(_ edge: Edge) -> (Int, Int) {
        switch edge.direction {
        case 0: (edge.column, edge.row - 1)
        case 1: (edge.column - 1, edge.row - 1)
        case 2: (edge.column - 1, edge.row)
        default: (edge.column, edge.row)
        }
    }
    func right(_ edge: Edge) -> (Int, Int) {
        switch edge.direction {
        case 0: (edge.column, edge.row)
        case 1: (edge.column, edge.row - 1)
        case 2: (edge.column - 1, edge.row - 1)
        default: (edge.column - 1, edge.row)
        }
    }
    func isBorder(_ edge: Edge) -> Bool {
        let inside = left(edge)
        let outside = right(edge)
        return isFilled(inside.0, inside.1) && !isFilled(outside.0, outside.1)
    }
    var seen: Set<Edge> = []
    var outer: [Int: [(column: Int, row: Int)]] = [:]
    var holes: [Int: [[(column: Int, row: Int)]]] = [:]
    for row in 0...height {
        for column in 0...width {
            for direction in 0..<4 {
                let start = Edge(column: column, row: row, direction: direction)
                guard isBorder(start), !seen.contains(start) else { continue }
                var ring = [(column: column, row: row)]
                var area = 0
                var edge = start
                var run = 0
                repeat {
                    seen.insert(edge)
                    let step = steps[edge.direction]
                    let end = (column: edge.column + step.0, row: edge.row + step.1)
                    area += edge.column * end.row - end.column * edge.row
                    // Left turns first: a cell's own corner is rounded before a diagonal neighbour is visited.
                    let turns = [1, 0, 3, 2].map { (edge.direction + $0) % 4 }
                    guard
                        let next = turns.map({ Edge(column: end.column, row: end.row, direction: $0) })
                            .first(where: isBorder)
                    else { break }
                    run += 1
                    // A long straight edge keeps a corner now and then, since it bends in other coordinates.
                    if next.direction != edge.direction || run == 16 {
                        ring.append(end)
                        run = 0
                    }
                    edge = next
                } while edge != start
                if let last = ring.last, last != ring[0] { ring.append(ring[0]) }
                let cell = left(start)
                let label = labels[cell.1 * width + cell.0]
                // Rows run down: a ring that is counter-clockwise on the map has a negative area here.
                if area < 0 { outer[label] = ring } else { holes[label, default: []].append(ring) }
            }
        }
    }
    return outer.keys.sorted().map { [outer[$0] ?? []] + (holes[$0] ?? []) }
}

/// A number for each filled cell that all cells joined to it by sides share; -1 for empty ones.
private func components(_ filled: [Bool], width: Int, height: Int) -> [Int] {
    var labels = [Int](repeating: -1, count: filled.count)
    var next = 0
    for start in filled.indices where filled[start] && labels[start] < 0 {
        var stack = [start]
        labels[start] = next
        while let place = stack.popLast() {
            let column = place % width
            let row = place / width
            for (x, y) in [(column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)]
            where x >= 0 && y >= 0 && x < width && y < height {
                let other = y * width + x
                guard filled[other], labels[other] < 0 else { continue }
                labels[other] = next
                stack.append(other)
            }
        }
        next += 1
    }
    return labels
}

/// The outline of a map's valid pixels in longitude and latitude: a GeoJSON geometry, exact to about a hundredth of the map's side,
/// in parts where it crosses 180 degrees.
func footprint(of preview: MapPreview, on grid: Grid, lattice: PixelLattice) throws -> JSONValue {
    // Coarser than the picture: an outline needs no thousand corners.
    let step = max(1, (max(preview.width, preview.height) + 127) / 128)
    let width = (preview.width + step - 1) / step
    let height = (preview.height + step - 1) / step
    var filled = [Bool](repeating: false, count: width * height)
    for row in 0..<preview.height {
        for column in 0..<preview.width where preview.counts[row * preview.width + column] > 0 {
            filled[row / step * width + column / step] = true
        }
    }
    let toDegrees = try CoordinateTransformer(from: lattice.crs, to: .wgs84)
    let side = Double(step * preview.cell)
    let polygons = outlines(filled, width: width, height: height).flatMap { polygon in
        Antimeridian.parted(
            polygon.map { ring in
                let points = ring.map { corner in
                    // The last cells may reach beyond the map.
                    grid.transform.point(
                        column: min(Double(corner.column) * side, Double(grid.width)),
                        row: min(Double(corner.row) * side, Double(grid.height)))
                }
                return toDegrees.transform(points).compactMap { $0 }
            })
    }.map { polygon in
        JSONValue.array(
            polygon.map { ring in
                .array(ring.map { .array([.number(sevenDecimals($0.x)), .number(sevenDecimals($0.y))]) })
            })
    }
    if polygons.isEmpty { return .null }
    if polygons.count == 1 {
        return .object(["type": .string("Polygon"), "coordinates": polygons[0]])
    }
    return .object(["type": .string("MultiPolygon"), "coordinates": .array(polygons)])
}

/// A coordinate in degrees to about a centimetre.
func sevenDecimals(_ value: Double) -> Double { (value * 1e7).rounded() / 1e7 }

// Polygons of a map of classes: holes, islands, shared corners, and exact coverage.
import Geo
import Mapping
import TestSupport
import Testing

struct PolygonTracerTests {
    private func corners(_ places: (Int32, Int32)...) -> [PixelCorner] {
        places.map { PixelCorner(column: $0.0, row: $0.1) }
    }

    @Test func `a pixel is a square, counter-clockwise on the map`() throws {
        let polygons = Labels("....", "..5.").polygons
        try #require(polygons.count == 1)
        #expect(polygons[0].id == 5 && polygons[0].pixels == 1)
        #expect(polygons[0].rings == [corners((2, 1), (2, 2), (3, 2), (3, 1), (2, 1))])
        #expect(doubledArea(polygons[0].rings[0]) == -2)
    }

    @Test func `a straight side has no corners in between`() {
        let polygons = Labels(width: 300, height: 200, ids: [UInt8](repeating: 7, count: 60_000)).polygons
        #expect(polygons.map(\.rings) == [[corners((0, 0), (0, 200), (300, 200), (300, 0), (0, 0))]])
    }

    @Test func `an island in a hole is a polygon of its own`() throws {
        let polygons = Labels("11111", "12221", "12121", "12221", "11111").polygons
        try #require(polygons.count == 3)
        // The innermost ends first.
        #expect(polygons.map(\.id) == [1, 2, 1] && polygons.map(\.pixels) == [1, 8, 16])
        #expect(polygons.map(\.rings.count) == [1, 2, 2])
        #expect(
            polygons[2].rings == [
                corners((0, 0), (0, 5), (5, 5), (5, 0), (0, 0)), corners((1, 1), (4, 1), (4, 4), (1, 4), (1, 1)),
            ])
    }

    @Test func `pixels that share only a corner are separate polygons`() {
        let polygons = Labels("12", "21").polygons
        #expect(polygons.count == 4 && polygons.allSatisfy { $0.pixels == 1 && $0.rings.count == 1 })
    }

    @Test func `rings do not touch themselves where a component does`() throws {
        // The pixel in the middle is a hole whose ring touches the outer ring.
        let polygons = Labels("111", "121", "211").polygons
        let area = try #require(polygons.first { $0.id == 1 })
        #expect(
            area.rings == [
                corners((0, 0), (0, 2), (1, 2), (1, 3), (3, 3), (3, 0), (0, 0)),
                corners((1, 1), (2, 1), (2, 2), (1, 2), (1, 1)),
            ])
        #expect(polygons.count == 3)
        // Two holes that meet at a corner.
        let holes = try #require(Labels("1111", "1211", "1131", "1111").polygons.first { $0.id == 1 })
        #expect(holes.rings.count == 3 && holes.rings[1][0] == PixelCorner(column: 1, row: 1))
        #expect(holes.rings[2][0] == PixelCorner(column: 2, row: 2))
    }

    @Test func `polygons of random pictures cover every valid pixel once`() {
        var holes = 0
        for seed in 0..<1500 {
            let labels = Labels(seed: seed)
            let polygons = labels.polygons
            var most = 0
            #expect(
                Labels(polygons.map { ($0.id, $0.rings) }, width: labels.width, height: labels.height, most: &most)
                    == labels,
                "seed \(seed):\n\(labels)")
            #expect(most <= 1, "seed \(seed)")
            #expect(polygons.count == labels.components(without: [Legend.nodataID]).count, "seed \(seed)")
            for polygon in polygons {
                let areas = polygon.rings.map(doubledArea)
                #expect(areas[0] < 0 && areas.dropFirst().allSatisfy { $0 > 0 }, "seed \(seed)")
                #expect(-areas.reduce(0, +) == 2 * polygon.pixels, "seed \(seed)")
                #expect(polygon.rings.allSatisfy(isPlain), "seed \(seed)")
                holes += polygon.rings.count - 1
            }
        }
        #expect(holes > 500)
    }

    /// Whether a ring is closed, bends at every corner, and passes each once.
    private func isPlain(_ ring: [PixelCorner]) -> Bool {
        let count = ring.count - 1
        guard count > 3, ring[0] == ring[count], Set(ring).count == count else { return false }
        return (0..<count).allSatisfy { place in
            let (a, b, c) = (ring[place], ring[place + 1], ring[(place + 1) % count + 1])
            return a.column == b.column && b.row == c.row && a.row != b.row && b.column != c.column
                || a.row == b.row && b.column == c.column && a.column != b.column && b.row != c.row
        }
    }

    @Test func `components that meet further down are one polygon`() throws {
        let polygons = Labels("1.1.1", "1.1.1", "1.111", "111.1").polygons
        try #require(polygons.count == 1)
        #expect(polygons[0].pixels == 14 && polygons[0].rings.count == 1)
    }

    @Test func `rows that are left out are nodata`() {
        var found: [PolygonTracer.Polygon] = []
        var tracer = PolygonTracer()
        for row in [2, 3, 7] { tracer.add(row: row, runs: [ClassRun](row: [9, 9])) { found.append($0) } }
        #expect(found.count == 1, "the first polygon came as soon as it was complete")
        tracer.finish { found.append($0) }
        #expect(
            found.map(\.rings) == [
                [corners((0, 2), (0, 4), (2, 4), (2, 2), (0, 2))], [corners((0, 7), (0, 8), (2, 8), (2, 7), (0, 7))],
            ])
        #expect(tracer.held == 0)
    }

    @Test func `memory does not grow with the height of the map`() {
        var tracer = PolygonTracer()
        var most: [Int] = [0, 0]
        var pixels = 0
        for row in 0..<4000 {
            let ids = (0..<80).map { noise($0 / 3, row / 3) % 5 }
            tracer.add(row: row, runs: [ClassRun](row: ids)) { pixels += $0.pixels }
            most[row < 400 ? 0 : 1] = max(most[row < 400 ? 0 : 1], tracer.held)
        }
        tracer.finish { pixels += $0.pixels }
        #expect(pixels == 80 * 4000 && tracer.held == 0)
        #expect(most[1] <= 2 * most[0] && most[0] < 81)
    }
}

// Classes of a whole map on disk: the same whatever the blocks and the stripes.
import Foundation
import Geo
import Mapping
import TestSupport
import Testing

struct ClassPlaneTests {
    let folder = TemporaryFolder()
    /// A picture whose block of 8 x 8 pixels in the second row and third column is nodata.
    private let labels = Labels(
        width: 29, height: 23,
        ids: (0..<29 * 23).map { place in
            let (column, row) = (place % 29, place / 29)
            if column / 8 == 2, row / 8 == 1 { return Legend.nodataID }
            return noise(column, row) < 200 ? noise(column / 5, row / 4, 1) % 3 : noise(column, row, 2) % 4
        })

    /// A plane that holds the picture; blocks without a class are not in it.
    private func plane(side: Int, stripeHeight: Int?) throws -> ClassPlane {
        var blocks: [PixelWindow] = []
        for row in stride(from: 0, to: labels.height, by: side) {
            for column in stride(from: 0, to: labels.width, by: side) {
                blocks.append(
                    PixelWindow(
                        column: column, row: row, width: min(side, labels.width - column),
                        height: min(side, labels.height - row)))
            }
        }
        func ids(_ block: PixelWindow, _ row: Int) -> [UInt8] {
            Array(labels.row(block.row + row).dropFirst(block.column).prefix(block.width))
        }
        blocks.removeAll { block in
            (0..<block.height).allSatisfy { ids(block, $0).allSatisfy { $0 == Legend.nodataID } }
        }
        let plane = try ClassPlane(
            blocks: blocks, side: side, output: folder.file("map.tif"), stripeHeight: stripeHeight)
        for block in blocks {
            for row in 0..<block.height { try plane.write(ids(block, row), block: block, row: row) }
        }
        return plane
    }

    /// All pixels of a plane.
    private func contents(of plane: ClassPlane) throws -> Labels {
        var found = Labels(
            width: labels.width, height: labels.height,
            ids: [UInt8](repeating: Legend.nodataID, count: labels.ids.count))
        try plane.forEachStripe(height: 3) { window, ids in
            for (place, id) in ids.enumerated() {
                let (column, row) = (place % window.width, place / window.width)
                found.ids[(window.row + row) * labels.width + window.column + column] = id
            }
        }
        return found
    }

    @Test(arguments: [(8, 1), (8, 7), (8, nil), (5, 2), (29, 1), (29, 7), (32, nil)] as [(Int, Int?)])
    func `rows, sieve and polygons are the same for all blocks and stripes`(side: Int, stripeHeight: Int?) throws {
        let plane = try plane(side: side, stripeHeight: stripeHeight)
        #expect(folder.contents.isEmpty)
        #expect(try contents(of: plane) == labels)
        var rows: [Int] = []
        var sieve = ComponentSieve(smallest: 7)
        var tracer = PolygonTracer()
        var polygons: [PolygonTracer.Polygon] = []
        try plane.forEachRow { row, runs in
            #expect(runs == [ClassRun](row: labels.row(row)))
            rows.append(row)
            tracer.add(row: row, runs: runs) { polygons.append($0) }
            try sieve.add(row: row, runs: runs) { try plane.apply($0) }
        }
        try sieve.finish { try plane.apply($0) }
        tracer.finish { polygons.append($0) }
        #expect(rows == Array(0..<labels.height))
        #expect(polygons == labels.polygons)
        let sieved = try contents(of: plane)
        #expect(sieved == labels.sievedPlainly(smallest: 7) && sieved != labels)
    }

    @Test func `what a process that was killed may leave has a name by which the next map removes it`() throws {
        let block = PixelWindow(column: 0, row: 0, width: 4, height: 4)
        let plane = try ClassPlane(blocks: [block], side: 4, output: folder.file("map.tif"))
        // The file has lost its name, which the system still tells.
        let opened = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        let own = opened.filter { $0.hasPrefix(folder.path + "/") }
        #expect(own == [folder.file(".map.tif.partial-\(getpid()).classes (deleted)")])
        #expect(folder.contents == [])
        try plane.write([1, 1, 1, 1], block: block, row: 0)
    }

    @Test func `rows without blocks are left out`() throws {
        let blocks = [
            PixelWindow(column: 4, row: 0, width: 4, height: 4), PixelWindow(column: 0, row: 8, width: 4, height: 2),
        ]
        let plane = try ClassPlane(blocks: blocks, side: 4, output: folder.file("map.tif"))
        try plane.write([1, 1, 255, 2], block: blocks[0], row: 1)
        try plane.write([0, 0, 0, 254], block: blocks[1], row: 1)
        var found: [Int: [[Int]]] = [:]
        try plane.forEachRow { row, runs in found[row] = runs.map { [Int($0.start), Int($0.end), Int($0.id)] } }
        #expect(found.keys.sorted() == [0, 1, 2, 3, 8, 9])
        #expect(found[1] == [[4, 6, 1], [7, 8, 2]] && found[9] == [[0, 3, 0], [3, 4, 254]] && found[0] == [])
    }
}

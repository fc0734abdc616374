// The plan: windows inside, grids that tile, draws that are uniform, counts that are kept.
import Corpus
import Geo
import Testing

struct TilePlanTests {
    private func profile(_ sampling: TileProfile.Sampling, size: Int) -> TileProfile {
        TileProfile(name: "plan", tileSize: size, gsd: .native, sampling: sampling)
    }

    @Test func `a grid without overlap covers every pixel that a whole tile reaches exactly once`() {
        for (width, height, size) in [(100, 80, 16), (64, 64, 64), (65, 127, 32), (31, 40, 16), (500, 17, 16)] {
            let plan = TilePlan(
                rooms: [.init(width: width, height: height, gsd: 1)], profile: profile(.init(kind: .grid), size: size))
            var seen = [Int](repeating: 0, count: width * height)
            for place in 0..<plan.placeCount {
                let window = plan.window(part: 0, place: place)
                #expect(PixelWindow(column: 0, row: 0, width: width, height: height).contains(window))
                for row in window.row..<window.row + size {
                    for column in window.column..<window.column + size { seen[row * width + column] += 1 }
                }
            }
            #expect(plan.placeCount == (width / size) * (height / size))
            for row in 0..<height {
                for column in 0..<width {
                    let inside = row < height / size * size && column < width / size * size
                    #expect(seen[row * width + column] == (inside ? 1 : 0), "\(width) x \(height), \(row), \(column)")
                }
            }
        }
    }

    @Test func `stride and overlap say the same`() {
        let rooms = [TilePlan.Room(width: 100, height: 90, gsd: 1)]
        let a = TilePlan(rooms: rooms, profile: profile(.init(kind: .grid, stride: 10), size: 16))
        let b = TilePlan(rooms: rooms, profile: profile(.init(kind: .grid, overlap: 6), size: 16))
        #expect(a.placeCount == 9 * 8)
        #expect(a.placeCount == b.placeCount)
        #expect((0..<a.placeCount).allSatisfy { a.window(part: 0, place: $0) == b.window(part: 0, place: $0) })
    }

    @Test func `a tile larger than its scene has no place`() {
        let plan = TilePlan(
            rooms: [.init(width: 15, height: 100, gsd: 1)], profile: profile(.init(kind: .grid), size: 16))
        #expect(plan.placeCount == 0)
    }

    @Test func `centres limit the places`() {
        let rooms = [TilePlan.Room(width: 100, height: 100, gsd: 1, centres: (30...50, 8...8))]
        let plan = TilePlan(rooms: rooms, profile: profile(.init(kind: .grid, stride: 1), size: 16))
        // First columns 22 to 42, first row 0.
        #expect(plan.placeCount == 21)
        #expect(plan.window(part: 0, place: 0) == PixelWindow(column: 22, row: 0, width: 16, height: 16))
        let away = TilePlan(
            rooms: [.init(width: 100, height: 100, gsd: 1, centres: (300...400, 0...50))],
            profile: profile(.init(kind: .grid, stride: 1), size: 16))
        #expect(away.placeCount == 0)
    }

    @Test func `random places are uniform along both axes and jointly`() {
        // 25 x 25 possible corners in 5 x 5 cells; chi-square with 24 degrees of freedom is below 51.2 in 99.9 % of cases.
        for seed in [0, 1, 77] as [UInt64] {
            let sampling = TileProfile.Sampling(kind: .random, count: 10_000, seed: seed)
            let plan = TilePlan(
                rooms: [.init(width: 40, height: 40, gsd: 1)], profile: profile(sampling, size: 16))
            var cells = [Double](repeating: 0, count: 25)
            var corners = Set<Int>()
            for place in 0..<10_000 {
                let window = plan.window(part: 0, place: place)
                #expect((0...24).contains(window.column) && (0...24).contains(window.row))
                cells[window.row / 5 * 5 + window.column / 5] += 1
                corners.insert(window.row * 25 + window.column)
            }
            let chi = cells.reduce(0) { $0 + ($1 - 400) * ($1 - 400) / 400 }
            #expect(chi < 51.2, "seed \(seed): chi-square \(chi)")
            #expect(corners.count == 625)
        }
    }

    @Test func `a place does not depend on others, and seeds differ`() {
        let rooms = [TilePlan.Room(width: 4000, height: 4000, gsd: 1), .init(width: 5000, height: 4000, gsd: 1)]
        func plan(_ seed: UInt64, _ count: Int) -> TilePlan {
            TilePlan(rooms: rooms, profile: profile(.init(kind: .random, count: count, seed: seed), size: 16))
        }
        #expect(plan(1, 50).window(part: 1, place: 7) == plan(1, 5000).window(part: 1, place: 7))
        let same = (0..<20).count { plan(1, 50).window(part: 1, place: $0) == plan(2, 50).window(part: 1, place: $0) }
        #expect(same == 0)
        let scenes = (0..<20).count { plan(1, 50).window(part: 0, place: $0) == plan(1, 50).window(part: 1, place: $0) }
        #expect(scenes == 0)
    }

    @Test func `a count is shared by area and nothing is lost to rounding`() {
        let rooms = [(100, 100), (200, 100), (316, 100), (10, 10)].map {
            TilePlan.Room(width: $0.0, height: $0.1, gsd: 0.5)
        }
        let plan = TilePlan(rooms: rooms, profile: profile(.init(kind: .random, count: 101), size: 16))
        let wanted = plan.parts.map { $0.wanted ?? -1 }
        #expect(wanted.reduce(0, +) == 101)
        #expect(wanted[3] == 0)
        #expect(abs(Double(wanted[1]) - 2 * Double(wanted[0])) <= 2)
    }

    @Test func `a density counts tiles per square kilometre`() {
        let rooms = [TilePlan.Room(width: 2000, height: 1000, gsd: 1)]
        let plan = TilePlan(rooms: rooms, profile: profile(.init(kind: .random, density: 7.5), size: 16))
        #expect(plan.placeCount == 15)
        #expect(abs(plan.parts[0].squareKilometres - 2) < 1e-9)
    }
}

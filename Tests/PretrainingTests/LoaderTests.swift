// Loading: any number of threads gives the same bytes, in order; failures name the tile.
import Geo
import Pretraining
import Telemetry
import Testing
import Training

struct LoaderTests {
    private func batches(_ threads: Int, _ source: any TileSource, steps: Range<Int> = 0..<5) throws
        -> [CropBatch]
    {
        let recipe = try recipe(named: "smoke")
        let sampler = try TileSampler(source: source, subset: nil, seed: 0, batch: 8)
        let maker = try CropMaker(recipe: recipe, layout: source.layout)
        let loader = try BatchLoader(
            sampler: sampler, source: source, maker: maker, steps: steps, threads: threads)
        var all: [CropBatch] = []
        while let batch = try loader.nextBatch() { all.append(batch) }
        return all
    }

    @Test func `one thread and four give the same bytes in the same order`() throws {
        let one = try batches(1, WaveTiles())
        let four = try batches(4, WaveTiles())
        #expect(one.map(\.step) == [0, 1, 2, 3, 4])
        for (a, b) in zip(one, four) {
            #expect(a.ids == b.ids && a.step == b.step)
            #expect(a.global.values == b.global.values)
            #expect(a.local.values == b.local.values)
        }
    }

    @Test func `a later start gives the batches of an unbroken one`() throws {
        let all = try batches(2, WaveTiles())
        let late = try batches(2, WaveTiles(), steps: 3..<5)
        #expect(late.map(\.step) == [3, 4])
        #expect(late[0].global.values == all[3].global.values)
        #expect(late[1].local.values == all[4].local.values)
    }

    @Test func `crops lie crop-major and differ from each other`() throws {
        let batch = try #require(try batches(2, WaveTiles()).first)
        let size = 3 * 32 * 32
        let global = batch.global.values
        #expect(batch.global.count == 16 * size && batch.local.count == 4 * 8 * 3 * 16 * 16)
        let crops = (0..<16).map { Array(global[$0 * size..<($0 + 1) * size]) }
        #expect(Set(crops).count == 16)
        #expect(global.allSatisfy { $0.isFinite && abs($0) < 10 })
    }

    @Test func `a tile that cannot be read is named and the loader still ends`() throws {
        let source = WaveTiles(tileCount: 40, broken: [17])
        let recipe = try recipe(named: "smoke")
        let sampler = try TileSampler(source: source, subset: nil, seed: 0, batch: 8)
        let maker = try CropMaker(recipe: recipe, layout: source.layout)
        let loader = try BatchLoader(sampler: sampler, source: source, maker: maker, steps: 0..<5, threads: 2)
        let error = #expect(throws: TrainingError.self) { while try loader.nextBatch() != nil {} }
        #expect(error?.code == .sampleFailed)
        #expect(error?.what.contains("tile 17") == true)
        #expect(error?.causes == ["tile 17 cannot be read (waves)"])
    }

    @Test func `a loader that is dropped stops its threads`() throws {
        let source = WaveTiles()
        let recipe = try recipe(named: "smoke")
        let sampler = try TileSampler(source: source, subset: nil, seed: 0, batch: 8)
        let maker = try CropMaker(recipe: recipe, layout: source.layout)
        for _ in 0..<20 {
            let loader = try BatchLoader(
                sampler: sampler, source: source, maker: maker, steps: 0..<1_000_000, threads: 3)
            _ = try loader.nextBatch()
            loader.stop()
            #expect(throws: TrainingError.self) { try loader.nextBatch() }
        }
    }

    @Test func `tiles of other bands than the recipe's are refused`() throws {
        var recipe = try recipe(named: "smoke")
        recipe.data.mean = [0, 0, 0, 0]
        let error = #expect(throws: PretrainingError.self) {
            try CropMaker(recipe: recipe, layout: WaveTiles().layout)
        }
        #expect(error?.what == "the recipe normalises 4 bands, but the tiles have 3: red, green, blue")
    }
}

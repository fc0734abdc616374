// Several processes of one run: together they draw the tiles, crops and masks of one process, and no two draw the same.
import Pretraining
import Testing
import Torch
import Training

struct RanksTests {
    private func smoke(group: Int?) throws -> PretrainingRecipe {
        var recipe = try recipe(named: "smoke")
        recipe.data.group = group
        try recipe.validate()
        return recipe
    }

    /// Crops of every sample of step 3, by the sample's number over all processes: the views' pixels, and the tile.
    private func samples(of count: Int) throws -> [(tile: Int, views: [[Float]])] {
        let plan = PhasePlan(try smoke(group: nil))
        return try (0..<count).flatMap { rank in
            let work = try plan.work(source: WaveTiles(), ranks: Ranks(rank: rank, of: count))
            let loader = try BatchLoader(work, steps: 3..<4, threads: 2, kind: plan.kind)
            let batch = try #require(try loader.nextBatch())
            let own = batch.ids.count
            func views(_ values: [Float], _ place: Int) -> [[Float]] {
                let size = 3 * (values.count == 2 * own * 3 * 32 * 32 ? 32 * 32 : 16 * 16)
                return stride(from: place * size, to: values.count, by: own * size).map {
                    Array(values[$0..<$0 + size])
                }
            }
            return (0..<own).map {
                (batch.ids[$0], views(batch.global.values, $0) + views(batch.local.values, $0))
            }
        }
    }

    @Test(arguments: [2, 4, 8])
    func `tiles and crops of several processes are those of one`(_ count: Int) throws {
        let (one, several) = (try samples(of: 1), try samples(of: count))
        #expect(several.map(\.tile) == one.map(\.tile))
        #expect(several.map(\.views) == one.map(\.views))
        #expect(Set(several.flatMap(\.views)).count == 8 * 6, "no two crops are equal")
    }

    @Test(arguments: [nil, 2, 4])
    func `masks of several processes are those of one`(_ group: Int?) throws {
        let recipe = try smoke(group: group)
        let one = MaskBatch(recipe, step: 5).masks
        let parts = (0..<2).map { MaskBatch(recipe, step: 5, ranks: Ranks(rank: $0, of: 2)).masks }
        #expect(parts.map(\.count) == [8, 8])
        #expect(parts[0][..<4] + parts[1][..<4] == one[..<8])
        #expect(parts[0][4...] + parts[1][4...] == one[8...])
        #expect(parts[0] != parts[1])
    }

    @Test func `a learner takes the masks and the crops of its own samples`() throws {
        let recipe = try smoke(group: 2)
        let plan = PhasePlan(recipe)
        let ranks = Ranks(rank: 1, of: 2)
        let work = try plan.work(source: WaveTiles(), ranks: ranks)
        let loader = try BatchLoader(work, steps: 0..<1, threads: 1, kind: plan.kind)
        let learner = try catchingTorchErrors { Learner(plan, ranks: ranks) }
        var masks: [[Bool]] = []
        let result = try learner.step(try #require(try loader.nextBatch()), keep: { masks = $0.masks.masks })
        #expect(masks == MaskBatch(recipe, step: 0, ranks: ranks).masks)
        #expect(result.failure == nil && result.loss.isFinite)
    }

    @Test func `samples and groups are shared out in order`() {
        #expect(Ranks.single.samples(of: 8) == 0..<8)
        #expect((0..<4).map { Ranks(rank: $0, of: 4).samples(of: 8) } == [0..<2, 2..<4, 4..<6, 6..<8])
        #expect((0..<2).map { Ranks(rank: $0, of: 2).groups(of: 2, batch: 8) } == [0..<2, 2..<4])
    }
}

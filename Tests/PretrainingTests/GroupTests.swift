// Samples that count as one device's batch: masks, neighbours and draws that do not depend on what is computed at once.
import Backbone
import Pretraining
import Telemetry
import Testing
import Torch
import Training

struct GroupTests {
    /// The smoke recipe on eight tiles, everything random that it can have.
    private func smoke(_ group: Int?, _ parts: Int?) throws -> PretrainingRecipe {
        var recipe = try recipe(named: "smoke")
        recipe.data.group = group
        recipe.data.accumulate = parts
        recipe.backbone.dropPath = 0.4
        recipe.schedules.learningRate.warmupSteps = 0
        recipe.optimizer.freezeLastLayerSteps = 0
        try recipe.validate()
        return recipe
    }

    @Test func `shares of hidden patches are spread over the crops of a group`() throws {
        var recipe = try recipe(named: "sat493m-vit7b-1-pretrain")
        recipe.data.batchSize = 64
        let group = try #require(recipe.data.group)
        #expect(group == 16)
        // 32 crops of a device, 16 of them masked: linspace(0.1, 0.5, 17) without its first, of 256 patches.
        let expected = [Int](repeating: 0, count: 16) + (1...16).map { Int(256 * (0.1 + 0.4 * Double($0) / 16)) }
        let masks = MaskBatch(recipe, step: 3)
        #expect(masks.masks.count == 128)
        func counts(_ masks: [[Bool]]) -> [Int] { masks.map { $0.count { $0 } } }
        var orders: Set<[Int]> = []
        for number in 0..<4 {
            let samples = number * group..<(number + 1) * group
            let own = counts(Array(masks.masks[samples]) + samples.map { masks.masks[64 + $0] })
            #expect(own.sorted() == expected, "group \(number)")
            orders.insert(own)
        }
        #expect(orders.count == 4, "every group draws its own")
        // Over the whole batch the shares begin lower: fewer patches are hidden.
        recipe.data.group = nil
        let whole = counts(MaskBatch(recipe, step: 3).masks)
        #expect(
            whole.sorted() == [Int](repeating: 0, count: 64) + (1...64).map { Int(256 * (0.1 + 0.4 * Double($0) / 64)) }
        )
        let (fewer, more) = (whole.reduce(0, +), 4 * expected.reduce(0, +))
        #expect((0.92...0.97).contains(Double(fewer) / Double(more)), "\(fewer) and \(more) hidden patches")
    }

    @Test func `without groups masks are drawn over the batch as ever`() throws {
        let recipe = try smoke(nil, nil)
        var stream = RandomStream(seed: UInt64(recipe.seed), .masks, 5)
        let expected = MaskBatch(
            generator: BlockMask(size: 32, patch: 8), crops: 16, share: 0.5, ratio: [0.1, 0.5], &stream)
        #expect(MaskBatch(recipe, step: 5) == expected)
    }

    @Test func `a group's masks depend on seed, step and its number alone`() throws {
        var recipe = try smoke(2, nil)
        let masks = MaskBatch(recipe, step: 5).masks
        recipe.data.accumulate = 4
        #expect(MaskBatch(recipe, step: 5).masks == masks)
        recipe.data.accumulate = nil
        recipe.data.batchSize = 4
        let fewer = MaskBatch(recipe, step: 5).masks
        #expect(fewer[..<4] == masks[..<4] && fewer[4...] == masks[8..<12])
        #expect(MaskBatch(recipe, step: 6).masks != fewer)
    }

    /// Losses, gradients' norms and the student of five steps, and the masks that they had.
    private func trained(_ recipe: PretrainingRecipe) throws -> (
        losses: [Double], norms: [Double], student: [[Float]], masks: [MaskBatch]
    ) {
        let plan = PhasePlan(recipe)
        let work = try plan.work(source: WaveTiles())[0]
        let loader = try BatchLoader(
            sampler: work.sampler, source: WaveTiles(), maker: work.maker, steps: 0..<5, threads: 1)
        let learner = try catchingTorchErrors { Learner(plan) }
        var (losses, norms): ([Double], [Double]) = ([], [])
        var masks: [MaskBatch] = []
        for _ in 0..<5 {
            let result = try learner.step(try #require(try loader.nextBatch()), keep: { masks.append($0.masks) })
            losses += [result.loss, result.dinoLocal, result.dinoGlobal, result.ibot, result.koleo]
            norms += result.norms.map(\.norm)
        }
        return (losses, norms, learner.student.parameters().map { $0.tensor.detached().floats() }, masks)
    }

    @Test func `five steps in groups are the same however many tiles are computed at once`() throws {
        let whole = try trained(smoke(2, nil))
        for parts in [2, 4] {
            let found = try trained(smoke(2, parts))
            #expect(found.masks == whole.masks)
            for (a, b) in zip(found.losses + found.norms, whole.losses + whole.norms) {
                #expect(abs(a - b) < 1e-4 * max(1, abs(b)), "\(parts) parts: \(a), \(b)")
            }
            for (mine, other) in zip(found.student, whole.student) {
                // Adam turns rounding of gradients near 0 into steps of the rate, 2e-3, so that single values may part.
                let apart = zip(mine, other).count { abs($0 - $1) > 1e-4 }
                #expect(apart <= max(1, mine.count / 100), "\(parts) parts: \(apart) of \(mine.count)")
            }
        }
        // Without groups, neighbours, paths and positions are those of a part.
        let (one, two) = (try trained(smoke(nil, nil)), try trained(smoke(nil, 2)))
        #expect(one.masks == two.masks && abs(one.losses[0] - two.losses[0]) > 1e-3)
    }

    @Test func `a group that does not fill a part is refused, and KoLeo's may differ from it`() throws {
        func error(_ change: (inout PretrainingRecipe) -> Void) throws -> PretrainingError? {
            var bad = try recipe(named: "smoke")
            change(&bad)
            return #expect(throws: PretrainingError.self) { try bad.validate() }
        }
        let odd = try error {
            $0.data.accumulate = 2
            $0.data.group = 8
        }
        #expect(
            odd?.what
                == "the recipe has data.group: 8; expected 2 or more, a divisor of the micro-batch, 4"
        )
        #expect(try error { $0.data.group = 1 }?.place == "data.group")
        #expect(
            try error {
                $0.data.group = 4
                $0.losses.koleoNeighbours = 4
            }?.place == "losses.koleo_neighbours")
        var good = try recipe(named: "smoke")
        good.data.group = 2
        good.losses.koleoGroup = 4
        try good.validate()
        // The reference's high-resolution phase: 8 tiles on a device, KoLeo over two of them.
        let highres = try recipe(named: "sat493m-vit7b-3-highres")
        #expect(highres.data.group == 8 && highres.losses.koleoGroup == 16)
    }

    @Test func `KoLeo looks for neighbours in a group, unless its own key says where`() throws {
        func koleo(_ group: Int?, _ own: Int?) throws -> Double {
            var recipe = try smoke(group, nil)
            recipe.losses.koleoGroup = own
            recipe.backbone.dropPath = 0
            // The same masks and positions for all.
            recipe.masks.share = 0
            recipe.backbone.rope.rescale = nil
            return try trained(recipe).losses[4]
        }
        let (pairs, all) = (try koleo(2, nil), try koleo(nil, nil))
        #expect(abs(pairs - all) > 1e-3)
        #expect(try koleo(nil, 2) == pairs)
        #expect(try koleo(2, 8) == all)
    }
}

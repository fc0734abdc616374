// Several processes of one run: together they draw the tiles, crops, masks and paths of one process, and no two draw the same.
import Backbone
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

    /// What the loader of a process makes for a step.
    private func batch(_ plan: PhasePlan, step: Int, _ ranks: Ranks) throws -> CropBatch {
        let work = try plan.work(source: WaveTiles(), ranks: ranks)
        let loader = try BatchLoader(work, steps: step..<step + 1, threads: 2, kind: plan.kind)
        return try #require(try loader.nextBatch())
    }

    /// The samples of a batch: the tile, and the views' pixels.
    private func samples(_ batch: CropBatch) -> [(tile: Int, views: [[Float]])] {
        let own = batch.ids.count
        func views(_ values: [Float], side: Int, _ place: Int) -> [[Float]] {
            let size = 3 * side * side
            return stride(from: place * size, to: values.count, by: own * size).map {
                Array(values[$0..<$0 + size])
            }
        }
        let (global, local) = (batch.global.values, batch.local.values)
        return (0..<own).map {
            (batch.ids[$0], views(global, side: 32, $0) + views(local, side: 16, $0))
        }
    }

    @Test(arguments: [2, 4, 8])
    func `tiles and crops of several processes are those of one`(_ count: Int) throws {
        let plan = PhasePlan(try smoke(group: nil))
        let one = try samples(batch(plan, step: 3, .single))
        let several = try (0..<count).flatMap { rank in
            try samples(batch(plan, step: 3, Ranks(rank: rank, of: count)))
        }
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

    @Test(arguments: [2, 4])
    func `a learner takes the masks and the crops of its own samples`(_ count: Int) throws {
        let recipe = try smoke(group: 2)
        let plan = PhasePlan(recipe)
        let one = try samples(batch(plan, step: 0, .single))
        let all = MaskBatch(recipe, step: 0).masks
        for rank in 0..<count {
            let ranks = Ranks(rank: rank, of: count)
            let own = ranks.samples(of: 8)
            let crops = try batch(plan, step: 0, ranks)
            let drawn = samples(crops)
            #expect(drawn.map(\.tile) == one[own].map(\.tile), "process \(rank)")
            #expect(drawn.map(\.views) == one[own].map(\.views), "process \(rank)")
            let learner = try catchingTorchErrors { Learner(plan, ranks: ranks) }
            var masks: [[Bool]] = []
            let result = try learner.step(crops, keep: { masks = $0.masks.masks })
            let expected = own.map { all[$0] } + own.map { all[8 + $0] }
            #expect(masks == expected, "process \(rank)")
            #expect(result.failure == nil && result.loss.isFinite)
        }
    }

    /// The targets of a process's samples, out of the file of a whole step.
    private func targets(in path: String, of ranks: Ranks, _ recipe: PretrainingRecipe) throws -> GivenTargets? {
        let whole = try SafetensorsFile(path: path)
        let batch = recipe.data.batchSize
        let own = ranks.samples(of: batch)
        // The rows of hidden patches, crop by crop: those of the first crops, then those of the second.
        let counts = MaskBatch(recipe, step: 0).masks.map { mask in mask.count { $0 } }
        let hidden = (Array(own) + own.map { batch + $0 }).flatMap { crop -> Range<Int> in
            let first = counts[..<crop].reduce(0, +)
            return first..<first + counts[crop]
        }
        let arrays: [(name: String, tensor: Tensor)] = try whole.names.map { name in
            let (rows, dim) = name == "targets.ibot" ? (hidden, 0) : (Array(own), 1)
            let array = try whole.tensor(name)
            let picked = (name == "masks" ? array.to(.uint8) : array)
                .indexSelect(dim: dim, indices: Tensor(rows, shape: [rows.count]))
            return (name: name, tensor: picked)
        }
        let part = "\(path).\(ranks.rank)"
        try writeSafetensors(arrays, metadata: ["step": "1"], to: part)
        var smaller = recipe
        smaller.data.batchSize = own.count
        return try StepFile(path: part).read(smaller).targets
    }

    /// A loss and its parts.
    private func losses(_ result: StepResult) -> [Double] {
        [result.loss, result.dinoLocal, result.dinoGlobal, result.ibot, result.koleo]
    }

    /// In groups, stochastic depth is numbered over all groups of the step.
    ///
    /// Without groups, several processes draw as one process does that accumulates as many micro-batches.
    @Test(arguments: [2, nil])
    func `processes that are given the same targets drop the paths of one`(_ group: Int?) throws {
        try Torch.load()
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/step.safetensors"
        var recipe = try smoke(group: group)
        recipe.backbone.dropPath = 0.4
        var whole = recipe
        whole.data.accumulate = group == nil ? 2 : nil
        let crops = try batch(PhasePlan(whole), step: 0, .single)
        let alone = try catchingTorchErrors { Learner(PhasePlan(whole)) }
        // Assignments are balanced over a process's samples: all processes take those of the whole step.
        let one = try alone.step(
            crops, keep: { try StepFile.write($0, batch: crops, recipe: whole, source: WaveTiles(), to: path) })

        let ranks = (0..<2).map { Ranks(rank: $0, of: 2) }
        /// A step on the samples of `own`, by a learner that takes itself for `named`.
        func step(_ own: Ranks, named: Ranks) throws -> StepResult {
            let learner = try catchingTorchErrors { Learner(PhasePlan(recipe), ranks: named) }
            return try learner.step(
                batch(PhasePlan(recipe), step: 0, own), masks: MaskBatch(recipe, step: 0, ranks: own),
                targets: targets(in: path, of: own, recipe))
        }
        let several = try ranks.map { try step($0, named: $0) }
        for (place, value) in losses(one).enumerated() {
            let mean = several.reduce(0) { $0 + losses($1)[place] } / 2
            #expect(abs(mean - value) < 1e-4 * max(1, abs(value)), "loss \(place): \(mean), \(value)")
        }
        // The same samples, numbered as those of the other process, drop other paths. The spread of the global crops' tokens tells; the
        // other losses of a new network hardly depend on what is dropped.
        let stranger = try step(ranks[1], named: ranks[0])
        #expect(abs(stranger.koleo - several[1].koleo) > 1e-3)
    }

    @Test func `samples and groups are shared out in order`() {
        #expect(Ranks.single.samples(of: 8) == 0..<8)
        #expect((0..<4).map { Ranks(rank: $0, of: 4).samples(of: 8) } == [0..<2, 2..<4, 4..<6, 6..<8])
        #expect((0..<2).map { Ranks(rank: $0, of: 2).groups(of: 2, batch: 8) } == [0..<2, 2..<4])
    }
}

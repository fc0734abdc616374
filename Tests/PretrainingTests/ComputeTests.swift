// How a step is computed does not show in what it gives: blocks computed again, lower precision, prototypes in chunks.
import Backbone
import FoundationEssentials
import Glibc
import Pretraining
import Telemetry
import Testing
import Torch
import Training

@Suite(.serialized)
struct ComputeTests {
    @Test func `blocks that are computed again give the same bytes`() throws {
        let folder = try TemporaryFolder()
        let (kept, again) = ("\(folder.path)/kept", "\(folder.path)/again")
        func dropping(_ recipe: inout PretrainingRecipe) { recipe.backbone.dropPath = 0.3 }
        try run(kept, change: dropping) { $0.steps = 4 }
        try run(
            again,
            change: {
                dropping(&$0)
                $0.compute = .init(recomputeBlocks: true)
            }
        ) { $0.steps = 4 }
        for part in ["student", "teacher", "optimizer"] {
            let file = CheckpointStore.fileName(part)
            #expect(
                try content("\(CheckpointStore(run: kept).path(step: 4))/\(file)")
                    == content("\(CheckpointStore(run: again).path(step: 4))/\(file)"), "\(part)")
        }
    }

    @Test(arguments: [PretrainingRecipe.Gram.Teacher?.none, .grown, .present])
    func `in lower precision the losses are about the same and everything trains`(
        anchor: PretrainingRecipe.Gram.Teacher?
    ) throws {
        try Torch.load()
        var recipe = try recipe(named: "smoke")
        if anchor == nil { recipe.backbone.dropPath = 0.2 }
        recipe.data.accumulate = 2
        recipe.optimizer.freezeLastLayerSteps = 0
        recipe.schedules.learningRate.warmupSteps = 0
        var gram = PretrainingRecipe.Gram(weight: Schedule(start: 1, peak: 1, end: 1, warmupSteps: 0, cosineSteps: 0))
        if let anchor {
            gram.teacher = anchor
            if anchor != .present { gram.crop = .init(size: 48, undistorted: true) }
            recipe.gram = gram
        }
        func results(_ compute: PretrainingRecipe.Compute?) throws -> [StepResult] {
            recipe.compute = compute
            let plan = PhasePlan(recipe)
            let work = try plan.work(source: WaveTiles())[0]
            let loader = try BatchLoader(
                sampler: work.sampler, source: WaveTiles(), maker: work.maker, steps: 0..<3, threads: 1)
            let learner = try catchingTorchErrors { Learner(plan) }
            let start = learner.student.parameters().map { $0.tensor.detached().floats() }
            let results = try (0..<3).map { _ in try learner.step(try #require(try loader.nextBatch())) }
            for ((name, tensor), before) in zip(learner.student.parameters(), start) {
                // The key third of a bias is masked, and untied norms are not there.
                #expect(tensor.dtype == .float32 && tensor.detached().floats() != before, "\(name)")
            }
            return results
        }
        let exact = try results(nil)
        let lower = try results(.init(precision: .bfloat16, recomputeBlocks: true))
        for (a, b) in zip(exact, lower) {
            #expect(b.failure == nil && a.loss != b.loss)
            #expect(abs(a.loss - b.loss) < 0.02 * a.loss, "\(a.loss) and \(b.loss)")
            #expect(abs(a.ibot - b.ibot) < 0.02 * a.ibot && abs(a.dinoLocal - b.dinoLocal) < 0.02 * a.dinoLocal)
            for (x, y) in zip(a.norms, b.norms) { #expect(abs(x.norm - y.norm) < 0.1 * x.norm, "\(x) \(y)") }
        }
    }

    @Test func `262,144 prototypes never make a whole matrix of the student's scores`() async {
        // In a process of its own, whose largest memory nobody else shares.
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try Torch.load()
            let (rows, prototypes, width) = (320, 262_144, 8)
            let tokens = Tensor.randn([rows, width], generator: Generator(seed: 1))
            let weights = Tensor.randn([prototypes, width], generator: Generator(seed: 2))
            let targets = sinkhorn(
                Tensor.randn([1, prototypes], generator: Generator(seed: 3)), temperature: 0.07, inPlace: true
            ).expanded([1, rows, prototypes])
            tokens.requiresGradient = true
            weights.requiresGradient = true
            func loss() {
                prototypeLoss(tokens, prototypes: weights, targets: .whole(targets), pairs: [[1]], temperature: 0.1)
                    .total
                    .backward()
            }
            let before = peakMemory()
            loss()
            let used = peakMemory() - before
            let whole = rows * prototypes * 4
            print("scores of \(rows) rows: \(whole / 1_000_000) MB as a whole, \(used / 1_000_000) MB used")
            // Scores, shares and gradient of a chunk of 64 MB, not of all 336 MB.
            exit(used > 0 && used < whole ? EXIT_SUCCESS : EXIT_FAILURE)
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self))
    }
}

// One step in a file: what is written, and that training on it is the step itself.
import Backbone
import Files
import FoundationEssentials
import Geo
import Pretraining
import Telemetry
import Testing
import Torch
import Training

@Suite(.serialized)
struct StepFileTests {
    private static let parts = ["student", "teacher", "optimizer"]

    /// Draws everything that a step can draw, from the first step on.
    private func change(_ recipe: inout PretrainingRecipe, parts: Int?) {
        recipe.data.accumulate = parts
        recipe.backbone.dropPath = 0.3
        recipe.schedules.learningRate.warmupSteps = 0
    }

    /// The losses of a step of a run, as the log has them.
    private func losses(_ run: String, step: Int) throws -> [String: JSONValue] {
        guard case .object(let fields) = try metrics(run)[step] else { return [:] }
        return fields.filter { ["loss", "dino_local", "dino_global", "ibot", "koleo", "gram"].contains($0.key) }
    }

    /// Writes a file's arrays anew, some of them changed.
    private func rewrite(
        _ path: String, to other: String, metadata: [String: String]? = nil,
        _ change: (inout [String: Tensor]) throws -> Void
    ) throws {
        let file = try SafetensorsFile(path: path)
        var arrays = Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.tensor($0)) })
        try change(&arrays)
        try writeSafetensors(arrays.map { ($0.key, $0.value) }, metadata: metadata ?? file.metadata, to: other)
    }

    // In float32 only. In bfloat16 two runs in one process differed twice while the whole suite ran at the same time, and never
    // alone; the cause is not known (docs/experiments.md).
    @Test(arguments: [nil, 2, 4])
    func `a replayed step has the losses of the run's own, bit for bit, and so has all that follows`(parts: Int?) throws
    {
        try Torch.load()
        let folder = try TemporaryFolder()
        let (own, plain, replayed) = ("\(folder.path)/own", "\(folder.path)/plain", "\(folder.path)/replayed")
        let file = "\(folder.path)/step3.safetensors"
        try run(own, change: { change(&$0, parts: parts) }) {
            $0.steps = 5
            $0.dump = StepDump(step: 3, path: file)
        }
        // Whoever writes a step changes nothing.
        try run(plain, change: { change(&$0, parts: parts) }) { $0.steps = 5 }
        try expectEqualRuns(own, plain, step: 5, parts: Self.parts)
        try run(replayed, change: { change(&$0, parts: parts) }) {
            $0.steps = 5
            $0.replay = [file]
        }
        #expect(try losses(own, step: 3).count == 5)
        #expect(try losses(own, step: 3) == losses(replayed, step: 3))
        for part in Self.parts {
            let name = CheckpointStore.fileName(part)
            #expect(
                try content("\(CheckpointStore(run: own).path(step: 5))/\(name)")
                    == content("\(CheckpointStore(run: replayed).path(step: 5))/\(name)"), "\(part)")
        }
        // The log says which step was.
        let flags = try metrics(replayed).map { line -> Bool in
            guard case .object(let fields) = line else { return false }
            return fields["replayed"] == .bool(true)
        }
        #expect(flags == [false, false, false, true, false, false])

        // What is in the file is what is trained on.
        for name in ["crops.global", "crops.local", "masks", "targets.dino", "targets.ibot"] {
            let (changed, other) = ("\(folder.path)/\(name).safetensors", "\(folder.path)/run-\(name)")
            try rewrite(file, to: changed) { arrays in
                let array = try #require(arrays[name])
                // Tiles, or rows, in another order: still a sound step.
                let dim = name == "targets.ibot" ? 0 : 1
                let count = array.shape[dim]
                let order = Tensor((0..<count).map { count - 1 - $0 }, shape: [count])
                arrays[name] =
                    name == "masks"
                    ? array.to(.uint8).indexSelect(dim: dim, indices: order).to(.bool)
                    : array.indexSelect(dim: dim, indices: order)
            }
            try run(other, change: { change(&$0, parts: parts) }) {
                $0.steps = 5
                $0.stopAfter = 3
                $0.replay = [changed]
            }
            #expect(try losses(own, step: 3) != losses(other, step: 3), "\(name)")
        }
    }

    @Test func `a step's file holds its crops, masks and targets`() throws {
        try Torch.load()
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/step.safetensors"
        let source = WaveTiles()
        var recipe = try recipe(named: "smoke")
        let summary = try run("\(folder.path)/run", source: source) {
            $0.steps = 2
            $0.dump = StepDump(step: 2, path: path)
        }
        #expect(summary.step == 2)
        recipe.steps = 2
        let work = try PhasePlan(recipe).work(source: source)[0]
        let loader = try BatchLoader(sampler: work.sampler, source: source, maker: work.maker, steps: 1..<2, threads: 1)
        let batch = try #require(try loader.nextBatch())
        let file = try SafetensorsFile(path: path)
        #expect(Set(file.names) == ["crops.global", "crops.local", "masks", "targets.dino", "targets.ibot"])
        #expect(try file.tensor("crops.global").shape == [2, 8, 3, 32, 32])
        #expect(try file.tensor("crops.global").floats() == batch.global.values)
        #expect(try file.tensor("crops.local").shape == [4, 8, 3, 16, 16])
        #expect(try file.tensor("crops.local").floats() == batch.local.values)
        let masks = MaskBatch(recipe, step: 1)
        #expect(try file.tensor("masks").shape == [2, 8, 16])
        #expect(try file.bytes("masks").map { $0 != 0 } == masks.masks.flatMap(\.self))
        for (name, shape) in [("targets.dino", [2, 8, 64]), ("targets.ibot", [masks.indices.count, 64])] {
            let targets = try file.tensor(name)
            #expect(targets.shape == shape)
            let sums = targets.sum([shape.count - 1]).floats()
            #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 }, "\(name)")
        }
        #expect(file.metadata["step"] == "2" && file.metadata["corpus"] == "waves-1")
        #expect(file.metadata["tiles"] == batch.ids.map(String.init).joined(separator: ","))
        let kept = try JSONDecoder().decode(
            PretrainingRecipe.self, from: Data(try #require(file.metadata["recipe"]).utf8))
        #expect(kept == recipe)
    }

    @Test func `an anchored step keeps the Gram teacher's crops, and one without masks has no targets of patches`()
        throws
    {
        try Torch.load()
        let folder = try TemporaryFolder()
        func anchored(_ recipe: inout PretrainingRecipe) {
            recipe.masks.share = 0
            var gram = PretrainingRecipe.Gram(
                weight: Schedule(start: 1, peak: 1, end: 1, warmupSteps: 0, cosineSteps: 0))
            gram.crop = .init(size: 48, undistorted: true)
            recipe.gram = gram
        }
        let path = "\(folder.path)/step.safetensors"
        try run("\(folder.path)/own", change: anchored) {
            $0.steps = 2
            $0.dump = StepDump(step: 2, path: path)
        }
        #expect(
            Set(try SafetensorsFile(path: path).names) == [
                "crops.global", "crops.local", "crops.gram", "masks", "targets.dino",
            ])
        try run("\(folder.path)/replayed", change: anchored) {
            $0.steps = 2
            $0.replay = [path]
        }
        #expect(try losses("\(folder.path)/own", step: 2)["gram"] != nil)
        #expect(try losses("\(folder.path)/own", step: 2) == losses("\(folder.path)/replayed", step: 2))
    }

    @Test func `a run may go on at a file, and live on files alone`() throws {
        try Torch.load()
        let folder = try TemporaryFolder()
        func file(_ step: Int) -> String { "\(folder.path)/step\(step).safetensors" }
        let own = "\(folder.path)/own"
        for step in 1...3 {
            try run(own) {
                $0.steps = 4
                $0.resume = step > 1
                $0.stopAfter = step
                $0.dump = StepDump(step: step, path: file(step))
            }
        }
        // Three files and no tiles.
        let source = try #require(try StepFile(path: file(1)).source)
        let alone = "\(folder.path)/alone"
        try run(alone, source: source) {
            $0.steps = 4
            $0.stopAfter = 3
            $0.replay = [file(3), file(1), file(2)]
        }
        for step in 1...3 { #expect(try losses(own, step: step) == losses(alone, step: step)) }
        let error = #expect(throws: PretrainingError.self) {
            try run("\(folder.path)/gap", source: source) {
                $0.steps = 4
                $0.replay = [file(1), file(3)]
            }
        }
        #expect(error?.what == "there is no file for step 2, and no corpus was given")
    }

    @Test func `a file that cannot be written ends the run before its step, and the remedy works`() throws {
        try Torch.load()
        let folder = try TemporaryFolder()
        let (own, plain, place) = ("\(folder.path)/own", "\(folder.path)/plain", "\(folder.path)/steps")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let error = #expect(throws: PretrainingError.self) {
            // The folder goes away while the run goes on.
            try run(
                own,
                events: PretrainEvents(step: { if $0.step == 1 { try? FileManager.default.removeItem(atPath: place) } })
            ) {
                $0.steps = 4
                $0.dump = StepDump(step: 3, path: "\(place)/step3.safetensors")
            }
        }
        #expect(error?.code == .stepFileFailed && error?.remedy?.contains("\(UserAction.resumeAndDumpStep(3))") == true)
        #expect(CheckpointStore(run: own).steps() == [2])
        try run(own) {
            $0.resume = true
            $0.dump = StepDump(step: 3, path: "\(folder.path)/step3.safetensors")
        }
        #expect(try StepFile(path: "\(folder.path)/step3.safetensors").step == 2)
        try run(plain) { $0.steps = 4 }
        try expectEqualRuns(own, plain, step: 4, parts: Self.parts)
    }

    @Test func `files and steps that do not fit are refused in words before anything is written`() throws {
        try Torch.load()
        let folder = try TemporaryFolder()
        let (own, path) = ("\(folder.path)/own", "\(folder.path)/step.safetensors")
        try run(own) {
            $0.steps = 3
            $0.dump = StepDump(step: 2, path: path)
        }
        func error(
            _ options: (inout PretrainOptions) -> Void, change: (inout PretrainingRecipe) -> Void = { _ in }
        ) -> PretrainingError? {
            let error = #expect(throws: PretrainingError.self) {
                try run("\(folder.path)/new", change: change) {
                    $0.steps = 3
                    options(&$0)
                }
            }
            #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/new"))
            return error
        }
        #expect(error { $0.dump = StepDump(step: 3, path: path) }?.code == .exists)
        let late = error { $0.dump = StepDump(step: 4, path: "\(folder.path)/other") }
        #expect(late?.what == "step 4 is not among the remaining steps" && late?.causes == ["steps 1 to 3 remain"])
        #expect(
            error { $0.dump = StepDump(step: 1, path: "\(folder.path)/no/other") }?.remedy
                == "mkdir -p '\(folder.path)/no'")
        #expect(error { $0.replay = [path, path] }?.what == "two files hold step 2")
        let wide = error({ $0.replay = [path] }, change: { $0.crops.local.size = 24 })
        #expect(
            wide?.what
                == "the file does not fit step 2 of the recipe: crops.local is F32 [4, 8, 3, 16, 16]; expected F32 [4, 8, 3, 24, 24]"
        )
        let nameless = "\(folder.path)/nameless.safetensors"
        try rewrite(path, to: nameless, metadata: [:]) { _ in }
        #expect(error { $0.replay = [nameless] }?.what == "the file does not say which step it is")
        // The remedy: the number in the metadata is all that other code must write.
        let foreign = "\(folder.path)/foreign.safetensors"
        try rewrite(path, to: foreign, metadata: ["step": "2"]) { arrays in
            arrays["targets.dino"] = nil
            arrays["targets.ibot"] = nil
        }
        try run("\(folder.path)/foreign") {
            $0.steps = 3
            $0.replay = [foreign]
        }
        // The teacher says the same that it said then.
        #expect(try losses(own, step: 2) == losses("\(folder.path)/foreign", step: 2))
        try rewrite(path, to: nameless) { $0["more"] = .ones([2]) }
        #expect(
            error { $0.replay = [nameless] }?.what.hasSuffix("it has an array more, which the step does not have")
                == true)
        // A step that is done already.
        let done = #expect(throws: PretrainingError.self) {
            try run(own) {
                $0.resume = true
                $0.replay = [path]
            }
        }
        #expect(done?.code == .badStepFile && done?.remedy == "start a new run; this one is done")
    }
}

// Several phases in one run, runs that start from others, sizes and batches that change: resumed anywhere, bit for bit.
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
struct PhaseTests {
    /// Pre-training for 6 steps, anchoring to the teacher of step 3 for 5, larger crops of two sizes for 5.
    private func threePhases(_ recipe: inout PretrainingRecipe) {
        recipe.steps = 6
        recipe.checkpoints.every = 4
        recipe.data.homogeneous = .init(subset: "even", probability: 0.4)
        let constant = Schedule(start: 2, peak: 2, end: 2, warmupSteps: 0, cosineSteps: 0)
        var anchoring = PretrainingRecipe.NextPhase(phase: "gram", steps: 5)
        var data = recipe.data
        data.batchSize = 6
        data.homogeneous = nil
        anchoring.data = data
        var gram = PretrainingRecipe.Gram(weight: constant)
        gram.teacher = .earlier
        gram.earlierStep = 3
        gram.crop = .init(size: 48, undistorted: true)
        gram.refresh = .init(first: 3, every: 1, most: 1)
        anchoring.gram = gram
        var large = PretrainingRecipe.NextPhase(phase: "highres", steps: 5, start: .teacher)
        var crops = recipe.crops
        crops.global.size = 48
        crops.otherSizes = [.init(share: 0.5, global: 64, local: 24, gram: 72)]
        large.crops = crops
        gram = PretrainingRecipe.Gram(weight: constant)
        gram.crop = .init(size: 56, undistorted: true)
        large.gram = gram
        var optimizer = recipe.optimizer
        optimizer.betas = [0.8, 0.9]
        optimizer.freezeLastLayerSteps = 1
        large.optimizer = optimizer
        recipe.then = [anchoring, large]
    }

    private func field(_ line: JSONValue, _ key: String) -> JSONValue? {
        guard case .object(let fields) = line else { return nil }
        return fields[key]
    }

    @Test func `a run of three phases goes on from any step, bit for bit`() throws {
        let folder = try TemporaryFolder()
        let whole = "\(folder.path)/whole"
        let summary = try run(whole, change: threePhases) { _ in }
        #expect(summary.end == .finished && summary.step == 16 && summary.total == 16)
        let lines = Array(try metrics(whole).dropFirst())
        #expect(
            lines.map { field($0, "phase") } == Array(repeating: .string("pretrain"), count: 6)
                + Array(repeating: .string("gram"), count: 5) + Array(repeating: .string("highres"), count: 5))
        #expect(
            lines.map { field($0, "gram") != nil } == Array(repeating: false, count: 6)
                + Array(repeating: true, count: 10))
        #expect(lines[6...10].map { field($0, "gram_refreshes") } == [0, 0, 1, 1, 1].map { .integer($0) })
        let sizes = lines[11...].map { field($0, "crop_sizes") }
        #expect(
            Set(sizes.compactMap { $0?.text }) == ["[48,16,56]", "[64,24,72]"], "both sizes, \(sizes)")
        #expect(Set(lines[..<6].compactMap { field($0, "homogeneous")?.text }) == ["true", "false"])
        #expect(field(lines[6], "homogeneous") == nil)
        for stop in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15] {
            let parts = "\(folder.path)/parts-\(stop)"
            try run(parts, change: threePhases) { $0.stopAfter = stop }
            let progress = try RunProgress(run: parts)
            #expect(progress.step == stop && !progress.isFinished)
            try run(parts, change: threePhases) {
                $0.resume = true
                $0.loaderThreads = 3
            }
            try expectEqualRuns(
                whole, parts, step: 16, parts: ["student", "teacher", "optimizer", "gram"], "at \(stop)")
        }
    }

    @Test func `the anchor of a phase is the teacher of the step that it names`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path, change: threePhases) { $0.stopAfter = 8 }
        let short = "\(folder.path)/short"
        try run(short, change: threePhases) { $0.stopAfter = 3 }
        let anchor = try SafetensorsFile(
            path: "\(CheckpointStore(run: path).path(step: 8))/\(CheckpointStore.fileName("gram"))")
        let teacher = try SafetensorsFile(
            path: "\(CheckpointStore(run: short).path(step: 3))/\(CheckpointStore.fileName("teacher"))")
        for entry in anchor.entries {
            #expect(try anchor.tensor(entry.name).floats() == teacher.tensor("backbone.\(entry.name)").floats())
        }
        // Whoever lost the file is told, and has lost nothing else.
        try FileManager.default.removeItem(atPath: "\(short)/gram-teacher-3.safetensors")
        let error = #expect(throws: PretrainingError.self) {
            try run(short, change: threePhases) { $0.resume = true }
        }
        #expect(error?.code == .badRun && error?.place.hasSuffix("gram-teacher-3.safetensors") == true)
    }

    @Test func `a phase of its own run equals that phase in one run`() throws {
        let folder = try TemporaryFolder()
        // The last phase starts from the teacher alone; its steps have the numbers 0 and up in a run of its own, so that only
        // the start can be compared.
        let first = "\(folder.path)/first"
        try run(first) { $0.steps = 4 }
        for start in [PretrainingRecipe.Start.continued, .teacher] {
            let path = "\(folder.path)/\(start.rawValue)"
            let summary = try run(path, change: { $0.start = start }) {
                $0.steps = 3
                $0.from = first
                $0.stopAfter = 0
            }
            #expect(summary.step == 0)
            let (before, after) = (CheckpointStore(run: first).path(step: 4), CheckpointStore(run: path).path(step: 0))
            for part in ["student", "teacher", "optimizer"] {
                let file = CheckpointStore.fileName(part)
                let of = start == .teacher && part == "student" ? CheckpointStore.fileName("teacher") : file
                if start == .teacher, part == "optimizer" {
                    #expect(try SafetensorsFile(path: "\(after)/\(file)").entries.isEmpty)
                } else {
                    #expect(try content("\(before)/\(of)") == content("\(after)/\(file)"), "\(start) \(part)")
                }
            }
            // What was named is in the run, and not needed again.
            let rest = try run(path, change: { $0.start = start }) { $0.resume = true }
            #expect(rest.step == 3 && rest.end == .finished)
        }
        let backbone = "\(folder.path)/backbone"
        try run(backbone, change: { $0.start = .backbone }) {
            $0.steps = 2
            $0.from = first
            $0.stopAfter = 0
        }
        #expect(
            try VisionTransformer.load(from: backbone).network.parameters().map { $0.tensor.floats() }
                == VisionTransformer.load(from: first).network.parameters().map { $0.tensor.floats() })
    }

    @Test func `a start that does not fit is refused before anything is written`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        func refusal(
            _ change: @escaping (inout PretrainingRecipe) -> Void = { _ in }, _ options: (inout PretrainOptions) -> Void
        ) throws -> PretrainingError? {
            let error = #expect(throws: PretrainingError.self) { try run(path, change: change, options) }
            #expect(!FileManager.default.fileExists(atPath: path))
            return error
        }
        let other = "\(folder.path)/other"
        try run(other, change: { $0.heads.dino.prototypes = 32 }) { $0.steps = 1 }
        var error = try refusal { $0.from = other }
        #expect(error?.code == .badRecipe && error?.what.contains("random weights") == true)
        error = try refusal({ $0.start = .continued }) { _ in }
        #expect(error?.code == .badRecipe && error?.remedy?.contains("\(Setting.from) RUN") == true)
        error = try refusal({ $0.start = .continued }) { $0.from = folder.path }
        #expect(error?.code == .badRun && error?.what.contains("no checkpoint") == true)
        // Weights of the generation before, which other commands take.
        let dinov2 = "\(folder.path)/dinov2.safetensors"
        let generation = try #require(BackboneConfiguration.preset("vits14"))
        try VisionTransformer(generation, generator: Generator(seed: 0)).save(
            to: dinov2,
            record: WeightsRecord(
                architecture: generation, mean: [0, 0, 0], std: [1, 1, 1], bands: BandInfo.rgb, gsd: nil, stretch: .none
            ))
        error = try refusal({ $0.start = .backbone }) { $0.from = dinov2 }
        #expect(
            error?.what == "geodino does not pretrain with weights of the DINOv2 family, it only uses them",
            "\(error.map(String.init(describing:)) ?? "")")
        #expect(error?.remedy?.contains("\(UserAction.applyWeights)") == true)
        error = try refusal({ $0.start = .teacher }) { $0.from = other }
        #expect(
            error?.code == .badRecipe && error?.what.contains("heads.dino.prototypes is 64, but its run has 32") == true
        )
        let (plain, strange) = ("\(folder.path)/plain", "\(folder.path)/strange")
        try run(plain) { $0.steps = 1 }
        try run(strange, change: { $0.backbone.width = 64 }) { $0.steps = 1 }
        for change in [{ $0.backbone.depth = 1 }, { $0.backbone.heads = 1 }, { $0.backbone.normEpsilon = 1e-2 }]
            as [(inout PretrainingRecipe) -> Void]
        {
            error = try refusal({
                $0.start = .teacher
                change(&$0)
            }) { $0.from = plain }
            #expect(error?.code == .badRecipe && error?.what.contains("backbone.") == true)
        }
        func given(_ recipe: inout PretrainingRecipe) {
            recipe.gram = .init(weight: Schedule(start: 2, peak: 2, end: 2, warmupSteps: 0, cosineSteps: 0))
            recipe.gram?.teacher = .given
        }
        error = try refusal(given) { $0.gramTeacher = strange }
        #expect(error?.code == .badRecipe && error?.causes.contains { $0.contains("width 64") } == true)
        error = try refusal({
            $0.start = .backbone; $0.backbone.depth = 1
        }) { $0.from = other }
        #expect(error?.code == .badRecipe && error?.causes.contains { $0.contains("depth 2") } == true)
        error = try refusal { $0.gramTeacher = other }
        #expect(error?.code == .badRecipe && error?.remedy?.hasPrefix("leave out \(Setting.gramTeacher)") == true)
        error = try refusal(threePhases) { $0.steps = 3 }
        #expect(error?.code == .badRecipe && error?.what.contains("phases") == true)
    }

    @Test func `a Gram teacher that is given stays with the run`() throws {
        let folder = try TemporaryFolder()
        let other = "\(folder.path)/other"
        try run(other, change: { $0.seed = 5 }) { $0.steps = 1 }
        func given(_ recipe: inout PretrainingRecipe) {
            var gram = PretrainingRecipe.Gram(
                weight: Schedule(start: 2, peak: 2, end: 2, warmupSteps: 0, cosineSteps: 0))
            gram.teacher = .given
            gram.from = 2
            recipe.gram = gram
        }
        let error = #expect(throws: PretrainingError.self) { try run("\(folder.path)/none", change: given) { _ in } }
        #expect(error?.remedy?.hasPrefix("\(Setting.gramTeacher) WEIGHTS") == true)
        let whole = "\(folder.path)/whole"
        try run(whole, change: given) {
            $0.steps = 5
            $0.gramTeacher = "\(other)/backbone.safetensors"
        }
        let parts = "\(folder.path)/parts"
        try run(parts, change: given) {
            $0.steps = 5
            $0.gramTeacher = other
            $0.stopAfter = 1
        }
        try FileManager.default.removeItem(atPath: other)
        try run(parts, change: given) { $0.resume = true }
        try expectEqualRuns(whole, parts, step: 5, parts: ["student", "teacher", "optimizer", "gram"])
    }

    @Test func `a run that replaces the one it starts from has read it before`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.steps = 2 }
        let teacher = try content("\(CheckpointStore(run: path).path(step: 2))/\(CheckpointStore.fileName("teacher"))")
        try run(path, change: { $0.start = .teacher }) {
            $0.steps = 3
            $0.stopAfter = 0
            $0.from = path
            $0.overwrite = true
        }
        #expect(
            teacher
                == (try content("\(CheckpointStore(run: path).path(step: 0))/\(CheckpointStore.fileName("teacher"))")))
        #expect(!FileManager.default.fileExists(atPath: "\(path).replaced"))
    }

    @Test func `a start that broke off before its first checkpoint is made anew`() throws {
        let folder = try TemporaryFolder()
        let (one, two, path) = ("\(folder.path)/one", "\(folder.path)/two", "\(folder.path)/run")
        try run(one) { $0.steps = 1 }
        try run(two) { $0.steps = 2 }
        for from in [one, two] {
            try run(path, change: { $0.start = .continued }) {
                $0.steps = 5
                $0.stopAfter = 0
                $0.from = from
                $0.resume = true
            }
            guard from == one else { break }
            try FileManager.default.removeItem(atPath: "\(path)/checkpoints")
            try FileManager.default.removeItem(atPath: "\(path)/backbone.safetensors")
        }
        #expect(field(try metrics(path)[0], "start")?.text.contains("step 2") == true)
        var notices: [String] = []
        try run(
            path, change: { $0.start = .continued }, events: PretrainEvents(notice: { notices.append("\($0)") })
        ) {
            $0.resume = true
            $0.from = "/nowhere"
        }
        #expect(notices.count == 1 && notices[0].contains("\(Setting.from) is ignored"))
    }

    @Test func `phases that contradict themselves are named`() throws {
        func refusal(_ change: (inout PretrainingRecipe) -> Void) throws -> String {
            var recipe = try recipe(named: "smoke")
            threePhases(&recipe)
            change(&recipe)
            do { try recipe.validate() } catch let error as PretrainingError { return error.what }
            return ""
        }
        #expect(try refusal { _ in } == "")
        #expect(try refusal { $0.then?[0].start = .random }.contains("then.start: random"))
        #expect(try refusal { $0.then?[0].phase = "pretrain" }.contains("then.phase"))
        #expect(try refusal { $0.then?[1].crops?.otherSizes?[0].global = 60 }.contains("phase 'highres'"))
        #expect(try refusal { $0.then?[1].crops?.otherSizes?[0].share = 1.5 }.contains("other_sizes.share"))
        #expect(try refusal { $0.then?[1].crops?.otherSizes?[0].gram = nil }.contains("other_sizes.gram"))
        #expect(try refusal { $0.then?[1].crops?.otherSizes?[0].gram = 56 }.contains("other_sizes.gram: 56"))
        #expect(try refusal { $0.then?[0].gram?.earlierStep = 7 }.contains("earlier_step: 7"))
        #expect(try refusal { $0.then?[0].gram?.earlierStep = nil }.contains("earlier_step"))
        #expect(try refusal { $0.data.homogeneous?.probability = 2 }.contains("homogeneous.probability"))
        #expect(try refusal { $0.optimizer.skipNonFinite = -1 }.contains("skip_non_finite"))
    }

    @Test func `sizes come in their shares, whatever step is asked first`() throws {
        var recipe = try recipe(named: "smoke")
        recipe.steps = 4000
        recipe.crops.otherSizes = [
            .init(share: 0.3, global: 48, local: 16), .init(share: 0.05, global: 64, local: 24),
        ]
        let plan = PhasePlan(recipe)
        let sizes = (0..<4000).map { plan.size(at: $0) }
        for (index, share) in [0.65, 0.3, 0.05].enumerated() {
            let found = Double(sizes.count { $0 == index }) / 4000
            #expect(abs(found - share) < 4 * (share * (1 - share) / 4000).squareRoot(), "\(found) of \(share)")
        }
        #expect(sizes[37] == PhasePlan(recipe).size(at: 37))
        #expect(plan.recipe(at: sizes.firstIndex(of: 2) ?? 0).crops.local.size == 24)
    }

    @Test func `homogeneous batches hold one part's tiles alone`() throws {
        var recipe = try recipe(named: "smoke")
        recipe.steps = 200
        recipe.data.homogeneous = .init(subset: "even", probability: 0.25)
        let plan = PhasePlan(recipe)
        let work = try plan.work(source: WaveTiles())
        var (pure, odd) = (0, 0)
        for step in 0..<200 {
            let ids = try work[plan.kind(at: step)].sampler.ids(step: step)
            if plan.isHomogeneous(step) {
                pure += 1
                #expect(ids.allSatisfy { $0 % 2 == 0 })
            } else {
                odd += ids.count { $0 % 2 == 1 }
            }
        }
        #expect((30...70).contains(pure))
        // The others draw from all tiles, so half of theirs are odd.
        #expect(abs(Double(odd) / Double((200 - pure) * 8) - 0.5) < 0.1)
        recipe.data.homogeneous?.subset = "missing"
        #expect(throws: PretrainingError.self) { try PhasePlan(recipe).work(source: WaveTiles()) }
    }

    @Test func `steps that are not finite are left out, counted and end the run where they go on`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        func wild(_ recipe: inout PretrainingRecipe) {
            recipe.schedules.learningRate = Schedule(start: 1e-3, peak: 1000, end: 1000, warmupSteps: 3, cosineSteps: 0)
            recipe.optimizer.clipNorm = 1e30
            recipe.optimizer.skipNonFinite = 2
            recipe.data.std = [1e-5, 1e-5, 1e-5]
            recipe.backbone.layerScale = 1e18
            recipe.checkpoints.every = 1
            recipe.diagnostics = .init(every: 1)
        }
        var notices: [String] = []
        var error = #expect(throws: TrainingError.self) {
            try run(path, change: wild, events: PretrainEvents(notice: { notices.append("\($0)") })) { _ in }
        }
        #expect(error?.code == .notFinite)
        #expect(notices.count == 2 && notices.allSatisfy { $0.contains("is skipped") }, "\(notices)")
        let lines = try metrics(path)
        #expect(lines.suffix(2).map { field($0, "loss") } == [nil, nil])
        #expect(lines.suffix(2).map { field($0, "skipped_steps") } == [.integer(1), .integer(2)])
        let store = CheckpointStore(run: path)
        let newest = try #require(store.steps().last)
        #expect(try store.verified(step: newest).skipped?.inARow == 2)
        // The next run goes on with the count, and ends at once.
        error = #expect(throws: TrainingError.self) {
            try run(path, change: wild, events: PretrainEvents(notice: { notices.append("\($0)") })) {
                $0.resume = true
            }
        }
        #expect(error?.code == .notFinite && notices.count == 2)
    }

    @Test func `a step that is not finite changes nothing`() throws {
        try Torch.load()
        let recipe = try recipe(named: "smoke")
        let plan = PhasePlan(recipe)
        let work = try plan.work(source: WaveTiles())[0]
        let loader = try BatchLoader(
            sampler: work.sampler, source: WaveTiles(), maker: work.maker, steps: 0..<3, threads: 1)
        let learner = try catchingTorchErrors { Learner(plan) }
        func state() throws -> [[Float]] {
            (learner.student.parameters() + learner.teacher.parameters() + learner.updater.state()).map {
                $0.tensor.detached().floats()
            }
        }
        _ = try learner.step(try #require(try loader.nextBatch()))
        let before = try state()
        let batch = try #require(try loader.nextBatch())
        batch.local.base[17] = .nan
        let result = try learner.step(batch)
        #expect(result.failure?.contains("step 2") == true)
        #expect(try state() == before)
        let next = try learner.step(try #require(try loader.nextBatch()))
        #expect(next.failure == nil)
        #expect(try state() != before)
    }
}

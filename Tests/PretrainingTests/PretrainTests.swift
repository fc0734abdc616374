// The running loop: loss falls, resume equals an unbroken run bit for bit, bad runs end in words.
import Backbone
import Files
import FoundationEssentials
import Geo
import Glibc
import Pretraining
import Telemetry
import Testing
import Torch
import Training

@Suite(.serialized)
struct PretrainTests {
    @Test func `a run trains, logs, saves and exports`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        var lines: [String] = []
        let summary = try run(path, events: PretrainEvents(step: { lines.append($0.line) })) { $0.steps = 25 }
        #expect(summary.end == .finished && summary.step == 25 && summary.stepsNow == 25 && !summary.isResumed)
        #expect(lines.count == 25)
        let pattern =
            /step 25\/25 \| loss \d+\.\d{3} \(dino \d+\.\d\d ibot \d+\.\d\d koleo -?\d\.\d\d\) \| lr 2\.0e-3 \| \d+ ms \| \d+ tile\/s \| eta 0:00/
        #expect(lines.last?.wholeMatch(of: pattern) != nil, "\(lines.last ?? "")")
        let metrics = try metrics(path)
        #expect(metrics.count == 26)
        func loss(_ line: JSONValue) -> Double {
            guard case .object(let fields) = line, case .number(let loss)? = fields["loss"] else { return .nan }
            return loss
        }
        let early = metrics[2...6].map(loss).reduce(0, +) / 5
        let late = metrics[21...25].map(loss).reduce(0, +) / 5
        #expect(late < early - 0.05, "\(early) to \(late)")
        #expect(CheckpointStore(run: path).steps() == [20, 25])
        let loaded = try VisionTransformer.load(from: path)
        #expect(loaded.record.architecture == .transformer(try recipe(named: "smoke").backbone))
        #expect(
            loaded.record.bands == BandInfo.rgb && loaded.record.gsd == 0.6
                && loaded.record.mean == [0.43, 0.411, 0.296])
        #expect(loaded.record.provenance["steps"] == "25" && loaded.record.provenance["corpus"] == "waves-1")
        // What is exported is the teacher of the last checkpoint.
        let teacher = try SafetensorsFile(
            path: "\(CheckpointStore(run: path).path(step: 25))/teacher-00000-of-00001.safetensors")
        for (name, tensor) in loaded.network.parameters() {
            #expect(try teacher.tensor("backbone.\(name)").floats() == tensor.floats())
        }
    }

    @Test func `twenty steps equal ten and ten more, bit for bit`() throws {
        let folder = try TemporaryFolder()
        let whole = "\(folder.path)/whole"
        let parts = "\(folder.path)/parts"
        try run(whole) { $0.steps = 20 }
        let first = try run(parts) {
            $0.steps = 20
            $0.stopAfter = 10
        }
        #expect(first.end == .stopped && first.step == 10)
        let progress = try RunProgress(run: parts)
        #expect(progress.step == 10 && progress.recipe.steps == 20 && !progress.isFinished)
        #expect(try RunProgress(run: whole).isFinished)
        #expect(throws: PretrainingError.self) { try RunProgress(run: folder.path) }
        let second = try run(parts) {
            $0.resume = true
            $0.loaderThreads = 3
        }
        #expect(second.end == .finished && second.step == 20 && second.isResumed && second.stepsNow == 10)
        try expectEqualRuns(whole, parts, step: 20, parts: ["student", "teacher", "optimizer"])
        #expect(try content("\(whole)/backbone.safetensors") == content("\(parts)/backbone.safetensors"))
    }

    /// Anchoring from step 4 on with a refresh after 7 and 10 steps, in two parts of a batch, KoLeo in pairs.
    private func anchor(_ recipe: inout PretrainingRecipe) {
        recipe.data.accumulate = 2
        recipe.losses.localWeight = Schedule(start: 1, peak: 0.5, end: 0.5, warmupSteps: 6, cosineSteps: 0)
        recipe.losses.koleoGroup = 2
        var gram = PretrainingRecipe.Gram(
            weight: Schedule(start: 0, peak: 2, end: 2, warmupSteps: 8, cosineSteps: 0))
        gram.from = 4
        gram.crop = .init(size: 48, undistorted: true)
        gram.refresh = .init(first: 7, every: 3, most: 2)
        recipe.gram = gram
    }

    @Test func `an anchored run goes on with its Gram teacher and its refreshes, bit for bit`() throws {
        let folder = try TemporaryFolder()
        let whole = "\(folder.path)/whole"
        try run(whole, change: anchor) { $0.steps = 14 }
        let lines = try metrics(whole).dropFirst().map { line -> (gram: Double?, refreshes: Int?) in
            guard case .object(let fields) = line else { return (nil, nil) }
            var found: (gram: Double?, refreshes: Int?) = (nil, nil)
            if case .number(let gram)? = fields["gram"] { found.gram = gram }
            if case .integer(let count)? = fields["gram_refreshes"] { found.refreshes = count }
            return found
        }
        #expect(lines.prefix(4).allSatisfy { $0.gram == nil && $0.refreshes == nil })
        #expect(lines.dropFirst(4).map(\.refreshes) == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
        #expect(lines.dropFirst(5).allSatisfy { ($0.gram ?? 0) > 0 })
        // Before, at and after the teacher is taken; at a refresh and after it; after the last.
        for stop in [3, 4, 5, 7, 8, 13] {
            let parts = "\(folder.path)/parts-\(stop)"
            try run(parts, change: anchor) {
                $0.steps = 14
                $0.stopAfter = stop
            }
            try run(parts, change: anchor) { $0.resume = true }
            try expectEqualRuns(
                whole, parts, step: 14, parts: ["student", "teacher", "optimizer", "gram"], "at \(stop)")
        }
    }

    @Test func `a run killed between checkpoints goes on from the last one and ends the same`() throws {
        let folder = try TemporaryFolder()
        let whole = "\(folder.path)/whole"
        let killed = "\(folder.path)/killed"
        try run(whole) { $0.steps = 14 }
        // As after kill -9: the state of step 10 is on disk, the log is three steps ahead, a save was begun.
        try run(killed) {
            $0.steps = 14
            $0.stopAfter = 13
        }
        let store = CheckpointStore(run: killed)
        try FileManager.default.removeItem(atPath: store.path(step: 13))
        try FileManager.default.removeItem(atPath: "\(killed)/backbone.safetensors")
        try FileManager.default.createDirectory(
            atPath: store.path(step: 13) + ".partial", withIntermediateDirectories: true)
        let summary = try run(killed) { $0.resume = true }
        #expect(summary.stepsNow == 4)
        #expect(try content("\(whole)/backbone.safetensors") == content("\(killed)/backbone.safetensors"))
        #expect(try metrics(whole) == metrics(killed))
        #expect(!FileManager.default.fileExists(atPath: store.path(step: 13) + ".partial"))
    }

    @Test func `a pack trains as the corpus it was made of`() throws {
        let folder = try TemporaryFolder()
        var source = WaveTiles(tileCount: 20)
        source.withHoles = true
        try FileManager.default.createDirectory(atPath: "\(folder.path)/pack", withIntermediateDirectories: true)
        try writePack(source, to: "\(folder.path)/pack", perFile: 7)
        let pack = try PackedTileSource(folder: "\(folder.path)/pack")
        try run("\(folder.path)/a", source: source) { $0.steps = 10 }
        try run("\(folder.path)/b", source: pack) { $0.steps = 10 }
        #expect(
            try content("\(folder.path)/a/backbone.safetensors") == content("\(folder.path)/b/backbone.safetensors"))
        #expect(try metrics("\(folder.path)/a") == metrics("\(folder.path)/b"))
    }

    @Test func `an interruption finishes the step and saves`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        let marker = "\(folder.path)/stop"
        let summary = try run(
            path, interrupted: { FileManager.default.fileExists(atPath: marker) },
            events: PretrainEvents(step: { if $0.step == 4 { try? Data().write(to: URL(filePath: marker)) } })
        ) { _ in }
        #expect(summary.end == .interrupted && summary.step == 4 && summary.backbone == nil)
        #expect(CheckpointStore(run: path).steps() == [4])
        #expect(!FileManager.default.fileExists(atPath: "\(path)/backbone.safetensors"))
    }

    @Test func `a damaged checkpoint is passed over with a word and the run ends the same`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) {
            $0.steps = 12
            $0.stopAfter = 11
        }
        let before = try content("\(CheckpointStore(run: path).path(step: 11))/teacher-00000-of-00001.safetensors")
        let file = "\(CheckpointStore(run: path).path(step: 11))/student-00000-of-00001.safetensors"
        try content(file).dropLast(9).write(to: URL(filePath: file))
        var told: [String] = []
        try run(path, events: PretrainEvents(notice: { told.append($0.what) })) {
            $0.resume = true
            $0.stopAfter = 11
        }
        #expect(told == ["the checkpoint of step 11 is damaged; resuming from step 10"])
        #expect(
            try content("\(CheckpointStore(run: path).path(step: 11))/teacher-00000-of-00001.safetensors") == before)
    }

    @Test func `a loss that is no number stops the run with step, tiles and checkpoint`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        // A rate that throws the weights beyond all numbers after the first checkpoint.
        let error = #expect(throws: TrainingError.self) {
            try run(
                path,
                change: {
                    $0.schedules.learningRate = Schedule(
                        start: 1e-3, peak: 1000, end: 1000, warmupSteps: 3, cosineSteps: 0)
                    $0.optimizer.clipNorm = 1e30
                    $0.data.std = [1e-5, 1e-5, 1e-5]
                    $0.backbone.layerScale = 1e18
                    $0.checkpoints.every = 1
                }
            ) { _ in }
        }
        #expect(error?.code == .notFinite)
        #expect(error?.what.contains("step ") == true)
        #expect(error?.causes.first?.hasPrefix("tiles of the batch: ") == true)
        #expect(error?.causes.last?.hasPrefix("last checkpoint: ") == true)
    }

    @Test func `resume refuses another corpus and another recipe`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.steps = 2 }
        let corpus = #expect(throws: TrainingError.self) {
            try run(path, source: WaveTiles(fingerprint: "waves-2")) { $0.resume = true }
        }
        #expect(corpus?.code == .inputsChanged)
        let changed = #expect(throws: TrainingError.self) {
            try run(path, change: { $0.masks.share = 0.4 }) { $0.resume = true }
        }
        #expect(changed?.what == "the recipe differs from the run's in masks.share: 0.4; the run has 0.5")
        #expect(throws: TrainingError.self) { try run(path) { $0.threads = 1 } }
        // More steps are no difference.
        #expect(
            try run(path) {
                $0.resume = true; $0.steps = 3
            }.step == 3)
    }

    @Test func `the weights of the start can be had without training`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        let summary = try run(path) { $0.stopAfter = 0 }
        #expect(summary.end == .stopped && summary.stepsNow == 0 && summary.loss == nil)
        let start = try VisionTransformer.load(from: path).network.parameters()
        try run(path) {
            $0.resume = true
            $0.stopAfter = 3
        }
        let later = try VisionTransformer.load(from: path).network.parameters()
        let moved = zip(start, later).filter { $0.tensor.floats() != $1.tensor.floats() }.count
        #expect(moved > start.count / 2)
    }

    @Test func `a tile that cannot be read stops the run and names it`() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: TrainingError.self) {
            try run("\(folder.path)/run", source: WaveTiles(broken: [3])) { _ in }
        }
        #expect(error?.code == .sampleFailed && error?.what.contains("tile 3") == true)
    }

    @Test func `what was learned before a bad tile is saved`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        let sampler = try TileSampler(source: WaveTiles(), subset: nil, seed: 0, batch: 8)
        let bad = try #require(
            try sampler.ids(step: 3).first { id in
                try (0..<3).allSatisfy { try !sampler.ids(step: $0).contains(id) }
            })
        #expect(throws: TrainingError.self) { try run(path, source: WaveTiles(broken: [bad])) { _ in } }
        #expect(CheckpointStore(run: path).steps() == [3])
    }

    @Test func `a last save that fails is an error, and the weights are there`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.stopAfter = 0 }
        let checkpoints = CheckpointStore(run: path).folder
        var told = 0
        let error = #expect(throws: TrainingError.self) {
            try run(
                path,
                events: PretrainEvents(
                    step: { report in
                        guard report.step == 1 else { return }
                        // No folder can be made where a file is: as on a disk that takes no more.
                        try? FileManager.default.removeItem(atPath: checkpoints)
                        try? Data().write(to: URL(filePath: checkpoints))
                    }, notice: { _ in told += 1 })
            ) {
                $0.resume = true
                $0.steps = 11
            }
        }
        #expect(error?.code == .writeFailed)
        #expect(told == 1, "the save of step 10 fails without ending the run")
        #expect(FileManager.default.fileExists(atPath: "\(path)/backbone.safetensors"))
    }

    @Test func `weights without a checkpoint are not trained over`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.steps = 3 }
        try FileManager.default.removeItem(atPath: CheckpointStore(run: path).folder)
        let (weights, lines) = (try content("\(path)/backbone.safetensors"), try content("\(path)/metrics.jsonl"))
        let error = #expect(throws: TrainingError.self) { try run(path) { ($0.resume, $0.steps) = (true, 3) } }
        #expect(error?.code == .badCheckpoint)
        #expect(try content("\(path)/backbone.safetensors") == weights)
        #expect(try content("\(path)/metrics.jsonl") == lines)
    }

    @Test func `weights that cannot be written cost no step`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.stopAfter = 1 }
        try FileManager.default.removeItem(atPath: "\(path)/backbone.safetensors")
        try FileManager.default.createDirectory(
            atPath: "\(path)/backbone.safetensors/x", withIntermediateDirectories: true)
        #expect(throws: (any Error).self) { try run(path) { ($0.resume, $0.steps) = (true, 4) } }
        #expect(CheckpointStore(run: path).steps().last == 4)
    }

    @Test func `tiles that weights could not be described by are refused before the first step`() throws {
        let folder = try TemporaryFolder()
        var source = WaveTiles()
        source.layout.gsd = 0
        #expect(throws: (any Error).self) { try run("\(folder.path)/run", source: source) { _ in } }
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
    }

    @Test func `crops that fit no memory are an error in words`() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: PretrainingError.self) {
            try run(
                "\(folder.path)/run",
                change: {
                    $0.data.batchSize = 65_536
                    $0.crops.global.size = 4096
                    $0.crops.local.size = 4096
                    $0.crops.local.count = 64
                }
            ) { _ in }
        }
        #expect(error?.code == .noMemory && error?.what.contains("does not have") == true)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
    }

    @Test func `an optimiser's memory that is not whole is refused`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.stopAfter = 2 }
        let store = CheckpointStore(run: path)
        let part = "\(store.path(step: 2))/optimizer-00000-of-00001.safetensors"
        var bytes = try content(part)
        let old = try SHA256.hex(ofFile: part)
        let name = try #require(bytes.firstRange(of: Data(".exp_avg\"".utf8)))
        bytes.replaceSubrange(name, with: Data(".exp_gva\"".utf8))
        try bytes.write(to: URL(filePath: part))
        let manifest = "\(store.path(step: 2))/manifest.json"
        var text = String(decoding: try content(manifest), as: UTF8.self)
        text = text.replacing(old, with: try SHA256.hex(ofFile: part))
        try Data(text.utf8).write(to: URL(filePath: manifest))
        let error = #expect(throws: (any Error).self) { try run(path) { ($0.resume, $0.steps) = (true, 4) } }
        #expect("\(error.map { "\($0)" } ?? "")".contains("does not belong to a parameter"))
    }

    @Test func `fewer steps than are done are refused and leave the run as it was`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) { $0.steps = 6 }
        #expect(throws: TrainingError.self) {
            try run(path) {
                $0.resume = true
                $0.steps = 3
            }
        }
        #expect(try RunProgress(run: path).recipe.steps == 6)
        #expect(
            try run(path) {
                $0.resume = true
                $0.steps = 7
            }.step == 7)
    }

    @Test func `a wrong subset leaves no run behind`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        #expect(throws: PretrainingError.self) { try run(path, change: { $0.data.subset = "odd" }) { _ in } }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `the student learns what the teacher assigns, not the uniform`() throws {
        let folder = try TemporaryFolder()
        var dino: [Double] = []
        var ibot: [Double] = []
        let recipe = try recipe(named: "smoke")
        let uniform = log(Double(recipe.heads.dino.prototypes))
        try run(
            "\(folder.path)/run",
            change: {
                let sharp = Schedule(start: 0.01, peak: 0.01, end: 0.01, warmupSteps: 0, cosineSteps: 0)
                $0.schedules.teacherTemperature = sharp
                $0.schedules.teacherMomentum = Schedule(
                    start: 0.97, peak: 0.97, end: 0.97, warmupSteps: 0, cosineSteps: 0)
                // KoLeo stays: without it so small a batch falls together.
                $0.data.batchSize = 16
                $0.schedules.learningRate = Schedule(
                    start: 0, peak: 1e-3, end: 1e-3, warmupSteps: 20, cosineSteps: 0)
                // Colours and wave lengths tell these tiles apart.
                ($0.crops.jitter.probability, $0.crops.grayscale, $0.crops.solarize) = (0, 0, 0)
                $0.crops.local.scale = [0.1, 0.32]
            },
            events: PretrainEvents(step: {
                dino.append($0.dino)
                ibot.append($0.ibot)
            })
        ) { $0.steps = 250 }
        let late = dino.suffix(10).reduce(0, +) / 10
        #expect(late < uniform - 0.05, "DINO \(late), uniform \(uniform)")
        let lateHidden = ibot.suffix(10).reduce(0, +) / 10
        // Half of the crops have hidden patches.
        #expect(lateHidden < uniform / 2 - 0.01, "iBOT \(lateHidden), uniform \(uniform / 2)")
    }

    @Test func `a model too large for the memory is an error in words`() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: TorchError.self) {
            try run(
                "\(folder.path)/run",
                change: {
                    $0.heads.dino.prototypes = 4_194_304
                    $0.heads.dino.bottleneck = 65_536
                }
            ) { _ in }
        }
        #expect(error?.code == .outOfMemory)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
    }

    @Test func `masks, drop path and untied norms all train`() throws {
        let folder = try TemporaryFolder()
        let summary = try run(
            "\(folder.path)/run",
            change: {
                $0.backbone.dropPath = 0.3
                $0.backbone.untieGlobalAndLocalNorms = true
                $0.backbone.registers = 0
                $0.backbone.ffn = .swiglu
                $0.masks.share = 0
                $0.losses.koleo = 0
            }
        ) { $0.steps = 3 }
        #expect(summary.loss?.isFinite == true)
    }
}

struct StepLineTests {
    @Test func `numbers are written as people read them`() {
        let report = StepReport(
            step: 1200, total: 20_000, loss: 9.4124, dino: 6.8, ibot: 2.5, koleo: 0.1, learningRate: 1.9e-4,
            seconds: 0.182,
            tilesPerSecond: 1408, secondsLeft: 57)
        #expect(
            report.line
                == "step 01200/20000 | loss 9.412 (dino 6.80 ibot 2.50 koleo 0.10) | lr 1.9e-4 | 182 ms | 1408 tile/s | eta 0:57"
        )
    }
}

// The training loop: read it from top to bottom.
import FoundationEssentials
public import Geo
import Glibc
import Telemetry
import Torch

/// Trains a network without labels, or goes on with training.
///
/// Teacher and student, spec sections 4 to 7. The run's folder then holds `recipe.json`, `metrics.jsonl`, `checkpoints/` and,
/// at a regular end, `backbone.safetensors`: the teacher's weights under the public names of DINOv3.
/// The same recipe, tiles and number of tensor threads give the same bytes; so does a run that was stopped, or killed, and resumed.
///
/// - Parameters:
///   - recipe: What to train; `nil` only to resume, with the run's own recipe.
///   - recipeText: The recipe as people wrote it, kept as `recipe.yaml`.
///   - source: The tiles.
///   - run: The run's folder.
///   - options: How to carry it out.
///   - events: Who is told.
///   - interrupted: Asked after each step; `true` saves and ends.
/// - Throws: `PretrainingError`; errors of the network's and tensor modules as they come.
@discardableResult
public func pretrain(
    _ recipe: PretrainingRecipe?, recipeText: String? = nil, source: any TileSource, run: String,
    options: PretrainOptions = PretrainOptions(), events: PretrainEvents = PretrainEvents(),
    interrupted: @Sendable () -> Bool = { false }
) throws -> PretrainSummary {
    let started = now()
    try Torch.load()
    var request = RunFolder.Request(recipe: recipe, recipeText: recipeText, corpus: source.fingerprint)
    (request.steps, request.seed) = (options.steps, options.seed)
    (request.resume, request.overwrite) = (options.resume, options.overwrite)
    let folder = try RunFolder(path: run, request)
    let recipe = folder.recipe
    let threads = Threads(options, ofRun: folder.tensorThreads)
    if let before = folder.tensorThreads, before != threads.tensor {
        events.notice(threads.notice(before: before, run: run))
    }
    Torch.setThreads(threads.tensor)

    // What can be refused is refused before the folder changes.
    let sampler = try TileSampler(
        source: source, subset: recipe.data.subset, seed: UInt64(recipe.seed), batch: recipe.data.batchSize)
    let maker = try CropMaker(recipe: recipe, layout: source.layout)
    let trainer = try Trainer(recipe: recipe, layout: source.layout, folder: folder, device: options.device)
    let first = try trainer.restore(corpus: source.fingerprint, notice: events.notice)
    _ = try trainer.record(source: source, step: first, provenance: options.provenance)
    let last = min(options.stopAfter.map { max($0, 0) } ?? recipe.steps, recipe.steps)
    let loader = try BatchLoader(
        sampler: sampler, source: source, maker: maker, steps: first..<max(first, last), threads: threads.loading)
    try folder.begin(tensorThreads: threads.tensor)
    let metrics = try Metrics(
        folder: folder, source: source, tiles: sampler.count, threads: threads, device: options.device,
        provenance: options.provenance, keepingThrough: first)

    var step = first
    var loss: Double?
    var saved = first > 0 ? first : nil
    var pace = Pace(total: recipe.steps)
    var end = PretrainSummary.End.finished
    func save() throws {
        guard saved != step else { return }
        try metrics.sync()
        try trainer.save(step: step, corpus: source.fingerprint)
        folder.discardReplaced()
        saved = step
    }
    /// A save in the middle that fails leaves the run alive.
    func saveOrTell() {
        do { try save() } catch { events.notice(notice(ofFailedSave: error, step: step)) }
    }

    do {
        while let batch = try loader.nextBatch() {
            if interrupted() {
                end = .interrupted
                break
            }
            let result = try trainer.step(
                batch, total: recipe.steps, lastCheckpoint: saved.map(folder.checkpoints.path(step:)))
            step += 1
            loss = result.loss
            let seconds = pace.tick(step: step)
            metrics.append(result, step: step, seconds: seconds, batch: batch.ids.count)
            events.step(
                StepReport(
                    step: step, total: recipe.steps, loss: result.loss, dino: result.dinoLocal + result.dinoGlobal,
                    ibot: result.ibot, koleo: result.koleo, learningRate: result.learningRate, seconds: seconds,
                    tilesPerSecond: Double(batch.ids.count) / pace.average, secondsLeft: pace.left(after: step)))
            if step % recipe.checkpoints.every == 0 { saveOrTell() }
        }
    } catch let error as PretrainingError where error.code == .tileFailed || error.code == .noMemory {
        // The weights are good: what was learned since the last checkpoint is kept.
        saveOrTell()
        throw error
    }
    loader.stop()
    if end != .interrupted, step < recipe.steps { end = .stopped }
    var exported: String?
    if end != .interrupted {
        // Weights first, so that a disk too full for a checkpoint does not take them away too; and a checkpoint all the
        // same where they cannot be written.
        do {
            exported = try trainer.export(
                try trainer.record(source: source, step: step, provenance: options.provenance))
        } catch {
            saveOrTell()
            throw error
        }
        folder.discardReplaced()
    }
    try save()
    return PretrainSummary(
        end: end, step: step, total: recipe.steps, stepsNow: step - first, isResumed: folder.isResumed, loss: loss,
        seconds: now() - started, backbone: exported, checkpoint: saved.map(folder.checkpoints.path(step:)))
}

/// How many threads do what.
struct Threads {
    let tensor: Int
    let loading: Int

    /// One tensor thread per core that this process may use; for loading half as many, since crops take a small part of a
    /// step's time.
    init(_ options: PretrainOptions, ofRun before: Int?) {
        let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
        tensor = max(1, options.threads ?? before ?? cores)
        loading = max(1, options.loaderThreads ?? cores / 2)
    }

    /// That a run goes on with another number of tensor threads.
    func notice(before: Int, run: String) -> PretrainingError {
        PretrainingError(
            .badRun, "the run was started with \(before) tensor threads and goes on with \(tensor)", in: run,
            why: ["sums are taken in another order, so the bytes will not be those of an unbroken run"])
    }
}

/// The time of steps, for the line that people read.
private struct Pace {
    let total: Int
    private var last = now()
    /// Seconds per step, the recent ones counting more; 0 before the first.
    private(set) var average = 0.0

    init(total: Int) { self.total = total }

    mutating func tick(step: Int) -> Double {
        let time = now()
        let seconds = time - last
        last = time
        average = average == 0 ? seconds : 0.9 * average + 0.1 * seconds
        return seconds
    }

    func left(after step: Int) -> Double { Double(total - step) * average }
}

/// Seconds of a clock that only goes forward.
func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// A save that failed, as something to know and not as the end.
private func notice(ofFailedSave error: any Error, step: Int) -> PretrainingError {
    let known = error as? PretrainingError
    return PretrainingError(
        known?.code ?? .writeFailed, "the checkpoint of step \(step) could not be saved; the run goes on",
        in: known?.place ?? "", why: causes(of: error), try: known?.remedy)
}

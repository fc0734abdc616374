// The training loop: read it from top to bottom.
import Backbone
internal import Files
import FoundationEssentials
public import Geo
import Glibc
import Telemetry
import Torch

/// Trains a network without labels, or resumes training.
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
    let plan = PhasePlan(recipe)
    let work = try plan.work(source: source)
    let checkpoint = try Trainer.newest(of: folder, corpus: source.fingerprint, notice: events.notice)
    let first = checkpoint?.step ?? 0
    let start =
        checkpoint == nil ? try StartingWeights(recipe, path: options.from, notice: events.notice) : nil
    try checkGramTeacher(options.gramTeacher, plan, isStarting: checkpoint == nil)
    if checkpoint != nil, options.from != nil {
        events.notice(notice("the run resumes from its own checkpoint; --from is ignored", run))
    }
    for text in plan.notices(device: options.device) { events.notice(notice(text, run)) }
    let trainer = try Trainer(
        recipe: recipe, layout: source.layout, folder: folder, device: options.device, after: first)
    func record(_ step: Int) throws -> WeightsRecord {
        try trainer.record(source: source, step: step, provenance: options.provenance)
    }
    if let checkpoint { try trainer.restore(checkpoint) }
    try start?.fill(trainer.learner)
    let given = try trainer.gramTeacher(of: options.gramTeacher, isStarting: checkpoint == nil)
    try trainer.checkStoredGramTeachers(after: first, given: given != nil)
    let origin = try start?.description
    _ = try record(first)
    let last = min(options.stopAfter.map { max($0, 0) } ?? plan.total, plan.total)
    let loader = try StepSource(
        plan, work, source: source, files: options.replay, steps: first..<max(first, last), threads: threads.loading)
    try checkDump(options.dump, steps: first..<max(first, last))
    try folder.begin(tensorThreads: threads.tensor)
    let metrics = try Metrics(
        folder: folder, source: source, tiles: work[0].sampler.count, start: origin, threads: threads,
        device: options.device, provenance: options.provenance, keepingThrough: checkpoint == nil ? nil : first)
    if let given { try trainer.keepGramTeacher(given, record(first)) }
    if checkpoint == nil { try trainer.keepGramTeacher(after: 0) { try record(0) } }

    let energy = EnergyLog(
        run: folder.path, recipe, card: options.device.card, threads: threads.tensor, first: first,
        isResumed: folder.isResumed)

    var step = first
    var loss: Double?
    var saved = first > 0 ? first : nil
    var pace = Pace(total: plan.total)
    var end = PretrainSummary.End.finished
    func save() throws {
        guard saved != step else { return }
        try metrics.sync()
        try trainer.save(step: step, corpus: source.fingerprint)
        energy.save(step: step)
        // A page that cannot be drawn costs no checkpoint.
        do { try RunReport.write(run: folder.path) } catch { events.notice(notice(ofReport: error, folder.path)) }
        folder.discardReplaced()
        saved = step
    }
    /// A save in the middle that fails leaves the run alive.
    func saveOrTell() {
        do { try save() } catch { events.notice(notice(ofFailedSave: error, step: step)) }
    }

    // What was named from outside is in the run from here on.
    if start != nil || options.gramTeacher != nil, first == 0 { try save() }

    do {
        while true {
            // Waiting for tiles is a part of a step; probes and checkpoints are not.
            pace.begin()
            guard let (batch, given) = try loader.take() else { break }
            if interrupted() {
                end = .interrupted
                break
            }
            let dump = options.dump.flatMap { $0.step == step + 1 ? $0.path : nil }
            let result = try trainer.step(
                batch, given: given, lastCheckpoint: saved.map(folder.checkpoints.path(step:)),
                keep: dump.map { path in
                    { contents in
                        try StepFile.write(
                            contents, batch: batch, recipe: plan.recipe(at: batch.step), source: source, to: path)
                    }
                })
            if let failure = result.failure { events.notice(notice(ofSkipped: failure, folder.path)) }
            step += 1
            try trainer.keepGramTeacher(after: step) { try record(step) }
            loss = result.loss
            energy.update()
            let seconds = pace.tick(step: step)
            let probes = try observe(trainer, events, step: step, isLast: step == plan.total, record)
            metrics.append(
                result, Metrics.Place(plan, step: step - 1, isReplayed: given != nil), skipped: trainer.skipped.total,
                probes: probes, seconds: seconds)
            events.step(
                StepReport(
                    step: step, total: plan.total, loss: result.loss, dino: result.dinoLocal + result.dinoGlobal,
                    ibot: result.ibot, koleo: result.koleo, learningRate: result.learningRate, seconds: seconds,
                    tilesPerSecond: Double(batch.ids.count) / pace.average, secondsLeft: pace.left(after: step)))
            if step % recipe.checkpoints.every == 0 { saveOrTell() }
        }
    } catch let error as PretrainingError where [.tileFailed, .noMemory, .stepFileFailed].contains(error.code) {
        // The weights are good: what was learned since the last checkpoint is kept.
        saveOrTell()
        throw error
    }
    loader.stop()
    if end != .interrupted, step < plan.total { end = .stopped }
    var exported: String?
    if end != .interrupted {
        // Weights first, so that a disk too full for a checkpoint does not take them away too; and a checkpoint all the
        // same where they cannot be written.
        do {
            exported = try trainer.export(try record(step))
        } catch {
            saveOrTell()
            throw error
        }
        folder.discardReplaced()
    }
    try save()
    let taken = energy.save(step: step)
    return PretrainSummary(
        end: end, step: step, total: plan.total, stepsNow: step - first, isResumed: folder.isResumed, loss: loss,
        seconds: now() - started, backbone: exported, checkpoint: saved.map(folder.checkpoints.path(step:)),
        energy: taken)
}

/// Lets observers look at the teacher, where their step has come.
///
/// - Returns: The numbers that they found. One that fails is told, and the run continues.
private func observe(
    _ trainer: Trainer, _ events: PretrainEvents, step: Int, isLast: Bool, _ record: (Int) throws -> WeightsRecord
) throws -> [String: Double] {
    var found: [String: Double] = [:]
    for observer in events.observers where isLast || step % observer.every == 0 {
        do {
            // In a scope: a probe or a picture that finds no memory must not end the run.
            let numbers = try catchingTorchErrors {
                try withoutGradient { try observer.look(trainer.learner.teacher.backbone, try record(step), step) }
            }
            found.merge(numbers) { _, new in new }
        } catch let error as any ExplainedError where error.isCancellation {
            // Whoever asked for the end is heard after the step.
        } catch {
            events.notice(
                PretrainingError(
                    .badSource, "\(observer.name) failed after step \(step); the run continues", why: causes(of: error))
            )
        }
    }
    return found
}

/// Checks that weights of a Gram teacher were named where the recipe wants them, and only there.
private func checkGramTeacher(_ path: String?, _ plan: PhasePlan, isStarting: Bool) throws {
    let wanted = plan.phases.contains { $0.recipe.gram?.teacher == .given }
    if let path, !wanted {
        throw PretrainingError(
            .badRecipe, "--gram-teacher was given, but no phase of the recipe has gram.teacher: given", in: path,
            try: "leave out --gram-teacher, or set teacher: given in the recipe's gram section")
    }
    guard isStarting, wanted, path == nil else { return }
    throw PretrainingError(
        .badRecipe, "the recipe has gram.teacher: given, but --gram-teacher is missing", in: "gram.teacher",
        try: "--gram-teacher WEIGHTS, or set teacher: grown in the recipe")
}

/// Checks that the step that is to be written is one of those to come, and that nothing is in the file's way.
private func checkDump(_ dump: StepDump?, steps: Range<Int>) throws {
    guard let dump else { return }
    guard steps.contains(dump.step - 1) else { throw StepSource.notToCome(dump.step - 1, steps, dump.path) }
    guard !fileExists(dump.path) else {
        throw PretrainingError(
            .exists, "the file for step \(dump.step) exists already", in: dump.path,
            try: "remove it, or choose another file")
    }
    guard Files.isFolder(parentFolder(dump.path)) else {
        throw PretrainingError(
            .badStepFile, "the folder of the file for step \(dump.step) does not exist",
            in: dump.path,
            try: "mkdir -p \(shellQuoted(parentFolder(dump.path)))")
    }
}

/// Something that a person should know of a run.
private func notice(_ text: String, _ run: String) -> PretrainingError { PretrainingError(.badRun, text, in: run) }

/// That a step was left out.
private func notice(ofSkipped failure: String, _ run: String) -> PretrainingError {
    PretrainingError(.notFinite, "\(failure); the step is skipped", in: run)
}

/// That the page of a run could not be drawn.
private func notice(ofReport error: any Error, _ run: String) -> PretrainingError {
    PretrainingError(
        .writeFailed, "cannot write report.html; the run continues", in: run, why: causes(of: error))
}

extension Device {
    /// Index of the NVIDIA card; `nil` for the processor.
    fileprivate var card: Int? { if case .cuda(let index) = self { index } else { nil } }
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

    /// That a run continues with another number of tensor threads.
    func notice(before: Int, run: String) -> PretrainingError {
        PretrainingError(
            .badRun, "the run was started with \(before) tensor threads and continues with \(tensor)", in: run,
            why: ["sums are computed in another order, so the bytes will differ from an uninterrupted run's"])
    }
}

/// The time of steps, for the line that people read.
private struct Pace {
    let total: Int
    private var start = now()
    /// Seconds per step, the recent ones counting more; 0 before the first.
    private(set) var average = 0.0

    init(total: Int) { self.total = total }

    mutating func begin() { start = now() }

    mutating func tick(step: Int) -> Double {
        let seconds = now() - start
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
        known?.code ?? .writeFailed, "cannot save the checkpoint of step \(step); the run continues",
        in: known?.place ?? "", why: causes(of: error), try: known?.remedy)
}

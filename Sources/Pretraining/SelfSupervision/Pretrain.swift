// The training loop: read it from top to bottom.
import Backbone
internal import Files
import FoundationEssentials
public import Geo
import Glibc
import Telemetry
import Torch
import Training

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
/// - Throws: `PretrainingError`, `TrainingError`; errors of the network's and tensor modules as they come.
@discardableResult
public func pretrain(
    _ recipe: PretrainingRecipe?, recipeText: String? = nil, source: any TileSource, run: String,
    options: PretrainOptions = PretrainOptions(), events: PretrainEvents = PretrainEvents(),
    interrupted: @Sendable () -> Bool = { false }
) throws -> PretrainSummary {
    let started = now()
    try Torch.load()
    var request = RunFolder<PretrainingRecipe>.Request(
        recipe: recipe, recipeText: recipeText, inputs: RunInputs(["corpus": source.fingerprint]))
    request.results = [WeightsRecord.fileName]
    (request.steps, request.seed) = (options.steps, options.seed)
    (request.resume, request.overwrite) = (options.resume, options.overwrite)
    let folder = try RunFolder(path: run, request)
    let recipe = folder.recipe
    let threads = Threads(options, ofRun: folder.tensorThreads)
    if let notice = folder.noticeOfThreads(threads.tensor) { events.notice(notice) }
    Torch.setThreads(threads.tensor)

    // What can be refused is refused before the folder changes.
    let plan = PhasePlan(recipe)
    let work = try plan.work(source: source)
    let checkpoint = try folder.newestCheckpoint(
        result: WeightsRecord.fileName, totalSteps: plan.total, notice: events.notice)
    if let checkpoint { try recipe.refuseChangedRules(checkpoint.manifest, at: checkpoint.place) }
    let first = checkpoint?.manifest.step ?? 0
    let start =
        checkpoint == nil ? try StartingWeights(recipe, path: options.from, notice: events.notice) : nil
    try checkGramTeacher(options.gramTeacher, plan, isStarting: checkpoint == nil)
    if checkpoint != nil, options.from != nil {
        events.notice(notice("the run resumes from its own checkpoint; \(Setting.from) is ignored", run))
    }
    for text in plan.notices(device: options.device) { events.notice(notice(text, run)) }
    let trainee = try SelfSupervision(
        recipe, source: source, folder: folder.path, options: options, observers: events.observers, after: first)
    if let checkpoint { try trainee.restore(checkpoint) }
    try start?.fill(trainee.learner)
    let given = try trainee.gramTeacher(of: options.gramTeacher, isStarting: checkpoint == nil)
    try trainee.checkStoredGramTeachers(after: first, given: given != nil)
    let origin = try start?.description
    _ = try trainee.record(first)
    let last = min(options.stopAfter.map { max($0, 0) } ?? plan.total, plan.total)
    trainee.loader = try StepSource(
        plan, work, source: source, files: options.replay, steps: first..<max(first, last), threads: threads.loading)
    try checkDump(options.dump, steps: first..<max(first, last))
    try folder.begin(tensorThreads: threads.tensor)

    var settings = LoopSettings(every: recipe.checkpoints.every, threads: threads.tensor) { run in
        try RunReport.write(run: run)
    }
    (settings.keepEvery, settings.format) = (recipe.checkpoints.keepEvery, recipe.checkpointFormat)
    (settings.energy, settings.card) = (recipe.energy, options.device.card)
    let session = try TrainingRun(
        trainee, in: folder, from: checkpoint, settings: settings,
        head: PretrainMetrics.Head(
            recipe: recipe, corpus: source.fingerprint, tiles: work[0].sampler.count, start: origin,
            timing: .init(
                tensorThreads: threads.tensor, device: "\(options.device)", torch: try Torch.info().version,
                program: options.provenance)), notice: events.notice)
    if let given { try trainee.keepGramTeacher(given, trainee.record(first)) }
    if checkpoint == nil { try trainee.finished(step: 0) }
    // What was named from outside is in the run from here on.
    if start != nil || options.gramTeacher != nil, first == 0 { try session.save() }

    let end = try session.run(
        until: last, told: { events.step(StepReport($0.result, $1)) }, interrupted: interrupted)
    trainee.loader?.stop()
    var exported: String?
    if end != .interrupted {
        // Weights first, so that a disk too full for a checkpoint does not take them away too; and a checkpoint all the
        // same where they cannot be written.
        do {
            exported = try trainee.export(try trainee.record(session.step))
        } catch {
            session.saveOrTell()
            throw error
        }
        folder.discardReplaced()
    }
    try session.save()
    return PretrainSummary(
        end: PretrainSummary.End(end), step: session.step, total: plan.total, stepsNow: session.step - first,
        isResumed: folder.isResumed, loss: session.loss, seconds: now() - started, backbone: exported,
        checkpoint: session.saved.map(folder.checkpoints.path(step:)), energy: session.energyReport())
}

/// Checks that weights of a Gram teacher were named where the recipe wants them, and only there.
private func checkGramTeacher(_ path: String?, _ plan: PhasePlan, isStarting: Bool) throws {
    let wanted = plan.phases.contains { $0.recipe.gram?.teacher == .given }
    if let path, !wanted {
        throw PretrainingError(
            .badRecipe, "\(Setting.gramTeacher) was given, but no phase of the recipe has gram.teacher: given",
            in: path,
            try: "leave out \(Setting.gramTeacher), or set teacher: given in the recipe's gram section")
    }
    guard isStarting, wanted, path == nil else { return }
    throw PretrainingError(
        .badRecipe, "the recipe has gram.teacher: given, but \(Setting.gramTeacher) is missing", in: "gram.teacher",
        try: "\(Setting.gramTeacher) WEIGHTS, or set teacher: grown in the recipe")
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
}

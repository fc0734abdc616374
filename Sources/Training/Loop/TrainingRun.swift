// The training loop: read it from top to bottom.
internal import Files
package import Telemetry
internal import Torch

/// How a loop ended.
package enum LoopEnd: Sendable {
    /// All steps are done.
    case finished
    /// At the step that was asked for.
    case stopped
    /// The user asked to stop; the state is saved.
    case interrupted
}

/// What a loop needs to know besides what it trains.
package struct LoopSettings: Sendable {
    /// Steps between checkpoints.
    package var every: Int
    /// Checkpoints at multiples of this many steps stay; 0 for none.
    package var keepEvery = 0
    /// The version of the checkpoints' format.
    package var format = 1
    /// Factors of the energy report.
    package var energy: EnergySettings?
    /// Index of the NVIDIA card that computes; `nil` for the processor.
    package var card: Int?
    /// Threads of the tensor library.
    package var threads: Int
    /// The page of the run, drawn with each checkpoint.
    package var report: @Sendable (_ run: String) throws -> Void

    /// Settings; the rest are the defaults.
    package init(every: Int, threads: Int, report: @escaping @Sendable (_ run: String) throws -> Void) {
        self.every = every
        self.threads = threads
        self.report = report
    }
}

/// One session of a run: steps, checkpoints, metrics, energy and the page, the same for all that is trained.
///
/// A run that was stopped, or killed, and resumed ends in the bytes of an uninterrupted one.
package final class TrainingRun<Learner: Trainee, Recipe: RunRecipe> {
    /// What learns.
    package let trainee: Learner
    /// Steps done.
    package private(set) var step: Int
    /// Steps that were left out since they were not finite.
    package private(set) var skipped: CheckpointManifest.Skipped
    /// Loss of the last step; `nil` where this session did none.
    package private(set) var loss: Double?
    /// The step of the newest checkpoint; `nil` without one.
    package private(set) var saved: Int?

    private let folder: RunFolder<Recipe>
    private let settings: LoopSettings
    private let first: Int
    private let metrics: RunMetrics<Learner.Outcome.Line>
    private let energy: EnergyLog
    private let notice: (any ExplainedError) -> Void
    /// Told of the step of each checkpoint that was written.
    package var didSave: (Int) -> Void = { _ in }

    /// Opens the logs of a folder that has begun.
    ///
    /// - Parameters:
    ///   - checkpoint: Where the trainee's state is from; `nil` for a start.
    ///   - head: The first line of the metrics.
    ///   - notice: Told what a person should know.
    package init(
        _ trainee: Learner, in folder: RunFolder<Recipe>, from checkpoint: StoredCheckpoint?, settings: LoopSettings,
        head: some Encodable, notice: @escaping (any ExplainedError) -> Void
    ) throws {
        self.trainee = trainee
        self.folder = folder
        self.settings = settings
        self.notice = notice
        first = checkpoint?.manifest.step ?? 0
        step = first
        saved = checkpoint == nil ? nil : first
        skipped = checkpoint?.manifest.skipped ?? CheckpointManifest.Skipped()
        metrics = try RunMetrics(run: folder.path, keepingThrough: checkpoint == nil ? nil : first, head: head)
        energy = EnergyLog(
            run: folder.path, settings.energy, card: settings.card, threads: settings.threads, first: first,
            isResumed: folder.isResumed)
    }

    /// Steps until one, an interruption or an error; a checkpoint now and then.
    ///
    /// - Parameters:
    ///   - last: The step after which to end.
    ///   - told: Told of each step as it ends.
    ///   - interrupted: Asked before each step.
    /// - Throws: `notFinite` where more steps in a row were left out than the trainee allows; what the trainee throws. After an error
    ///   that leaves its state whole, that is saved first.
    package func run(
        until last: Int, told: (Learner.Outcome, StepTime) -> Void, interrupted: () -> Bool
    ) throws -> LoopEnd {
        var pace = Pace(total: trainee.totalSteps)
        while step < last {
            if interrupted() { return .interrupted }
            // Waiting for samples is a part of a step; probes and checkpoints are not.
            pace.begin()
            let batch: Learner.Batch
            do {
                guard let next = try trainee.nextBatch() else { break }
                batch = next
            } catch let error as any ExplainedError where error.isCancellation {
                // What was being waited for was given up; nothing of this step was done yet.
                return .interrupted
            } catch {
                // The state is good: what was learned since the last checkpoint is kept.
                saveOrTell()
                throw error
            }
            // Once more: what was waited for may have taken long.
            if interrupted() { return .interrupted }
            let outcome: Learner.Outcome
            do { outcome = try trainee.step(batch) } catch  where trainee.isWhole(after: error) {
                saveOrTell()
                throw error
            }
            try count(outcome, batch)
            step += 1
            try trainee.finished(step: step)
            loss = outcome.loss
            energy.update()
            let time = pace.tick(step: step, samples: outcome.samples)
            let probes = trainee.observe(step: step, isLast: step == trainee.totalSteps, notice: notice)
            metrics.append(
                .init(
                    step: step, fields: outcome.line, skippedSteps: skipped.total == 0 ? nil : skipped.total,
                    probes: probes.isEmpty ? nil : probes.filter(\.value.isFinite),
                    sampleName: Learner.sampleName, seconds: time.seconds, samples: outcome.samples))
            told(outcome, time)
            if step % settings.every == 0 { saveOrTell() }
        }
        return step < trainee.totalSteps ? .stopped : .finished
    }

    /// Counts a step that was left out.
    private func count(_ outcome: Learner.Outcome, _ batch: Learner.Batch) throws {
        guard let failure = outcome.failure else {
            skipped.inARow = 0
            return
        }
        skipped.inARow += 1
        skipped.total += 1
        guard skipped.inARow <= trainee.allowedSkips(at: step) else {
            let (causes, remedy) = trainee.explainNotFinite(batch)
            throw TrainingError(
                .notFinite, failure, in: folder.path,
                why: causes + ["last checkpoint: \(saved.map(folder.checkpoints.path(step:)) ?? "none")"], try: remedy)
        }
        notice(TrainingError(.notFinite, "\(failure); the step is skipped", in: folder.path))
    }

    /// Writes a checkpoint of the steps done, if there is none yet; metrics first, energy and page with it.
    package func save() throws {
        guard saved != step else { return }
        try metrics.sync()
        try folder.checkpoints.save(
            step: step, format: settings.format, inputs: folder.inputs, seed: folder.recipe.runSeed,
            samples: trainee.samples(before: step), skipped: skipped, keepEvery: settings.keepEvery,
            parts: trainee.parts().map(part))
        energy.save(step: step)
        // A page that cannot be drawn costs no checkpoint.
        do { try settings.report(folder.path) } catch {
            notice(
                TrainingError(
                    .writeFailed, "cannot write report.html; the \(folder.kind) continues", in: folder.path,
                    why: causes(of: error)
                ))
        }
        folder.discardReplaced()
        saved = step
        didSave(step)
    }

    /// A save in the middle that fails leaves the run alive.
    package func saveOrTell() {
        do { try save() } catch {
            let known = error as? TrainingError
            notice(
                TrainingError(
                    known?.code ?? .writeFailed,
                    "cannot save the checkpoint of step \(step); the \(folder.kind) continues",
                    in: known?.place ?? "", why: causes(of: error), try: known?.remedy))
        }
    }

    /// What the run has taken so far, this session included.
    package func energyReport() -> EnergyReport { energy.save(step: step) }
}

/// A part of a checkpoint as a file of tensors.
private func part(_ name: String, _ tensors: [(name: String, tensor: Tensor)]) -> CheckpointStore.Part {
    let bytes = tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.byteCount + 200 }
    return .init(name: CheckpointStore.fileName(name), bytes: bytes) { path in
        try catchingTorchErrors {
            // The hash is of what was to be written, so that reading the file back finds what the disk changed.
            try writeSafetensors(tensors, metadata: ["format": "pt"], to: path, hashing: true) ?? ""
        }
    }
}

extension RunFolder {
    /// The newest sound checkpoint of a run that is resumed; `nil` where it has none yet.
    ///
    /// - Parameters:
    ///   - result: The name of the file that a run leaves at its end.
    ///   - notice: Told about damaged checkpoints that were passed over.
    /// - Throws: `badCheckpoint`, `newerFormat`; `badRun` where more steps are done than are asked for.
    package func newestCheckpoint(
        result: String?, totalSteps: Int, notice: (any ExplainedError) -> Void
    ) throws -> StoredCheckpoint? {
        guard isResumed else { return nil }
        guard let manifest = try checkpoints.newestSound(notice: { notice($0) }) else {
            // From the start again, where nothing would be lost by it.
            if let result, fileExists("\(path)/\(result)") {
                throw TrainingError(
                    .badCheckpoint, "the \(kind) has weights, but no checkpoint to resume from", in: path,
                    try:
                        "use the weights as they are, start a new run in another folder, or replace this run with \(Setting.overwrite)"
                )
            }
            return nil
        }
        let place = checkpoints.path(step: manifest.step)
        let differences = manifest.inputs.differences(from: inputs)
        guard differences.isEmpty, manifest.random.seed == recipe.runSeed else {
            throw TrainingError(
                .badCheckpoint, "the checkpoint belongs to another \(kind)", in: place,
                why: differences
                    + (manifest.random.seed == recipe.runSeed
                        ? [] : ["its seed is \(manifest.random.seed), the \(kind)'s is \(recipe.runSeed)"]),
                try: "remove it, or restore the \(kind)'s folder from a copy")
        }
        guard manifest.step <= totalSteps else {
            throw TrainingError(
                .badRun,
                "the \(kind) has already done \(manifest.step) steps, more than the \(totalSteps) requested",
                in: place,
                try: "raise \(Setting.steps), or leave it out")
        }
        return StoredCheckpoint(place: place, manifest: manifest)
    }
}

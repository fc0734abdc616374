// A run's state in its folder: steps, checkpoints, export.
import Backbone
internal import Files
import Geo
import Telemetry
import Torch

/// Student, teacher and optimiser of one run, and its folder.
final class Trainer {
    /// The steps, and what they change.
    let learner: Learner
    private let recipe: PretrainingRecipe
    private let layout: PixelLayout
    private let folder: RunFolder
    /// Steps that were left out since their loss or gradient was not finite.
    private(set) var skipped = CheckpointManifest.Skipped()

    /// Makes the state of a run that has done so many steps.
    init(recipe: PretrainingRecipe, layout: PixelLayout, folder: RunFolder, device: Device, after steps: Int) throws {
        self.recipe = recipe
        self.layout = layout
        self.folder = folder
        learner = try catchingTorchErrors { Learner(PhasePlan(recipe), after: steps, device: device) }
        learner.loadGramTeacher = { gram, network in
            try StoredGramTeacher(folder: folder.path, gram).load(into: network)
        }
    }

    /// One update of student and teacher; `batch.step` counts from 0.
    ///
    /// - Parameters:
    ///   - given: Masks and targets in place of those that the step would have.
    ///   - keep: Shown what the step is computed from, before the student learns from it.
    /// - Throws: `notFinite` where more steps in a row were not finite than the recipe allows; errors of `keep`.
    func step(
        _ batch: CropBatch, given: GivenStep? = nil, lastCheckpoint: String?, keep: ((StepContents) throws -> Void)?
    ) throws -> StepResult {
        let result = try learner.step(batch, masks: given?.masks, targets: given?.targets, keep: keep)
        guard let failure = result.failure else {
            skipped.inARow = 0
            return result
        }
        skipped.inARow += 1
        skipped.total += 1
        let allowed = learner.plan.recipe(at: batch.step).optimizer.skipNonFinite ?? 0
        guard skipped.inARow <= allowed else { throw stopped(failure, batch, lastCheckpoint) }
        return result
    }

    private func stopped(_ what: String, _ batch: CropBatch, _ lastCheckpoint: String?) -> PretrainingError {
        PretrainingError(
            .notFinite, what, in: folder.path,
            why: [
                "tiles of the batch: " + batch.ids.map(String.init).joined(separator: ", "),
                "last checkpoint: \(lastCheckpoint ?? "none")",
            ],
            try:
                "inspect those tiles, or start a new run with a lower schedules.learning_rate.peak or optimizer.clip_norm"
        )
    }

    // MARK: Checkpoints

    /// Saves everything that the next step needs.
    func save(step: Int, corpus: String) throws {
        func part(_ name: String, _ tensors: [(name: String, tensor: Tensor)]) -> CheckpointStore.Part {
            let bytes = tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.byteCount + 200 }
            return .init(name: CheckpointStore.fileName(name), bytes: bytes) { path in
                try catchingTorchErrors {
                    // The hash is of what was to be written, so that reading the file back finds what the disk changed.
                    try writeSafetensors(tensors, metadata: ["format": "pt"], to: path, hashing: true) ?? ""
                }
            }
        }
        try folder.checkpoints.save(
            step: step, format: recipe.checkpointFormat, corpus: corpus, seed: recipe.seed,
            samples: learner.plan.samples(before: step),
            skipped: skipped, keepEvery: recipe.checkpoints.keepEvery,
            parts: [
                part("student", learner.student.parameters()), part("teacher", learner.teacher.parameters()),
                part("optimizer", learner.updater.state()),
            ] + (learner.gramTeacher.map { [part("gram", $0.parameters())] } ?? []))
    }

    /// The newest sound checkpoint of a run that is resumed; `nil` where it has none yet.
    static func newest(of folder: RunFolder, corpus: String, notice: (any ExplainedError) -> Void) throws
        -> CheckpointManifest?
    {
        guard folder.isResumed else { return nil }
        guard let manifest = try folder.checkpoints.newestSound(notice: { notice($0) }) else {
            // From the start again, where nothing would be lost by it.
            guard !fileExists("\(folder.path)/\(VisionTransformer.fileName)") else {
                throw PretrainingError(
                    .badCheckpoint, "the run has weights, but no checkpoint to resume from", in: folder.path,
                    try:
                        "use the weights as they are, start a new run in another folder, or replace this run with --overwrite"
                )
            }
            return nil
        }
        let place = folder.checkpoints.path(step: manifest.step)
        let recipe = folder.recipe
        guard manifest.corpus == corpus, manifest.random.seed == recipe.seed else {
            throw PretrainingError(
                .badCheckpoint, "the checkpoint belongs to another run", in: place,
                why: [
                    "its corpus is \(manifest.corpus), the run's is \(corpus)",
                    "its seed is \(manifest.random.seed), the run's is \(recipe.seed)",
                ], try: "remove it, or restore the run's folder from a copy")
        }
        guard manifest.step <= recipe.totalSteps else {
            throw PretrainingError(
                .badRun,
                "the run has already done \(manifest.step) steps, more than the \(recipe.totalSteps) requested",
                in: place,
                try: "raise --steps, or leave it out")
        }
        try recipe.refuseChangedRules(manifest, at: place)
        return manifest
    }

    /// Takes over the state of a checkpoint of the run.
    func restore(_ manifest: CheckpointManifest) throws {
        let place = folder.checkpoints.path(step: manifest.step)
        try catchingTorchErrors {
            try learner.student.load(from: place, "student")
            try learner.teacher.load(from: place, "teacher")
            try learner.updater.restore(
                from: SafetensorsFile(path: "\(place)/\(CheckpointStore.fileName("optimizer"))"))
            let gram = CheckpointStore.fileName("gram")
            if manifest.files.contains(where: { $0.name == gram }) {
                let network = learner.teacher.backbone.copy()
                try network.load(from: try SafetensorsFile(path: "\(place)/\(gram)"))
                learner.gramTeacher = network
            }
        }
        skipped = manifest.skipped ?? CheckpointManifest.Skipped()
    }

    /// Keeps the teacher as it is after a number of steps, where a later phase asks for it.
    ///
    /// Before the next checkpoint, so that a run that resumes from that one finds it.
    func keepGramTeacher(after steps: Int, _ record: () throws -> WeightsRecord) throws {
        let grams = learner.plan.phases.compactMap(\.recipe.gram)
        guard let gram = grams.first(where: { $0.teacher == .earlier && $0.earlierStep == steps }) else { return }
        let path = StoredGramTeacher(folder: folder.path, gram).path
        do {
            try catchingTorchErrors { try learner.teacher.backbone.save(to: path, record: record(), overwrite: true) }
        } catch {
            throw PretrainingError(
                .writeFailed, "cannot save the teacher of step \(steps), to which a later phase is anchored",
                in: path,
                why: causes(of: error), try: "free some space, then resume with --resume from the last checkpoint")
        }
    }

    /// Reads the weights that were named for a Gram teacher, where the run does not have them.
    ///
    /// - Parameters:
    ///   - path: What was named; `nil` for nothing.
    ///   - isStarting: Whether the run has no state yet, so that a file that is there is left from a start that broke off.
    func gramTeacher(of path: String?, isStarting: Bool) throws -> VisionTransformer? {
        guard let path, isStarting || !fileExists(StoredGramTeacher.given(folder: folder.path)) else {
            return nil
        }
        let network = try catchingTorchErrors { learner.teacher.backbone.copy() }
        try network.takeParameters(of: path)
        return network
    }

    /// Keeps weights for a phase whose Gram teacher is given.
    func keepGramTeacher(_ network: VisionTransformer, _ record: WeightsRecord) throws {
        try catchingTorchErrors {
            try network.save(to: StoredGramTeacher.given(folder: folder.path), record: record, overwrite: true)
        }
    }

    /// Checks that the Gram teachers are there that the rest of a run needs from its folder: better now than at their phase.
    ///
    /// - Parameter given: Whether the one that is given is at hand, and about to be kept.
    func checkStoredGramTeachers(after steps: Int, given: Bool) throws {
        for phase in learner.plan.phases where steps < phase.steps.upperBound {
            guard let gram = phase.recipe.gram, gram.teacher == .given || gram.teacher == .earlier else { continue }
            // The checkpoint has it from the first anchored step on; before its own step it is still to come.
            let begun = steps > phase.steps.lowerBound + (gram.from ?? 0)
            if begun || gram.teacher == .given && given { continue }
            if let step = gram.earlierStep, steps < step || steps == 0 { continue }
            try StoredGramTeacher(folder: folder.path, gram).check()
        }
    }

    /// What the weights of the run say about themselves.
    ///
    /// - Throws: where the tiles' description or the recipe does not suit weights; asked before the first step.
    func record(source: any TileSource, step: Int, provenance: [String: String]) throws -> WeightsRecord {
        var origin = provenance
        origin["recipe"] = recipe.name
        origin["corpus"] = source.fingerprint
        origin["steps"] = String(step)
        origin["seed"] = String(recipe.seed)
        origin["weights"] = "teacher"
        let data = learner.plan.phase(at: max(step - 1, 0)).recipe.data
        let record = WeightsRecord(
            architecture: recipe.backbone, mean: data.mean, std: data.std, bands: layout.bands,
            gsd: layout.gsd, stretch: layout.stretch, provenance: origin)
        try record.validate()
        return record
    }

    /// Writes the teacher's backbone for use.
    ///
    /// - Returns: The file.
    func export(_ record: WeightsRecord) throws -> String {
        let path = "\(folder.path)/\(VisionTransformer.fileName)"
        try catchingTorchErrors { try learner.teacher.backbone.save(to: path, record: record, overwrite: true) }
        return path
    }
}

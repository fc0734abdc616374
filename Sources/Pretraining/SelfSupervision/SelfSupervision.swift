// The self-supervised engine as what a run trains: batches in, reports out, state in parts.
import Backbone
internal import Files
import Geo
import Telemetry
import Torch
import Training

/// Student, teacher and optimiser of one run.
final class SelfSupervision: Trainee {
    /// A step's crops; masks and targets too where it comes from a file.
    typealias Batch = (crops: CropBatch, given: GivenStep?)

    /// One step's result and place.
    struct Outcome: StepOutcome {
        let result: StepResult
        let place: PretrainMetrics.Place

        var loss: Double { result.loss }
        var failure: String? { result.failure }
        var samples: Int { place.batch }
        var line: PretrainMetrics.Line { .init(result, place) }
    }

    static let sampleName = "tiles"

    /// The steps, and what they change.
    let learner: Learner
    /// Where batches come from; set before the first step.
    var loader: StepSource?
    private let recipe: PretrainingRecipe
    private let source: any TileSource
    /// The run's folder.
    private let folder: String
    private let options: PretrainOptions
    private let observers: [PretrainObserver]

    /// Makes the state of a run that has done so many steps.
    init(
        _ recipe: PretrainingRecipe, source: any TileSource, folder: String, options: PretrainOptions,
        observers: [PretrainObserver], after steps: Int
    ) throws {
        self.recipe = recipe
        self.source = source
        self.folder = folder
        self.options = options
        self.observers = observers
        learner = try catchingTorchErrors { Learner(PhasePlan(recipe), after: steps, device: options.device) }
        learner.loadGramTeacher = { gram, network in
            try StoredGramTeacher(folder: folder, gram).load(into: network)
        }
    }

    var totalSteps: Int { learner.plan.total }

    func samples(before step: Int) -> Int { learner.plan.samples(before: step) }

    func nextBatch() throws -> Batch? { try loader?.take() }

    func step(_ batch: Batch) throws -> Outcome {
        let (crops, given) = batch
        let plan = learner.plan
        let dump = options.dump.flatMap { $0.step == crops.step + 1 ? $0.path : nil }
        let result = try learner.step(
            crops, masks: given?.masks, targets: given?.targets,
            keep: dump.map { path in
                { contents in
                    try StepFile.write(
                        contents, batch: crops, recipe: plan.recipe(at: crops.step), source: self.source, to: path)
                }
            })
        return Outcome(
            result: result, place: PretrainMetrics.Place(plan, step: crops.step, isReplayed: given != nil))
    }

    /// A step that could not be written down was not learned from.
    func isWhole(after error: any Error) -> Bool { (error as? PretrainingError)?.code == .stepFileFailed }

    func allowedSkips(at step: Int) -> Int { learner.plan.recipe(at: step).optimizer.skipNonFinite ?? 0 }

    func explainNotFinite(_ batch: Batch) -> (causes: [String], remedy: String) {
        (
            ["tiles of the batch: " + batch.crops.ids.map(String.init).joined(separator: ", ")],
            "inspect those tiles, or start a new run with a lower schedules.learning_rate.peak or optimizer.clip_norm"
        )
    }

    func observe(step: Int, isLast: Bool, notice: (any ExplainedError) -> Void) -> [String: Double] {
        var found: [String: Double] = [:]
        for observer in observers where isLast || step % observer.every == 0 {
            do {
                // In a scope: a probe or a picture that finds no memory must not end the run.
                let numbers = try catchingTorchErrors {
                    try withoutGradient { try observer.look(learner.teacher.backbone, try record(step), step) }
                }
                found.merge(numbers) { _, new in new }
            } catch let error as any ExplainedError where error.isCancellation {
                // The loop notices the request to stop after this step.
            } catch {
                notice(
                    PretrainingError(
                        .badSource, "\(observer.name) failed after step \(step); the run continues",
                        why: causes(of: error)))
            }
        }
        return found
    }

    func parts() -> [(name: String, tensors: [(name: String, tensor: Tensor)])] {
        [
            ("student", learner.student.parameters()), ("teacher", learner.teacher.parameters()),
            ("optimizer", learner.updater.state()),
        ] + (learner.gramTeacher.map { [("gram", $0.parameters())] } ?? [])
    }

    func restore(_ checkpoint: StoredCheckpoint) throws {
        try catchingTorchErrors {
            try learner.student.load(from: checkpoint.place, "student")
            try learner.teacher.load(from: checkpoint.place, "teacher")
            try learner.updater.restore(from: checkpoint.requiredFile("optimizer"))
            if let file = try checkpoint.file("gram") {
                let network = learner.teacher.backbone.copy()
                try network.load(from: file)
                learner.gramTeacher = network
            }
        }
    }

    /// Keeps the teacher as it is after a number of steps, where a later phase asks for it.
    ///
    /// Before the next checkpoint, so that a run that resumes from that one finds it.
    func finished(step steps: Int) throws {
        let grams = learner.plan.phases.compactMap(\.recipe.gram)
        guard let gram = grams.first(where: { $0.teacher == .earlier && $0.earlierStep == steps }) else { return }
        let path = StoredGramTeacher(folder: folder, gram).path
        do {
            try catchingTorchErrors {
                try learner.teacher.backbone.save(to: path, record: record(steps), overwrite: true)
            }
        } catch {
            throw PretrainingError(
                .writeFailed, "cannot save the teacher of step \(steps), to which a later phase is anchored",
                in: path,
                why: causes(of: error),
                try: "free some space, then resume with \(Setting.resume) from the last checkpoint")
        }
    }

    /// Reads the weights that were named for a Gram teacher, where the run does not have them.
    ///
    /// - Parameters:
    ///   - path: What was named; `nil` for nothing.
    ///   - isStarting: Whether the run has no state yet, so that a file that is there is left from a start that broke off.
    func gramTeacher(of path: String?, isStarting: Bool) throws -> VisionTransformer? {
        guard let path, isStarting || !fileExists(StoredGramTeacher.given(folder: folder)) else {
            return nil
        }
        let network = try catchingTorchErrors { learner.teacher.backbone.copy() }
        try network.takeParameters(of: path)
        return network
    }

    /// Keeps weights for a phase whose Gram teacher is given.
    func keepGramTeacher(_ network: VisionTransformer, _ record: WeightsRecord) throws {
        try catchingTorchErrors {
            try network.save(to: StoredGramTeacher.given(folder: folder), record: record, overwrite: true)
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
            try StoredGramTeacher(folder: folder, gram).check()
        }
    }

    /// What the weights of the run say about themselves.
    ///
    /// - Throws: where the tiles' description or the recipe does not suit weights; asked before the first step.
    func record(_ step: Int) throws -> WeightsRecord {
        var origin = options.provenance
        origin["recipe"] = recipe.name
        origin["corpus"] = source.fingerprint
        origin["steps"] = String(step)
        origin["seed"] = String(recipe.seed)
        origin["weights"] = "teacher"
        let data = learner.plan.phase(at: max(step - 1, 0)).recipe.data
        let record = WeightsRecord(
            architecture: recipe.backbone, mean: data.mean, std: data.std, bands: source.layout.bands,
            gsd: source.layout.gsd, stretch: source.layout.stretch, provenance: origin)
        try record.validate()
        return record
    }

    /// Writes the teacher's backbone for use.
    ///
    /// - Returns: The file.
    func export(_ record: WeightsRecord) throws -> String {
        let path = "\(folder)/\(WeightsRecord.fileName)"
        try catchingTorchErrors { try learner.teacher.backbone.save(to: path, record: record, overwrite: true) }
        return path
    }
}

// Student, teacher and optimiser of one run: steps, checkpoints, export.
import Backbone
import Geo
import Telemetry
import Torch

/// What one step did.
struct StepResult {
    let loss: Double
    let dinoLocal: Double
    let dinoGlobal: Double
    let ibot: Double
    let koleo: Double
    let learningRate: Double
    let weightDecay: Double
    let momentum: Double
    let temperature: Double
    let hidden: Int
    let norms: GradientNorms
}

/// The state that training changes, on one thread.
final class Trainer {
    private let recipe: PretrainingRecipe
    private let layout: PixelLayout
    private let folder: RunFolder
    private let device: Device
    private let objective: Objective
    private let mask: BlockMask
    private let student: SelfSupervisedModel
    private let teacher: SelfSupervisedModel
    private let studentTensors: [Tensor]
    private let teacherTensors: [Tensor]
    private let updater: Updater
    private let learningRate: Schedule

    init(recipe: PretrainingRecipe, layout: PixelLayout, folder: RunFolder, device: Device) throws {
        self.recipe = recipe
        self.layout = layout
        self.folder = folder
        self.device = device
        objective = Objective(recipe)
        mask = BlockMask(size: recipe.crops.global.size, patch: recipe.backbone.patchSize)
        let factor = recipe.optimizer.scaling.factor(batch: recipe.data.batchSize)
        learningRate = recipe.schedules.learningRate.scaled(by: factor)
        (student, teacher, updater) = try catchingTorchErrors {
            let student = SelfSupervisedModel(recipe: recipe, device: device)
            let teacher = student.copy()
            return (student, teacher, Updater(student, recipe: recipe))
        }
        studentTensors = student.parameters().map(\.tensor)
        teacherTensors = teacher.parameters().map(\.tensor)
    }

    /// One update of student and teacher; `batch.step` counts from 0.
    func step(_ batch: CropBatch, total: Int, lastCheckpoint: String?) throws -> StepResult {
        let step = batch.step
        let schedules = recipe.schedules
        let rate = learningRate.value(at: step, of: total)
        let decay = schedules.weightDecay.value(at: step, of: total)
        let momentum = schedules.teacherMomentum.value(at: step, of: total)
        let temperature = schedules.teacherTemperature.value(at: step, of: total)
        var stream = RandomStream(seed: UInt64(recipe.seed), .masks, step)
        let masks = MaskBatch(
            generator: mask, crops: 2 * batch.ids.count, share: recipe.masks.share, ratio: recipe.masks.ratio, &stream)

        return try catchingTorchErrors {
            let input = StepInput(batch, masks: masks, recipe: recipe, device: device)
            let value = objective.value(
                student: student, teacher: teacher, input: input, temperature: temperature,
                context: .training(seed: UInt64(recipe.seed), step: step))
            let loss = value.total.item()
            let parts = (
                value.dinoLocal.item(), value.dinoGlobal.item(), value.ibot?.item() ?? 0, value.koleo.item()
            )
            guard loss.isFinite else {
                let words = "dino \(parts.0 + parts.1), ibot \(parts.2), koleo \(parts.3)"
                throw stopped("the loss of step \(step + 1) is \(loss) (\(words))", batch, lastCheckpoint)
            }
            value.total.backward()
            let norms = updater.clip()
            if let bad = norms.first(where: { !$0.norm.isFinite }) {
                throw stopped(
                    "the gradient of \(bad.module) in step \(step + 1) has the norm \(bad.norm), the loss is \(loss)",
                    batch,
                    lastCheckpoint)
            }
            updater.update(rate: rate, decay: decay, holdsPrototypes: step < recipe.optimizer.freezeLastLayerSteps)
            exponentialMovingAverage(teacherTensors, of: studentTensors, momentum: momentum)
            return StepResult(
                loss: loss, dinoLocal: parts.0, dinoGlobal: parts.1, ibot: parts.2, koleo: parts.3, learningRate: rate,
                weightDecay: decay, momentum: momentum, temperature: temperature, hidden: masks.indices.count,
                norms: norms)
        }
    }

    private func stopped(_ what: String, _ batch: CropBatch, _ lastCheckpoint: String?) -> PretrainingError {
        PretrainingError(
            .notFinite, what, in: folder.path,
            why: [
                "tiles of the batch: " + batch.ids.map(String.init).joined(separator: ", "),
                "last checkpoint: \(lastCheckpoint ?? "none")",
            ],
            try:
                "look at those tiles; else start a new run with a lower schedules.learning_rate.peak or optimizer.clip_norm"
        )
    }

    // MARK: Checkpoints

    /// Saves everything that the next step needs.
    func save(step: Int, corpus: String) throws {
        func part(_ name: String, _ tensors: [(name: String, tensor: Tensor)]) -> CheckpointStore.Part {
            let bytes = tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.byteCount + 200 }
            return .init(name: "\(name)-00000-of-00001.safetensors", bytes: bytes) { path in
                try catchingTorchErrors {
                    try writeSafetensors(tensors, metadata: ["format": "pt"], to: path)
                }
            }
        }
        try folder.checkpoints.save(
            step: step, corpus: corpus, seed: recipe.seed, samples: step * recipe.data.batchSize,
            keepEvery: recipe.checkpoints.keepEvery,
            parts: [
                part("student", student.parameters()), part("teacher", teacher.parameters()),
                part("optimizer", updater.state()),
            ])
    }

    /// Takes over the newest sound checkpoint.
    ///
    /// - Returns: The number of steps done; 0 without a checkpoint.
    func restore(corpus: String, notice: (any ExplainedError) -> Void) throws -> Int {
        guard folder.isResumed else { return 0 }
        guard let manifest = try folder.checkpoints.newestSound(notice: { notice($0) }) else {
            // From the start again, where nothing would be lost by it.
            guard !FileSystem.exists("\(folder.path)/\(VisionTransformer.fileName)") else {
                throw PretrainingError(
                    .badCheckpoint, "the run has weights, but no checkpoint to go on from", in: folder.path,
                    try: "use the weights as they are; start again in another folder, or here with --overwrite")
            }
            return 0
        }
        let place = folder.checkpoints.path(step: manifest.step)
        guard manifest.corpus == corpus, manifest.random.seed == recipe.seed else {
            throw PretrainingError(
                .badCheckpoint, "the checkpoint is another run's", in: place,
                why: [
                    "its corpus is \(manifest.corpus), the run's \(corpus)",
                    "its seed is \(manifest.random.seed), the run's \(recipe.seed)",
                ], try: "remove it, or restore the run's folder from a copy")
        }
        guard manifest.step <= recipe.steps else {
            throw PretrainingError(
                .badRun, "the run has done \(manifest.step) steps already, more than the \(recipe.steps) asked for",
                in: place,
                try: "ask for more steps, or for none")
        }
        func file(_ name: String) throws -> SafetensorsFile {
            try SafetensorsFile(path: "\(place)/\(name)-00000-of-00001.safetensors")
        }
        try catchingTorchErrors {
            for (model, name) in [(student, "student"), (teacher, "teacher")] {
                let stored = try file(name)
                for module in model.modules { try module.load(from: stored) }
            }
            try updater.restore(from: try file("optimizer"))
        }
        return manifest.step
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
        let record = WeightsRecord(
            architecture: recipe.backbone, mean: recipe.data.mean, std: recipe.data.std, bands: layout.bands,
            gsd: layout.gsd, stretch: layout.stretch, provenance: origin)
        try record.validate()
        return record
    }

    /// Writes the teacher's backbone for use.
    ///
    /// - Returns: The file.
    func export(_ record: WeightsRecord) throws -> String {
        let path = "\(folder.path)/\(VisionTransformer.fileName)"
        try catchingTorchErrors { try teacher.backbone.save(to: path, record: record, overwrite: true) }
        return path
    }
}

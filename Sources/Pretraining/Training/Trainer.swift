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
    /// `nil` without anchoring.
    let gram: Double?
    /// How often the Gram teacher was refreshed; `nil` without one of its own.
    let gramRefreshes: Int?
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
    /// An earlier teacher, where the recipe wants one and its time has come.
    private var gramTeacher: VisionTransformer?
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
            let count = recipe.data.accumulate ?? 1
            let inputs = (0..<count).map {
                StepInput(batch, masks: masks, part: $0, of: count, recipe: recipe, device: device)
            }
            let targets = objective.targets(teacher, inputs, temperature: temperature, anchor: anchor(at: step))
            var loss = 0.0
            var parts = (0.0, 0.0, 0.0, 0.0)
            var gram: Double?
            let share = 1 / Double(count)
            for (number, (input, target)) in zip(inputs, targets).enumerated() {
                let value = objective.value(
                    student: student, targets: target, input: input, step: step, of: total,
                    context: .training(seed: UInt64(recipe.seed), step: step, stream: number))
                loss += value.total.item() * share
                parts.0 += value.dinoLocal.item() * share
                parts.1 += value.dinoGlobal.item() * share
                parts.2 += (value.ibot?.item() ?? 0) * share
                parts.3 += value.koleo.item() * share
                if let part = value.gram { gram = (gram ?? 0) + part.item() * share }
                guard loss.isFinite else {
                    let words =
                        "dino \(parts.0 + parts.1), ibot \(parts.2), koleo \(parts.3)"
                        + (gram.map { ", gram \($0)" } ?? "")
                    throw stopped("the loss of step \(step + 1) is \(loss) (\(words))", batch, lastCheckpoint)
                }
                (count > 1 ? value.total * share : value.total).backward()
            }
            let norms = updater.clip()
            if let bad = norms.first(where: { !$0.norm.isFinite }) {
                throw stopped(
                    "the gradient of \(bad.module) in step \(step + 1) has the norm \(bad.norm), the loss is \(loss)",
                    batch,
                    lastCheckpoint)
            }
            updater.update(rate: rate, decay: decay, holdsPrototypes: step < recipe.optimizer.freezeLastLayerSteps)
            exponentialMovingAverage(teacherTensors, of: studentTensors, momentum: momentum)
            refreshGramTeacher(after: step + 1)
            return StepResult(
                loss: loss, dinoLocal: parts.0, dinoGlobal: parts.1, ibot: parts.2, koleo: parts.3, gram: gram,
                gramRefreshes: gramTeacher == nil ? nil : recipe.gram?.refreshes(before: step + 1), learningRate: rate,
                weightDecay: decay, momentum: momentum, temperature: temperature, hidden: masks.indices.count,
                norms: norms)
        }
    }

    /// Whose patches the student's are held against in a step.
    private func anchor(at step: Int) -> GramTeacher? {
        guard let gram = recipe.gram else { return nil }
        if gram.usesTeacher { return .present }
        guard step >= gram.from ?? 0 else { return nil }
        let network = gramTeacher ?? teacher.backbone.copy()
        gramTeacher = network
        return .earlier(network)
    }

    /// Makes the Gram teacher the present one where its time has come.
    private func refreshGramTeacher(after steps: Int) {
        guard let gram = recipe.gram, gramTeacher != nil,
            gram.refreshes(before: steps) > gram.refreshes(before: steps - 1)
        else { return }
        gramTeacher = teacher.backbone.copy()
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
            ] + (gramTeacher.map { [part("gram", $0.parameters())] } ?? []))
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
            // Taken at the start of its first step, so that a checkpoint of the step before has none.
            if let gram = recipe.gram, !gram.usesTeacher, manifest.step > gram.from ?? 0 {
                let network = teacher.backbone.copy()
                try network.load(from: try file("gram"))
                gramTeacher = network
            }
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

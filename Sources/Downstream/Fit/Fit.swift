// Fits a head on a frozen backbone, from labelled images to a model's folder.
internal import Backbone
internal import Files
internal import FoundationEssentials
package import Geo
internal import Telemetry
internal import Torch
internal import Training

/// Fits a head for a task.
///
/// The backbone is frozen. An unfinished fit is a run in `MODEL.partial` and can be resumed: everything random
/// is a function of the recipe's seed and of the step, so that with the same number of threads a resumed fit ends in the bytes of an
/// uninterrupted one.
///
/// - Parameters:
///   - recipe: How to train.
///   - weights: The backbone's weights file, or a folder that holds one.
///   - source: Images with labels; its bands and stretch rule are those of the weights.
///   - model: The folder to make.
///   - options: How to run.
///   - handler: Told of every step.
///   - interrupted: Asked before every step; `true` saves and ends.
/// - Returns: What was reached.
/// - Throws: `DownstreamError`, `TrainingError`, `BackboneError`, `TorchError`, and what the source throws.
package func fit<Task: HeadTask>(
    _ type: Task.Type, recipe: Task.Recipe, weights: String, source: any LabelledSource, model: String,
    options: FitOptions = FitOptions(), handler: @escaping (FitEvent) -> Void = { _ in },
    interrupted: () -> Bool = { false }
) throws -> FitSummary<Task.Validation> {
    try catchingTorchErrors {
        var fitting = try Fitting<Task>(recipe, weights: weights, source: source, model: model, options: options)
        return try fitting.run(handler: handler, interrupted: interrupted)
    }
}

/// One fit, from its inputs to its model.
private struct Fitting<Task: HeadTask> {
    let recipe: Task.Recipe
    let source: any LabelledSource
    let options: FitOptions
    let model: ModelFolder
    let backbone: FrozenBackbone
    var sampler: CropSampler
    var task: Task

    init(
        _ recipe: Task.Recipe, weights: String, source: any LabelledSource, model: String, options: FitOptions
    ) throws {
        var recipe = recipe
        if let steps = options.steps { recipe.steps = steps }
        try recipe.validate()
        if let threads = options.threads { Torch.setThreads(threads) }
        backbone = try FrozenBackbone(weights, seed: recipe.seed, options: options)
        try recipe.validate(for: backbone.architecture)
        try CropFeatures.checkSize(
            recipe, Task.cacheForm, width: backbone.architecture.width, patchSize: backbone.architecture.patchSize)
        let gsd = try backbone.checkedGSD(source.layout)
        task = try Task(recipe, legend: source.legend)
        sampler = try CropSampler(
            source: source, settings: recipe.cropSettings, gsd: gsd, normalizer: backbone.normalizer,
            target: task.target)
        self.recipe = recipe
        self.source = source
        self.options = options
        self.model = ModelFolder(model: model)
    }

    mutating func run(
        handler: @escaping (FitEvent) -> Void, interrupted: () -> Bool
    ) throws -> FitSummary<Task.Validation> {
        try model.prepare(overwrite: options.overwrite)
        var request = RunFolder<Task.Recipe>.Request(
            recipe: recipe, recipeText: options.recipeText,
            inputs: RunInputs([
                "pairs": source.fingerprint, "weights": backbone.sha256,
                // Options may replace what the file says.
                "normalization":
                    "mean \(backbone.record.mean), std \(backbone.record.std), bands \(backbone.record.bands.map(\.name))",
                "backbone": options.randomBackbone ? "random" : "pretrained",
            ]))
        request.kind = "fit"
        request.results = ["head.safetensors", WeightsRecord.fileName, ModelFolder.description, LabelMemory.fileName]
        (request.steps, request.resume, request.overwrite) = (recipe.steps, options.resume, options.overwrite)
        let folder = try RunFolder(path: model.fit, request)
        let checkpoint = try folder.newestCheckpoint(result: nil, totalSteps: recipe.steps) {
            handler(.notice($0))
        }
        let memory = LabelMemory(folder: folder.isResumed ? folder.path : nil)
        do {
            try task.prepare(&sampler, memory: memory) { done, total in
                handler(.looking(done: done, total: total))
                return !interrupted()
            }
        } catch let error as any ExplainedError where error.isCancellation {
            // Without a checkpoint nothing is there to resume.
            guard let checkpoint else { throw error }
            return FitSummary(
                model: model.model, step: checkpoint.manifest.step, steps: recipe.steps, isComplete: false,
                wasInterrupted: true, loss: nil,
                validation: nil)
        }
        try checkComparison()
        let trainee = HeadTrainee(
            task, recipe: folder.recipe, patchSize: backbone.architecture.patchSize,
            tokenWidth: backbone.architecture.width, fingerprint: source.fingerprint, device: options.device)
        if let checkpoint { try trainee.restore(checkpoint) }
        // The bits of a fit depend on how many threads share a product.
        let threads = options.threads ?? folder.tensorThreads ?? Torch.threads
        Torch.setThreads(threads)
        if let notice = folder.noticeOfThreads(threads) { handler(.notice(notice)) }
        try folder.begin(tensorThreads: threads)
        memory.keep(in: folder.path)
        var session: TrainingRun<HeadTrainee<Task>, Task.Recipe>?
        do {
            return try train(
                trainee, folder, checkpoint, &session, handler: handler, interrupted: interrupted)
        } catch {
            // Nothing was learned: a folder left behind would only stand in the way of the next try.
            if checkpoint == nil, session?.step ?? 0 == 0 { folder.abandon() }
            throw error
        }
    }

    private func train(
        _ trainee: HeadTrainee<Task>, _ folder: RunFolder<Task.Recipe>, _ checkpoint: StoredCheckpoint?,
        _ opened: inout TrainingRun<HeadTrainee<Task>, Task.Recipe>?, handler: @escaping (FitEvent) -> Void,
        interrupted: () -> Bool
    ) throws -> FitSummary<Task.Validation> {
        let steps = recipe.steps
        let last = min(options.stopAfter ?? steps, steps)
        let (name, task, curves, families) = (options.name, Task.name, Task.curves, Task.curveFamilies)
        var settings = LoopSettings(every: recipe.checkpointEvery, threads: Torch.threads) { run in
            try writeReport(run: run, name: name, task: task, curves: curves, families: families, steps: steps)
        }
        settings.card = options.device.card
        let session = try TrainingRun(
            trainee, in: folder, from: checkpoint, settings: settings,
            head: FitLogHead(task: Task.name, recipe: recipe, backbone: backbone.sha256, pairs: source.count),
            notice: { handler(.notice($0)) })
        opened = session
        var losses: [Double] = []
        func summary(interrupted: Bool, _ validation: Task.Validation? = nil) -> FitSummary<Task.Validation> {
            FitSummary(
                model: model.model, step: session.step, steps: steps,
                isComplete: !interrupted && session.step == steps && ModelFolder.isModel(model.model),
                wasInterrupted: interrupted,
                loss: losses.isEmpty ? nil : losses.reduce(0, +) / Double(losses.count), validation: validation)
        }
        session.didSave = { handler(.saved(step: $0)) }
        trainee.scoring = { [self] in try scores($0) }
        trainee.validated = {
            handler(.validated(FitValidation(step: $0, steps: steps, words: $1)))
        }
        if session.step < last {
            do {
                trainee.features = try CropFeatures(
                    sampler: sampler, backbone: backbone.network, taps: recipe.taps, batch: recipe.batch,
                    cached: recipe.cachedCrops, form: Task.cacheForm, megabytes: recipe.cacheMegabytes
                ) { done, total in
                    handler(.caching(done: done, total: total))
                    return !interrupted()
                }
            } catch let error as any ExplainedError where error.isCancellation {
                return summary(interrupted: true)
            }
            let end = try session.run(
                until: last,
                told: { outcome, time in
                    losses.append(outcome.loss)
                    if losses.count > 50 { losses.removeFirst() }
                    handler(.step(FitStep(outcome, time)))
                }, interrupted: interrupted)
            if end == .interrupted || session.step < steps {
                try session.save()
            } else {
                // The model is what counts: a disk too full for a last checkpoint does not take it away too.
                session.saveOrTell()
            }
            if end == .interrupted { return summary(interrupted: true) }
        }
        guard session.step == steps else { return summary(interrupted: false) }
        let head: any DenseHead
        var validation: Task.Validation?
        do {
            let (chosen, choice) = try trainee.chosen()
            head = chosen
            validation = try self.validation(chosen)
            if let choice, let found = validation { validation = self.task.noting(choice, in: found) }
        } catch let error as any ExplainedError where error.isCancellation {
            // All steps are done; what they are worth is found out after a resume.
            return summary(interrupted: true)
        }
        folder.discardReplaced()
        try writeModel(head, validation, folder: folder.path)
        return summary(interrupted: false, validation)
    }

    /// Refuses to choose from learning rates where nothing would tell them apart.
    private func checkComparison() throws {
        guard recipe.optimizer.learningRates != nil,
            sampler.labelledHeldOut?.isEmpty ?? sampler.validationWindows().isEmpty
        else { return }
        throw DownstreamError(
            .badRecipe, "learning rates are compared on held-out ground, but no labelled ground is held out",
            in: "optimizer.learning_rates",
            why: recipe.validation.share == 0 ? ["validation.share is 0"] : ["no held-out block shows a label"],
            try: recipe.validation.share == 0
                ? "set validation.share to 0.2, hold out pairs as a whole, or give one learning_rate"
                : "raise validation.share, reduce validation.block, or give one learning_rate")
    }

    /// Scores of heads on held-out ground; the backbone looks at each window once for all of them.
    private func scores(_ heads: [any DenseHead]) throws -> [HeadScore]? {
        let (taps, network) = (recipe.taps, backbone.network)
        return try task.scores(sampler, heads: heads.count) { image in
            withoutGradient {
                let features = network.taps(image, taps)
                return heads.map { $0.forward(features, patchSize: network.configuration.patchSize) }
            }
        }
    }

    private func validation(_ head: any DenseHead) throws -> Task.Validation? {
        let (taps, network) = (recipe.taps, backbone.network)
        return try task.validation(sampler) { image in
            withoutGradient { head.forward(network.taps(image, taps), patchSize: network.configuration.patchSize) }
        }
    }

    private func writeModel(_ head: any DenseHead, _ validation: Task.Validation?, folder: String) throws {
        let headPath = joined(folder, "head.safetensors")
        try writeSafetensors(head.state(), metadata: ["format": "pt"], to: headPath)
        var layout = source.layout
        layout.tileSize = recipe.window
        var provenance = options.provenance
        provenance["pairs"] = source.fingerprint
        provenance["steps"] = "\(recipe.steps)"
        provenance["seed"] = "\(recipe.seed)"
        provenance["weights_sha256"] = backbone.sha256
        provenance["backbone"] = options.randomBackbone ? "random" : "pretrained"
        for (key, value) in backbone.record.provenance { provenance["weights.\(key)"] = value }
        let fitted = FittedModel(
            backbone: try backbone.store(in: folder, seed: recipe.seed),
            head: .init(
                file: "head.safetensors", sha256: try SHA256.hex(ofFile: headPath), sizes: recipe.headConfiguration),
            layout: layout, mean: backbone.record.mean, std: backbone.record.std, provenance: provenance)
        try write(recipe, to: joined(folder, "recipe.json"))
        try write(
            task.description(fitted, recipe: recipe, validation: validation),
            to: joined(folder, ModelFolder.description))
        try model.finish(overwrite: options.overwrite)
    }

    private func write(_ value: any Encodable, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try Disk.write([UInt8](try encoder.encode(value)), to: file)
    }
}

/// The first line of a fit's metrics.
private struct FitLogHead<Recipe: Encodable>: Encodable {
    let task: String
    let recipe: Recipe
    let backbone: String
    let pairs: Int

    enum CodingKeys: String, CodingKey {
        case task = "fit"
        case recipe, backbone, pairs
    }
}

/// Draws the page of a fit.
private func writeReport(
    run: String, name: String, task: String, curves: [TaskCurves], families: [TaskCurveFamily], steps: Int
) throws {
    try RunPage.write(run: run) { log in
        let own = curves.map { log.chart($0.title, $0.note, $0.names) }
        let families = families.map { log.chart($0.title, $0.note, log.family($0.prefix)) }
        return RunPage(
            name: name, total: steps, summary: "A head for \(task) on a frozen backbone.",
            charts: [
                log.chart("Loss", "", [("loss", "loss")]),
                log.chart("Loss by learning rate", "", log.family("loss.")),
            ] + own + families + [
                log.chart("Gradient norm", "before clipping", [("head", "gradient_norm")]),
                log.chart("Learning rate", "", [("rate", "learning_rate")]),
                log.chart("Speed", "crops per second", [("crops/s", "timing.crops_per_second")]),
            ])
    }
}

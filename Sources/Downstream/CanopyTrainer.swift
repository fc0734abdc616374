// Trains a canopy height head on a frozen backbone, from pairs to a model's folder.
internal import Backbone
internal import Files
internal import FoundationEssentials
internal import Geo
internal import Telemetry
internal import Torch

/// Fits a canopy height head.
///
/// The backbone is frozen. An unfinished fit lives in `MODEL.partial` and can be resumed: everything random
/// is a function of the recipe's seed and of the step, so that with the same number of threads a resumed fit ends in the bytes of an
/// uninterrupted one.
///
/// - Parameters:
///   - recipe: How to train.
///   - weights: The backbone's weights file, or a folder that holds one.
///   - source: Images with heights; its bands and stretch rule are those of the weights.
///   - model: The folder to make.
///   - options: How to run.
///   - handler: Told of every step.
///   - interrupted: Asked before every step; `true` saves and ends.
/// - Returns: What was reached.
/// - Throws: `DownstreamError`, `BackboneError`, `TorchError`, and what the source throws.
public func fitCanopy(
    recipe: CanopyRecipe, weights: String, source: any PairSource, model: String, options: FitOptions = FitOptions(),
    handler: (FitEvent) -> Void = { _ in }, interrupted: () -> Bool = { false }
) throws -> FitSummary {
    try catchingTorchErrors {
        let trainer = try CanopyTrainer(
            recipe: recipe, weights: weights, source: source, model: model, options: options)
        return try trainer.run(handler: handler, interrupted: interrupted)
    }
}

/// The state of one fit.
private final class CanopyTrainer {
    let recipe: CanopyRecipe
    let source: any PairSource
    let options: FitOptions
    let folder: FitFolder
    let identity: FitIdentity
    let record: WeightsRecord
    let weightsPath: String
    /// The backbone's architecture.
    let architecture: BackboneConfiguration
    /// Whether the weights are a file that a model may hold as it is.
    private let isOurs: Bool
    let backbone: VisionTransformer
    let normalizer: PixelNormalizer
    let sampler: CropSampler
    let head: DensePredictionHead
    let optimizer: AdamW
    /// Steps done.
    var step = 0

    var steps: Int { recipe.steps }

    init(recipe: CanopyRecipe, weights: String, source: any PairSource, model: String, options: FitOptions) throws {
        var recipe = recipe
        if let steps = options.steps { recipe.steps = steps }
        try recipe.validate()
        if let threads = options.threads { Torch.setThreads(threads) }
        weightsPath = try VisionTransformer.weightsPath(weights)
        let contents = try WeightsContents.open(weightsPath, options: options.weights)
        let loaded = try VisionTransformer.load(contents, device: options.device)
        record = loaded.record
        architecture = try record.transformer(path: weightsPath)
        isOurs = contents.format == .geodino && weightsPath.hasSuffix(".safetensors")
        try recipe.validate(for: architecture)
        let gsd = try Self.checkedGSD(source.layout, record: record)
        identity = FitIdentity(
            recipe: recipe, backbone: try contents.sha256(), randomBackbone: options.randomBackbone,
            pairs: source.fingerprint)
        backbone =
            options.randomBackbone
            ? VisionTransformer(architecture, generator: Generator(seed: recipe.seed), device: options.device)
            : loaded.network
        normalizer = PixelNormalizer(mean: record.mean, std: record.std)
        sampler = try CropSampler(source: source, recipe: recipe, gsd: gsd, normalizer: normalizer)
        head = DensePredictionHead(
            recipe.head, tokenWidth: architecture.width, outputs: recipe.bins.count,
            generator: Generator(seed: recipe.seed &+ 1), device: options.device)
        head.setRequiresGradient(true)
        optimizer = Self.optimizer(head, recipe.optimizer)
        self.recipe = recipe
        self.source = source
        self.options = options
        folder = FitFolder(model: model)
    }

    /// Checks that the pairs' pixels are what the weights want.
    private static func checkedGSD(_ layout: PixelLayout, record: WeightsRecord) throws(DownstreamError) -> Double {
        var wrong: [String] = []
        let (found, expected) = (layout.bands.map(\.name), record.bands.map(\.name))
        if found != expected {
            wrong.append(
                "expected the weights' bands, \(expected.joined(separator: ", ")); found \(found.joined(separator: ", "))"
            )
        }
        if layout.sampleType != .uint8 { wrong.append("expected 8-bit pixels; found \(layout.sampleType.rawValue)") }
        if layout.stretch != record.stretch {
            wrong.append("expected the weights' stretch, \(record.stretch.text); found \(layout.stretch.text)")
        }
        guard let gsd = layout.gsd, gsd > 0, gsd.isFinite else {
            throw DownstreamError(
                .badPairs, "the pairs have no pixel size in metres, which canopy heights need", why: wrong,
                try: "give images that are georeferenced, so that their pixels have a size in metres")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(
                .badPairs, "the pairs' pixels differ from what the weights were trained on", why: wrong)
        }
        return gsd
    }

    private static func optimizer(_ head: DensePredictionHead, _ recipe: CanopyRecipe.Optimizer) -> AdamW {
        let parameters = head.parameters()
        let weights = parameters.filter { $0.name.hasSuffix("weight") }
        let biases = parameters.filter { !$0.name.hasSuffix("weight") }
        return AdamW(
            groups: [
                .init(parameters: weights, learningRate: 0, weightDecay: recipe.weightDecay),
                .init(parameters: biases, learningRate: 0, weightDecay: 0),
            ], beta1: recipe.beta1, beta2: recipe.beta2)
    }

    func run(handler: (FitEvent) -> Void, interrupted: () -> Bool) throws -> FitSummary {
        let (goesOn, lock) = try folder.prepare(identity, options: options)
        defer { withExtendedLifetime(lock) {} }
        do {
            if goesOn { try restore() }
            return try train(handler: handler, interrupted: interrupted)
        } catch {
            // Nothing was learned: a folder left behind would only stand in the way of the next try.
            if !goesOn, step == 0 { folder.remove() }
            throw error
        }
    }

    private func train(handler: (FitEvent) -> Void, interrupted: () -> Bool) throws -> FitSummary {
        let last = min(options.stopAfter ?? steps, steps)
        var losses: [Double] = []
        var wasInterrupted = false
        if step < last {
            try cutMetrics()
            let log = try MetricsLog(path: folder.metrics)
            if step == 0 { try log.append(FitLogHeader(identity: identity, pairs: source.pairCount)) }
            var saved = step
            let features: CropFeatures
            do {
                features = try CropFeatures(sampler: sampler, backbone: backbone) { done, total in
                    handler(.caching(done: done, total: total))
                    return !interrupted()
                }
            } catch let error as any ExplainedError where error.isCancellation {
                return summary(losses: [], wasInterrupted: true, validation: nil)
            }
            while step < last {
                if interrupted() {
                    wasInterrupted = true
                    break
                }
                let done: FitStep
                do { done = try oneStep(features) } catch let error as any ExplainedError where error.isCancellation {
                    // A crop that was being waited for was given up; nothing of this step was done yet.
                    wasInterrupted = true
                    break
                }
                losses.append(done.loss)
                if losses.count > 50 { losses.removeFirst() }
                try log.append(FitLogLine(done))
                handler(.step(done))
                if step % recipe.checkpointEvery == 0, step < last {
                    try save()
                    saved = step
                    handler(.saved(step: step))
                }
            }
            if saved != step, step < steps || wasInterrupted {
                try save()
                handler(.saved(step: step))
            }
        }
        guard step == steps, !wasInterrupted else {
            return summary(losses: losses, wasInterrupted: wasInterrupted, validation: nil)
        }
        let validation: CanopyValidation?
        do { validation = try self.validation() } catch let error as any ExplainedError where error.isCancellation {
            // All steps are done; what they are worth is found out after a resume.
            try save()
            handler(.saved(step: step))
            return summary(losses: losses, wasInterrupted: true, validation: nil)
        }
        try writeModel(validation)
        return summary(losses: losses, wasInterrupted: false, validation: validation)
    }

    private func summary(losses: [Double], wasInterrupted: Bool, validation: CanopyValidation?) -> FitSummary {
        FitSummary(
            model: folder.model, step: step, steps: steps,
            isComplete: CanopyModel.isModel(folder.model) && step == steps,
            wasInterrupted: wasInterrupted,
            loss: losses.isEmpty ? nil : losses.reduce(0, +) / Double(losses.count), validation: validation)
    }

    private func oneStep(_ features: CropFeatures) throws -> FitStep {
        let clock = ContinuousClock()
        let start = clock.now
        let batch = try features.batch(step: step)
        let logits = head.forward(batch.taps, patchSize: backbone.configuration.patchSize)
        let handOver = recipe.loss.handOver(step: step, of: steps)
        let loss = recipe.loss(
            recipe.bins.metres(logits), batch.height, valid: batch.valid, handOver: handOver, scale: recipe.bins.scale)
        let value = loss.item()
        guard value.isFinite else {
            throw DownstreamError(
                .notFinite, "the loss of step \(step + 1) is \(value)", in: folder.path,
                why: ["pairs of this step: fingerprint \(source.fingerprint), crops of seed \(recipe.seed)"],
                try: FileManager.default.fileExists(atPath: folder.checkpoint)
                    ? "lower optimizer.learning_rate; the last checkpoint is \(folder.checkpoint)"
                    : "lower optimizer.learning_rate")
        }
        optimizer.clearGradients()
        loss.backward()
        let norm = clipGradientNorm(
            head.parameters().map(\.tensor), maximum: recipe.optimizer.clip > 0 ? recipe.optimizer.clip : .infinity)
        let rate = recipe.optimizer.rate(step: step, of: steps)
        for group in optimizer.groups.indices { optimizer.groups[group].learningRate = rate }
        optimizer.step()
        step += 1
        let elapsed = (clock.now - start).components
        return FitStep(
            step: step, steps: steps, loss: value, handOver: handOver, learningRate: rate, gradientNorm: norm,
            milliseconds: Double(elapsed.seconds) * 1e3 + Double(elapsed.attoseconds) * 1e-15)
    }

    private func validation() throws -> CanopyValidation? {
        let (taps, bins, patch) = (recipe.taps, recipe.bins, backbone.configuration.patchSize)
        return try sampler.validation(normalizer: normalizer) { image in
            withoutGradient { bins.metres(head.forward(backbone.taps(image, taps), patchSize: patch)) }
        }
    }

    // MARK: - Checkpoints

    private func save() throws {
        // The optimiser's names end in what they are, so that the two do not clash.
        try writeSafetensors(
            head.parameters(under: "head") + optimizer.state(),
            metadata: ["format": "pt", "step": "\(step)", "fit": "canopy"], to: folder.checkpoint)
    }

    private func restore() throws {
        guard FileManager.default.fileExists(atPath: folder.checkpoint) else { return }
        func damaged(_ why: [String]) -> DownstreamError {
            DownstreamError(
                .badCheckpoint, "cannot resume from the checkpoint", in: folder.checkpoint, why: why,
                try: "start from scratch with --overwrite")
        }
        do {
            let file = try SafetensorsFile(path: folder.checkpoint)
            guard let text = file.metadata["step"], let saved = Int(text), (0...steps).contains(saved) else {
                throw damaged(["its step is \(file.metadata["step"] ?? "missing"); expected 0 to \(steps)"])
            }
            try head.load(from: file, prefix: "head.")
            try optimizer.restore(from: file)
            step = saved
        } catch let error as DownstreamError {
            throw error
        } catch {
            throw damaged(causes(of: error))
        }
    }

    private func cutMetrics() throws {
        let step = step
        guard step > 0 else {
            try? FileManager.default.removeItem(atPath: folder.metrics)
            return
        }
        try MetricsLog.cut(path: folder.metrics, as: FitLogLine.self) { $0.step <= step }
    }

    // MARK: - The model

    private func writeModel(_ validation: CanopyValidation?) throws {
        let headPath = joined(folder.path, "head.safetensors")
        try writeSafetensors(head.parameters(), metadata: ["format": "pt"], to: headPath)
        var layout = source.layout
        layout.tileSize = recipe.window
        let backboneFile = try storeBackbone()
        var provenance = options.provenance
        provenance["pairs"] = source.fingerprint
        provenance["steps"] = "\(steps)"
        provenance["seed"] = "\(recipe.seed)"
        provenance["weights_sha256"] = identity.backbone
        provenance["backbone"] = options.randomBackbone ? "random" : "pretrained"
        for (key, value) in record.provenance { provenance["weights.\(key)"] = value }
        let description = CanopyModelDescription(
            backbone: backboneFile,
            head: .init(file: "head.safetensors", sha256: try SHA256.hex(ofFile: headPath), sizes: recipe.head),
            bins: recipe.bins, taps: recipe.taps, window: recipe.window, layout: layout, mean: record.mean,
            std: record.std, validation: validation, provenance: provenance)
        try folder.write(recipe, to: joined(folder.path, "recipe.json"))
        try folder.write(description, to: joined(folder.path, CanopyModelDescription.fileName))
        try folder.finish(overwrite: options.overwrite)
    }

    /// Puts the backbone's weights into the model, or names the file that holds them.
    private func storeBackbone() throws -> CanopyModelDescription.BackboneFile {
        let name = VisionTransformer.fileName
        let target = joined(folder.path, name)
        if options.randomBackbone {
            var record = record
            record.provenance["weights"] = "random, seed \(recipe.seed)"
            try backbone.save(to: target, record: record, overwrite: true)
        } else if options.referenceBackbone {
            let absolute = URL(filePath: weightsPath).standardizedFileURL.path
            return .init(
                file: absolute, sha256: try SHA256.hex(ofFile: weightsPath), architecture: architecture)
        } else if !isOurs {
            try backbone.save(to: target, record: record, overwrite: true)
        } else {
            try attempt(.writeFailed, "cannot copy the backbone's weights", target) {
                try? FileManager.default.removeItem(atPath: target)
                try FileManager.default.copyItem(atPath: weightsPath, toPath: target)
                try Disk.sync(target)
            }
        }
        return .init(file: name, sha256: try SHA256.hex(ofFile: target), architecture: architecture)
    }
}

/// The first line of a fit's metrics.
private struct FitLogHeader: Encodable {
    var fit = "canopy"
    var recipe: CanopyRecipe
    var backbone: String
    var pairs: Int

    init(identity: FitIdentity, pairs: Int) {
        recipe = identity.recipe
        backbone = identity.backbone
        self.pairs = pairs
    }
}

/// A step in a fit's metrics.
private struct FitLogLine: Codable {
    struct Timing: Codable { var milliseconds: Double }

    var step: Int
    var loss: Double
    var handOver: Double
    var learningRate: Double
    var gradientNorm: Double
    var timing: Timing

    enum CodingKeys: String, CodingKey {
        case step, loss
        case handOver = "hand_over"
        case learningRate = "learning_rate"
        case gradientNorm = "gradient_norm"
        case timing
    }

    init(_ step: FitStep) {
        self.step = step.step
        loss = step.loss
        handOver = step.handOver
        learningRate = step.learningRate
        gradientNorm = step.gradientNorm
        timing = Timing(milliseconds: step.milliseconds)
    }
}

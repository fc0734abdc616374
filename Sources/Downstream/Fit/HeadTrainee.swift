// A head on frozen features, or one for each of several learning rates, as what a run trains.
internal import Backbone
internal import Telemetry
internal import Torch
internal import Training

/// A head and its optimiser, which learn one task from features of crops; with several learning rates, one of each for every rate.
final class HeadTrainee<Task: HeadTask>: Trainee {
    /// One step's features, and its number from 0.
    typealias Batch = (step: Int, features: FeatureBatch)

    /// What one step did; of several rates, that of the one that leads on held-out ground.
    struct Outcome: StepOutcome {
        var loss: Double
        var failure: String?
        let samples: Int
        let learningRate: Double
        var gradientNorm = 0.0
        let words: String
        var line: [String: Double]
    }

    static var sampleName: String { "crops" }

    /// What is learned.
    let task: Task
    /// How.
    let recipe: Task.Recipe
    /// Where batches come from; set before the first step.
    var features: CropFeatures?
    /// Scores heads on held-out ground, one score for each; `nil` where nothing is known there.
    var scoring: ([any DenseHead]) throws -> [HeadScore]? = { _ in nil }
    /// Told of each validation: steps done, and what was found.
    var validated: (_ step: Int, _ words: String) -> Void = { _, _ in }
    private let learners: [HeadLearner]
    /// What validations found; `nil` where the recipe asks for none but that at the end.
    private var best: BestHead?
    /// What is to be told after the step.
    private var pending: [DownstreamError] = []
    private let patchSize: Int
    private let fingerprint: String
    private let makeHead: () -> any DenseHead
    private var next = 0

    /// Makes heads at the start of their training, all with the same weights.
    ///
    /// - Parameters:
    ///   - patchSize: Side of a patch of the backbone, pixels.
    ///   - tokenWidth: Length of its tokens.
    ///   - fingerprint: Of the labelled images, for messages.
    init(
        _ task: Task, recipe: Task.Recipe, patchSize: Int, tokenWidth: Int, fingerprint: String, device: Device
    ) {
        self.task = task
        self.recipe = recipe
        self.patchSize = patchSize
        self.fingerprint = fingerprint
        makeHead = {
            recipe.headConfiguration.makeHead(
                tokenWidth: tokenWidth, outputs: task.outputs, generator: Generator(seed: recipe.seed &+ 1),
                device: device)
        }
        learners = recipe.optimizer.rates.map { [makeHead] in HeadLearner(makeHead(), recipe.optimizer, highest: $0) }
        best = recipe.comparesHeads ? BestHead(count: learners.count) : nil
    }

    var totalSteps: Int { recipe.steps }
    private var isSweep: Bool { learners.count > 1 }
    /// The rates that are still trained.
    private var live: [Int] { best?.live ?? [0] }

    func samples(before step: Int) -> Int { step * recipe.batch }

    func nextBatch() throws -> Batch? {
        guard next < recipe.steps, let features else { return nil }
        let batch = (next, try features.batch(step: next))
        next += 1
        return batch
    }

    func step(_ batch: Batch) throws -> Outcome {
        var updates: [Int: HeadLearner.Update] = [:]
        let before = live
        for rate in before {
            let update = learners[rate].update(step: batch.step, of: recipe.steps) { loss(of: $0, batch) }
            updates[rate] = update
            if isSweep, let failure = update.failure { drop(rate, batch.step + 1, failure) }
        }
        let leader = isSweep ? best?.leader ?? before.last ?? 0 : 0
        guard let update = updates[leader] else {
            preconditionFailure("a fit without a learning rate that is still trained was to go on")
        }
        var outcome = Outcome(
            loss: update.loss, failure: update.failure, samples: recipe.batch, learningRate: update.learningRate,
            gradientNorm: update.gradientNorm, words: update.words, line: update.fields)
        guard update.failure == nil else { return outcome }
        outcome.line["loss"] = outcome.loss
        outcome.line["learning_rate"] = outcome.learningRate
        outcome.line["gradient_norm"] = outcome.gradientNorm
        if isSweep {
            for rate in live { outcome.line["loss.\(learners[rate].highest)"] = updates[rate]?.loss }
        }
        return outcome
    }

    /// What a head costs on a batch: the part that is told, and with it the losses of side branches.
    private func loss(of head: any DenseHead, _ batch: Batch) -> (main: HeadLoss, total: Tensor) {
        let (step, features) = batch
        let output = head.forward(
            features.taps, patchSize: patchSize, context: .training(seed: recipe.seed, step: step))
        func loss(_ logits: Tensor) -> HeadLoss {
            task.loss(logits, features.target, valid: features.valid, step: step, of: recipe.steps)
        }
        let main = loss(output.logits)
        return (main, output.auxiliary.reduce(main.value) { $0 + loss($1).value * head.auxiliaryWeight })
    }

    /// Goes on without a rate that diverged.
    private func drop(_ rate: Int, _ step: Int, _ failure: String) {
        best?.drop(rate, step: step)
        pending.append(
            DownstreamError(
                .notFinite, "the learning rate \(learners[rate].highest) diverged; the fit continues without it",
                in: "optimizer.learning_rates", why: [failure]))
    }

    func explainNotFinite(_ batch: Batch) -> (causes: [String], remedy: String) {
        let pairs = "pairs of this step: fingerprint \(fingerprint), crops of seed \(recipe.seed)"
        guard isSweep else { return ([pairs], "lower optimizer.learning_rate") }
        return (["all learning rates have diverged", pairs], "lower optimizer.learning_rates")
    }

    func parts() -> [(name: String, tensors: [(name: String, tensor: Tensor)])] {
        let parts = live.flatMap { learners[$0].parts(isSweep ? ".\($0)" : "") }
        return parts + (best?.parts() ?? [])
    }

    func restore(_ checkpoint: StoredCheckpoint) throws {
        try best?.restore(checkpoint, like: learners[0].head)
        for rate in live {
            let ending = isSweep ? ".\(rate)" : ""
            try learners[rate].restore(
                head: checkpoint.requiredFile("head" + ending),
                optimizer: checkpoint.requiredFile("optimizer" + ending))
        }
        next = checkpoint.manifest.step
    }
}

// MARK: - Validation

extension HeadTrainee {
    func observe(step: Int, isLast: Bool, notice: (any ExplainedError) -> Void) -> [String: Double] {
        for error in pending { notice(error) }
        pending = []
        guard best != nil, isLast || recipe.validation.every.map({ step % $0 == 0 }) ?? false else { return [:] }
        do { return try validate(step: step, notice: notice) } catch {
            notice(
                DownstreamError(
                    .readFailed, "cannot validate after step \(step); the fit continues", why: causes(of: error)))
            return [:]
        }
    }

    /// Scores the heads that are still trained, and keeps the best.
    ///
    /// - Returns: Numbers for the metrics log.
    /// - Throws: What the source of the images throws.
    private func validate(step: Int, notice: (any ExplainedError) -> Void) throws -> [String: Double] {
        let live = live
        guard let scores = try scoring(live.map { learners[$0].head }), scores.count == live.count else { return [:] }
        var first: (rate: Int, score: HeadScore, isBest: Bool)?
        var probes: [String: Double] = [:]
        for (rate, score) in zip(live, scores) {
            let isBest = best?.add(score.value, rate: rate, step: step, state: learners[rate].head.state()) ?? false
            let key = score.name.lowercased()
            if isSweep { probes["\(key).\(learners[rate].highest)"] = score.value }
            guard first == nil || score.value > first?.score.value ?? 0 || first?.score.value.isFinite == false else {
                continue
            }
            first = (rate, score, isBest)
        }
        guard let first else { return probes }
        let score = first.score
        probes[score.name.lowercased()] = score.value
        probes.merge(score.probes) { value, _ in value }
        let rate = isSweep ? " at the learning rate \(learners[first.rate].highest)" : ""
        validated(
            step,
            "\(score.name) \(fixed(score.value, 3))\(rate)\(first.isBest ? " (best so far)" : "") | \(score.words)")
        // While the rate rises little is learned, and what is said of the last step is said of the model.
        let isTime = Double(step) > recipe.optimizer.warmup * Double(recipe.steps) && step < recipe.steps
        if isTime, let alarm = score.alarm, best?.wasAlarmed == false {
            best?.wasAlarmed = true
            notice(
                DownstreamError(
                    .collapsed, "after step \(step) of \(recipe.steps) \(alarm.what)", why: alarm.causes,
                    try: alarm.remedy))
        }
        return probes
    }

    /// The head that is the model, and how it was chosen; `nil` for the way where there was nothing to choose from.
    ///
    /// - Throws: `badPairs` where several learning rates cannot be told apart.
    func chosen() throws -> (head: any DenseHead, choice: HeadChoice?) {
        // What failed while the fit went on is tried once more, and its error is told.
        if isSweep, best?.rate == nil { _ = try validate(step: recipe.steps) { _ in } }
        guard let best, let rate = best.rate else {
            guard !isSweep else {
                guard try scoring(live.prefix(1).map { learners[$0].head }) == nil else {
                    throw DownstreamError(
                        .notFinite, "no learning rate gave scores that are numbers", in: "optimizer.learning_rates",
                        try: "lower optimizer.learning_rates")
                }
                throw DownstreamError(
                    .badPairs, "no learning rate could be scored: no labelled ground is held out", in: fingerprint,
                    try: "raise validation.share, or give one learning_rate")
            }
            return (learners[0].head, nil)
        }
        let head = makeHead()
        best.restore(into: head)
        var choice = HeadChoice(step: best.steps[rate])
        if isSweep {
            choice.learningRate = learners[rate].highest
            choice.rates = learners.indices.map { index in
                HeadChoice.Rate(
                    learningRate: learners[index].highest, score: best.scores[index],
                    step: best.scores[index] == nil ? nil : best.steps[index],
                    divergedAt: best.divergedAt[index] == 0 ? nil : best.divergedAt[index])
            }
        }
        return (head, choice)
    }
}

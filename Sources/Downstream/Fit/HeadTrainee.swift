// A head on frozen features as what a run trains.
internal import Backbone
internal import Telemetry
internal import Torch
internal import Training

/// A head and its optimiser, which learn one task from features of crops.
final class HeadTrainee<Task: HeadTask>: Trainee {
    /// One step's features, and its number from 0.
    typealias Batch = (step: Int, features: FeatureBatch)

    /// What one step did.
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
    /// The head.
    let head: any DenseHead
    /// Where batches come from; set before the first step.
    var features: CropFeatures?
    private let optimizer: AdamW
    private let patchSize: Int
    private let fingerprint: String
    private var next = 0

    /// Makes a head at the start of its training.
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
        head = recipe.headConfiguration.makeHead(
            tokenWidth: tokenWidth, outputs: task.outputs, generator: Generator(seed: recipe.seed &+ 1), device: device)
        head.setRequiresGradient(true)
        let parameters = head.parameters()
        // Matrices and kernels decay; biases do not, nor do the scales and shifts of norms, all of which are vectors.
        optimizer = AdamW(
            groups: [
                .init(
                    parameters: parameters.filter { $0.tensor.shape.count > 1 }, learningRate: 0,
                    weightDecay: recipe.optimizer.weightDecay),
                .init(
                    parameters: parameters.filter { $0.tensor.shape.count <= 1 }, learningRate: 0, weightDecay: 0),
            ], beta1: recipe.optimizer.beta1, beta2: recipe.optimizer.beta2)
    }

    var totalSteps: Int { recipe.steps }

    func samples(before step: Int) -> Int { step * recipe.batch }

    func nextBatch() throws -> Batch? {
        guard next < recipe.steps, let features else { return nil }
        let batch = (next, try features.batch(step: next))
        next += 1
        return batch
    }

    func step(_ batch: Batch) throws -> Outcome {
        let (step, features) = batch
        let rate = recipe.optimizer.rate(step: step, of: recipe.steps)
        let output = head.forward(
            features.taps, patchSize: patchSize, context: .training(seed: recipe.seed, step: step))
        func loss(_ logits: Tensor) -> HeadLoss {
            task.loss(logits, features.target, valid: features.valid, step: step, of: recipe.steps)
        }
        let main = loss(output.logits)
        let total = output.auxiliary.reduce(main.value) { $0 + loss($1).value * head.auxiliaryWeight }
        var outcome = Outcome(
            loss: total.item(), samples: recipe.batch, learningRate: rate, words: main.words, line: main.fields)
        guard outcome.loss.isFinite else {
            outcome.failure = "the loss of step \(step + 1) is \(outcome.loss)"
            return outcome
        }
        optimizer.clearGradients()
        total.backward()
        outcome.gradientNorm = clipGradientNorm(
            head.parameters().map(\.tensor), maximum: recipe.optimizer.clip > 0 ? recipe.optimizer.clip : .infinity)
        guard outcome.gradientNorm.isFinite else {
            outcome.failure = "the gradient of step \(step + 1) has the norm \(outcome.gradientNorm)"
            return outcome
        }
        for group in optimizer.groups.indices { optimizer.groups[group].learningRate = rate }
        optimizer.step()
        outcome.line["loss"] = outcome.loss
        outcome.line["learning_rate"] = rate
        outcome.line["gradient_norm"] = outcome.gradientNorm
        return outcome
    }

    func explainNotFinite(_ batch: Batch) -> (causes: [String], remedy: String) {
        (
            ["pairs of this step: fingerprint \(fingerprint), crops of seed \(recipe.seed)"],
            "lower optimizer.learning_rate"
        )
    }

    func parts() -> [(name: String, tensors: [(name: String, tensor: Tensor)])] {
        [("head", head.state()), ("optimizer", optimizer.state())]
    }

    func restore(_ checkpoint: StoredCheckpoint) throws {
        try head.restore(from: checkpoint.requiredFile("head"))
        try optimizer.restore(from: checkpoint.requiredFile("optimizer"))
        next = checkpoint.manifest.step
    }
}

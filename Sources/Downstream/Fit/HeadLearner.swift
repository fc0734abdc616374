// One head of a fit, with the optimiser of its learning rate.
internal import Backbone
internal import Torch

/// A head and its optimiser, at one learning rate.
final class HeadLearner {
    /// The head.
    let head: any DenseHead
    /// Its learning rate at its height.
    let highest: Double
    private let recipe: HeadOptimizer
    private let optimizer: AdamW

    /// What one step did.
    struct Update {
        /// The loss.
        var loss: Double
        /// The learning rate.
        var learningRate: Double
        /// The gradient's norm before it was limited.
        var gradientNorm = 0.0
        /// What the task says of the loss: numbers, and a part of the step's line.
        var fields: [String: Double]
        var words: String
        /// Why nothing was learned; `nil` where something was.
        var failure: String?
    }

    /// Takes a head at the start of its training.
    init(_ head: any DenseHead, _ recipe: HeadOptimizer, highest: Double) {
        self.head = head
        self.highest = highest
        self.recipe = recipe
        head.setRequiresGradient(true)
        let parameters = head.parameters()
        // Matrices and kernels decay; biases do not, nor do the scales and shifts of norms, all of which are vectors.
        optimizer = AdamW(
            groups: [
                .init(
                    parameters: parameters.filter { $0.tensor.shape.count > 1 }, learningRate: 0,
                    weightDecay: recipe.weightDecay),
                .init(
                    parameters: parameters.filter { $0.tensor.shape.count <= 1 }, learningRate: 0, weightDecay: 0),
            ], beta1: recipe.beta1, beta2: recipe.beta2)
    }

    /// One update; a loss or a gradient that is not finite changes no weight.
    ///
    /// - Parameters:
    ///   - step: The step, from 0.
    ///   - loss: What a head costs: the part that is told, and all that is minimised.
    func update(
        step: Int, of steps: Int, loss: (any DenseHead) -> (main: HeadLoss, total: Tensor)
    ) -> Update {
        let rate = recipe.rate(step: step, of: steps, highest: highest)
        let (main, total) = loss(head)
        var update = Update(
            loss: total.item(), learningRate: rate, fields: main.fields, words: main.words)
        guard update.loss.isFinite else {
            update.failure = "the loss of step \(step + 1) is \(update.loss)"
            return update
        }
        optimizer.clearGradients()
        total.backward()
        update.gradientNorm = clipGradientNorm(
            head.parameters().map(\.tensor), maximum: recipe.clip > 0 ? recipe.clip : .infinity)
        guard update.gradientNorm.isFinite else {
            update.failure = "the gradient of step \(step + 1) has the norm \(update.gradientNorm)"
            return update
        }
        for group in optimizer.groups.indices { optimizer.groups[group].learningRate = rate }
        optimizer.step()
        return update
    }

    /// What a checkpoint keeps.
    ///
    /// - Parameter ending: What tells the parts of one learner from another's, such as `.3`.
    func parts(_ ending: String) -> [(name: String, tensors: [(name: String, tensor: Tensor)])] {
        [("head" + ending, head.state()), ("optimizer" + ending, optimizer.state())]
    }

    /// Takes over what a checkpoint kept.
    func restore(head file: SafetensorsFile, optimizer memory: SafetensorsFile) throws {
        try head.restore(from: file)
        try optimizer.restore(from: memory)
    }
}

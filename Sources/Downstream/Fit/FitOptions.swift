// What a fit is asked for besides its recipe, what it tells while it runs, and what it says at the end.
public import Backbone
public import Geo
public import Telemetry
public import Torch
internal import Training

/// How to run a fit.
public struct FitOptions: Sendable {
    /// Go on with an unfinished fit of the same recipe, weights and pairs; start one where there is none.
    public var resume = false
    /// Optimiser steps in place of the recipe's.
    public var steps: Int?
    /// Save and end when this many steps are done, counted from the very first.
    public var stopAfter: Int?
    /// Threads of one tensor operation; `nil` leaves libtorch's own choice.
    public var threads: Int?
    /// Replace a model, or an unfinished fit, of the same name.
    public var overwrite = false
    /// Where tensors live.
    public var device = Device.cpu
    /// Store the path and hash of the backbone's file in place of a copy.
    public var referenceBackbone = false
    /// Take the backbone's architecture but weights drawn from the recipe's seed: the yardstick of pretraining.
    public var randomBackbone = false
    /// What the file of the weights leaves open.
    public var weights = WeightsOptions()
    /// How pixels were stretched, in place of the rule that travels with the weights.
    public var stretch: StretchRule?
    /// What the fit is called on its page.
    public var name = "fit"
    /// The recipe as people wrote it, kept with an unfinished fit.
    public var recipeText: String?
    /// What to store as the model's provenance: command, versions, files.
    public var provenance: [String: String] = [:]

    /// A fresh fit on the CPU.
    public init() {}
}

/// One step of a fit, as it happens.
public struct FitStep: Sendable {
    /// Steps done, from 1.
    public var step: Int
    /// All steps.
    public var steps: Int
    /// The loss.
    public var loss: Double
    /// What the task says of it; empty where it says nothing.
    public var words: String
    /// The learning rate.
    public var learningRate: Double
    /// The gradient's norm before it was limited.
    public var gradientNorm: Double
    /// What the step took.
    public var milliseconds: Double

    /// Makes an event.
    package init(
        step: Int, steps: Int, loss: Double, words: String, learningRate: Double, gradientNorm: Double,
        milliseconds: Double
    ) {
        self.step = step
        self.steps = steps
        self.loss = loss
        self.words = words
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.milliseconds = milliseconds
    }

    init<Task: HeadTask>(_ outcome: HeadTrainee<Task>.Outcome, _ time: StepTime) {
        self.init(
            step: time.step, steps: time.total, loss: outcome.loss, words: outcome.words,
            learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm, milliseconds: time.seconds * 1000)
    }

    /// The step as one line for people.
    public var line: String {
        let parts = [
            stepWords(step, of: steps), "loss \(fixed(loss, 4))", words, "lr \(scientific(learningRate))",
            "\(Int(milliseconds.rounded())) ms",
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: " | ")
    }
}

/// A validation in the middle of a fit, or after its last step, as it happens.
public struct FitValidation: Sendable {
    /// Steps done, from 1.
    public var step: Int
    /// All steps.
    public var steps: Int
    /// What was found on held-out ground.
    public var words: String

    /// Makes an event.
    package init(step: Int, steps: Int, words: String) {
        self.step = step
        self.steps = steps
        self.words = words
    }

    /// The validation as one line for people.
    public var line: String { "\(stepWords(step, of: steps)) | held out: \(words)" }
}

/// A step among all, such as `step 007/120`.
private func stepWords(_ step: Int, of steps: Int) -> String {
    let text = "\(step)"
    return "step \(String(repeating: "0", count: max(0, "\(steps)".count - text.count)))\(text)/\(steps)"
}

/// What a fit tells while it runs, on the fit's own thread.
public enum FitEvent: Sendable {
    /// Windows whose labels are looked at before the first step: done and all.
    case looking(done: Int, total: Int)
    /// Features of crops that are kept: done and all.
    case caching(done: Int, total: Int)
    /// A step is done.
    case step(FitStep)
    /// Heads were scored on held-out ground; told before the step after which it was.
    case validated(FitValidation)
    /// A checkpoint was written after this many steps.
    case saved(step: Int)
    /// Something that a person should know: a damaged checkpoint that was passed over, a save that failed.
    case notice(any ExplainedError)
}

/// What a fit says at the end.
public struct FitSummary<Validation: Sendable>: Sendable {
    /// The model's folder; it exists only when the fit is complete.
    public var model: String
    /// Steps done.
    public var step: Int
    /// All steps.
    public var steps: Int
    /// Whether the model was written; else the fit was stopped and can be resumed.
    public var isComplete: Bool
    /// Whether the fit was stopped by the `interrupted` closure.
    public var wasInterrupted: Bool
    /// Mean loss of the last steps, up to 50; `nil` where no step was done.
    public var loss: Double?
    /// Errors on held-out ground; `nil` where none was held out, or the fit is not complete.
    public var validation: Validation?
}

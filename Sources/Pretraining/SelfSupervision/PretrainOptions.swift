// What a caller may ask of a run besides its recipe, what it is told, and what comes out.
public import Backbone
public import Telemetry
public import Torch
public import Training

/// How a run is carried out; nothing here changes what is learned, but for `steps` and `replay`.
public struct PretrainOptions: Sendable {
    /// Replaces the recipe's number of steps.
    public var steps: Int?
    /// Replaces the recipe's seed; a run that is resumed must have been started with it.
    public var seed: Int?
    /// Save and end once this many steps are done in all; 0 saves the weights as they start.
    public var stopAfter: Int?
    /// What a recipe starts from whose `start` is not random: a run, one of its checkpoints, or weights of a backbone.
    public var from: String?
    /// Weights of the Gram teacher, for a recipe whose `gram.teacher` is `given`.
    public var gramTeacher: String?
    /// Write crops, masks and targets of one step into a safetensors file; what is learned does not change.
    public var dump: StepDump?
    /// Safetensors files of single steps, as `dump` writes them: crops, masks and targets of these steps in place of what they would
    /// be drawn from the tiles.
    public var replay: [String] = []
    /// Go on with the run that is there; start it where none is.
    public var resume = false
    /// Replace the run that is there.
    public var overwrite = false
    /// Threads of the tensor library; `nil` for those that a resumed run was started with, else one per core.
    ///
    /// Results are equal bit for bit only at equal numbers.
    public var threads: Int?
    /// Threads that read tiles and make crops, `nil` for one per two cores.
    ///
    /// Never shows in the results.
    public var loaderThreads: Int?
    /// Where to compute.
    public var device: Device = .cpu
    /// More for the first line of the metrics log, such as the commit and version of the program.
    public var provenance: [String: String] = [:]

    /// The defaults.
    public init() {}
}

/// A step in a safetensors file that is to be written; see `PretrainOptions.dump`.
public struct StepDump: Sendable, Equatable {
    /// The step, from 1.
    public var step: Int
    /// The file, which must not be there.
    public var path: String

    /// Describes a file.
    public init(step: Int, path: String) {
        self.step = step
        self.path = path
    }
}

/// One step, told as it ends.
public struct StepReport: Sendable {
    /// Steps done.
    public let step: Int
    /// Steps of the whole run.
    public let total: Int
    /// The loss.
    public let loss: Double
    /// Part of DINO in the loss.
    public let dino: Double
    /// Part of iBOT in the loss.
    public let ibot: Double
    /// Part of KoLeo in the loss.
    public let koleo: Double
    /// Learning rate before the multipliers of layers.
    public let learningRate: Double
    /// Length of the step in seconds.
    public let seconds: Double
    /// Tiles per second, averaged over the last steps.
    public let tilesPerSecond: Double
    /// Estimated rest of the run in seconds.
    public let secondsLeft: Double

    package init(
        step: Int, total: Int, loss: Double, dino: Double, ibot: Double, koleo: Double, learningRate: Double,
        seconds: Double, tilesPerSecond: Double, secondsLeft: Double
    ) {
        self.step = step
        self.total = total
        self.loss = loss
        self.dino = dino
        self.ibot = ibot
        self.koleo = koleo
        self.learningRate = learningRate
        self.seconds = seconds
        self.tilesPerSecond = tilesPerSecond
        self.secondsLeft = secondsLeft
    }

    init(_ result: StepResult, _ time: StepTime) {
        self.init(
            step: time.step, total: time.total, loss: result.loss, dino: result.dinoLocal + result.dinoGlobal,
            ibot: result.ibot, koleo: result.koleo, learningRate: result.learningRate, seconds: time.seconds,
            tilesPerSecond: time.samplesPerSecond, secondsLeft: time.secondsLeft)
    }

    /// The step as one line.
    public var line: String {
        let digits = String(total).count
        let number = String(repeating: "0", count: max(0, digits - String(step).count)) + String(step)
        return
            "step \(number)/\(total) | loss \(fixed(loss, 3)) (dino \(fixed(dino, 2)) ibot \(fixed(ibot, 2)) "
            + "koleo \(fixed(koleo, 2))) | lr \(scientific(learningRate)) | \(fixed(seconds * 1000, 0)) ms | "
            + "\(fixed(tilesPerSecond, 0)) tile/s | eta \(clock(secondsLeft))"
    }
}

/// Somebody who looks at the teacher from time to time: a probe on labelled data, a picture.
public struct PretrainObserver {
    /// What it is called where it fails.
    public let name: String
    /// Steps between two looks; it also looks after the last step.
    public let every: Int
    /// Given the teacher's backbone, what travels with its weights, and the number of steps done; gives numbers by name for the log.
    public let look: (VisionTransformer, WeightsRecord, Int) throws -> [String: Double]

    /// Makes an observer; `every` is 1 or more.
    public init(
        name: String, every: Int, look: @escaping (VisionTransformer, WeightsRecord, Int) throws -> [String: Double]
    ) {
        precondition(every >= 1, "an observer looks every step or more seldom, not every \(every)")
        self.name = name
        self.every = every
        self.look = look
    }
}

/// Who is told what while a run is in progress; all on the calling thread.
public struct PretrainEvents {
    /// Each step as it ends.
    public var step: (StepReport) -> Void
    /// What a person should know: a damaged checkpoint that was passed over, a save that failed.
    public var notice: (any ExplainedError) -> Void
    /// Who looks at the teacher; one that fails does not end the run.
    public var observers: [PretrainObserver] = []

    /// Makes a set of handlers.
    public init(
        step: @escaping (StepReport) -> Void = { _ in }, notice: @escaping (any ExplainedError) -> Void = { _ in }
    ) {
        self.step = step
        self.notice = notice
    }
}

/// How a run ended.
public struct PretrainSummary: Sendable, Equatable {
    /// Why it ended.
    public enum End: String, Sendable {
        /// All steps are done.
        case finished
        /// At `stopAfter`.
        case stopped
        /// Somebody asked for it; the state is saved.
        case interrupted

        init(_ end: LoopEnd) {
            self =
                switch end {
                case .finished: .finished
                case .stopped: .stopped
                case .interrupted: .interrupted
                }
        }
    }

    /// Why it ended.
    public let end: End
    /// Steps done in all.
    public let step: Int
    /// Steps of the whole run.
    public let total: Int
    /// Steps done by this call.
    public let stepsNow: Int
    /// Whether the run was there before.
    public let isResumed: Bool
    /// Loss of the last step; `nil` where this call did none.
    public let loss: Double?
    /// Seconds this call took.
    public let seconds: Double
    /// The teacher's weights; `nil` after an interruption.
    public let backbone: String?
    /// The last checkpoint.
    public let checkpoint: String?
    /// What the run has taken, this call and those before.
    public let energy: EnergyReport
}

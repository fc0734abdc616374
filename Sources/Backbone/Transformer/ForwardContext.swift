// What a forward pass depends on besides images and weights.

/// Training or evaluation, and the key of all random choices of one forward pass.
///
/// Rotary factors and dropped paths are functions of (seed, step, stream, list entry, block), so that equal contexts
/// give equal outputs and a resumed run repeats an unbroken one.
public struct ForwardContext: Sendable, Equatable {
    /// Whether rotary factors and dropped paths are drawn, and local crops normalised on their own.
    public var isTraining: Bool
    /// The run's seed.
    public var seed: UInt64
    /// The step of the run.
    public var step: Int
    /// Keeps the draws of several networks or ranks in one step apart.
    public var stream: Int
    /// Whether the inner values of blocks are computed again on the way back instead of being kept; outputs and gradients do not
    /// change.
    public var recomputesBlocks: Bool

    /// Makes a context.
    public init(
        isTraining: Bool, seed: UInt64 = 0, step: Int = 0, stream: Int = 0, recomputesBlocks: Bool = false
    ) {
        self.isTraining = isTraining
        self.seed = seed
        self.step = step
        self.stream = stream
        self.recomputesBlocks = recomputesBlocks
    }

    /// Nothing is random.
    public static let evaluation = ForwardContext(isTraining: false)

    /// Random choices of a step of training.
    public static func training(
        seed: UInt64, step: Int, stream: Int = 0, recomputesBlocks: Bool = false
    ) -> ForwardContext {
        ForwardContext(
            isTraining: true, seed: seed, step: step, stream: stream, recomputesBlocks: recomputesBlocks)
    }

    /// The random numbers of one purpose at one place of the network.
    func random(_ purpose: Purpose, entry: Int, block: Int) -> CounterRandom {
        CounterRandom(seed: seed, path: [purpose.rawValue, step, stream, entry, block])
    }

    /// What random numbers are for.
    enum Purpose: Int {
        case rotary = 1
        case attentionPath
        case feedForwardPath
    }
}

/// The kind of a crop; it decides which final normalisation its class token gets in training.
public enum CropKind: Sendable {
    /// A large crop.
    case global
    /// A small crop.
    case local
}

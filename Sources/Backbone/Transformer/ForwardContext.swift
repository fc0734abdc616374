// What a forward pass depends on besides images and weights.

/// Training or evaluation, and the key of all random choices of one forward pass.
///
/// Rotary factors and dropped paths are functions of (seed, step, stream, list entry, block), so that equal contexts
/// give equal outputs and a resumed run repeats an uninterrupted one. Of samples in groups, paths are dropped within each group as a
/// function of (seed, step, group, list entry, block), so that it does not matter which groups are computed together.
public struct ForwardContext: Sendable, Equatable {
    /// Whether rotary factors and dropped paths are drawn, and local crops normalised on their own.
    public var isTraining: Bool
    /// The run's seed.
    public var seed: UInt64
    /// The step of the run.
    public var step: Int
    /// Keeps the draws of several networks or ranks in one step apart.
    public var stream: Int
    /// The groups of samples that paths are dropped in; `nil` where the whole batch is one.
    public var groups: SampleGroups?
    /// Whether the inner values of blocks are computed again on the way back instead of being kept; outputs and gradients do not
    /// change.
    public var recomputesBlocks: Bool

    /// Makes a context.
    public init(
        isTraining: Bool, seed: UInt64 = 0, step: Int = 0, stream: Int = 0, groups: SampleGroups? = nil,
        recomputesBlocks: Bool = false
    ) {
        self.isTraining = isTraining
        self.seed = seed
        self.step = step
        self.stream = stream
        self.groups = groups
        self.recomputesBlocks = recomputesBlocks
    }

    /// Nothing is random.
    public static let evaluation = ForwardContext(isTraining: false)

    /// Random choices of a step of training.
    public static func training(
        seed: UInt64, step: Int, stream: Int = 0, groups: SampleGroups? = nil, recomputesBlocks: Bool = false
    ) -> ForwardContext {
        ForwardContext(
            isTraining: true, seed: seed, step: step, stream: stream, groups: groups,
            recomputesBlocks: recomputesBlocks)
    }

    /// The random numbers of one purpose at one place of the network.
    func random(_ purpose: Purpose, entry: Int, block: Int) -> CounterRandom {
        random(purpose, stream: stream, entry: entry, block: block)
    }

    private func random(_ purpose: Purpose, stream: Int, entry: Int, block: Int) -> CounterRandom {
        CounterRandom(seed: seed, path: [purpose.rawValue, step, stream, entry, block])
    }

    /// The crops of a batch whose residual branch is computed, in rising order.
    ///
    /// - Parameters:
    ///   - batch: Crops; with groups, a whole number for each sample, view by view.
    ///   - rate: Share whose branch is dropped.
    func keptCrops(of batch: Int, rate: Double, _ purpose: Purpose, entry: Int, block: Int) -> [Int] {
        guard let groups else {
            return keptSamples(of: batch, rate: rate, random: random(purpose, entry: entry, block: block))
        }
        let samples = groups.count * groups.size
        precondition(
            samples > 0 && batch % samples == 0,
            "\(batch) crops are not of \(groups.count) groups of \(groups.size) samples")
        let ofGroup = batch / groups.count
        let kept = (0..<groups.count).flatMap { group in
            keptSamples(
                of: ofGroup, rate: rate,
                random: random(purpose, stream: groups.first + group, entry: entry, block: block)
            ).map { $0 / groups.size * samples + group * groups.size + $0 % groups.size }
        }
        return kept.sorted()
    }

    /// What random numbers are for.
    enum Purpose: Int {
        case rotary = 1
        case attentionPath
        case feedForwardPath
    }
}

/// The samples of a pass in groups of equal size, each of consecutive samples: what counts as one device's batch.
public struct SampleGroups: Sendable, Equatable {
    /// Samples of a group.
    public var size: Int
    /// Number of the pass's first group among all of the step.
    public var first: Int
    /// Groups of the pass.
    public var count: Int

    /// Describes groups; a size and a count of 1 or more.
    public init(size: Int, first: Int, count: Int) {
        self.size = size
        self.first = first
        self.count = count
    }
}

/// The kind of a crop; it decides which final normalisation its class token gets in training.
public enum CropKind: Sendable {
    /// A large crop.
    case global
    /// A small crop.
    case local
}

/// The samples of a batch whose residual branch is computed, in rising order.
func keptSamples(of batch: Int, rate: Double, random: consuming CounterRandom) -> [Int] {
    // Sorted, because the order does not matter and memory likes it.
    random.permutation(batch).prefix(max(Int(Double(batch) * (1 - rate)), 1)).sorted()
}

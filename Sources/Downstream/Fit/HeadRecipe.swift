// What every recipe of a head on frozen features has, whatever the task.
public import Backbone
internal import Telemetry
public import Training

/// AdamW with a linear warm-up and a cosine to zero.
public struct HeadOptimizer: Codable, Sendable, Equatable {
    /// The learning rate at its height.
    public var learningRate = 1e-4
    /// Weight decay; biases have none.
    public var weightDecay = 1e-3
    /// Decay of the mean of gradients.
    public var beta1 = 0.9
    /// Decay of the mean of squared gradients.
    public var beta2 = 0.99
    /// Share of the steps in which the rate rises.
    public var warmup = 0.06
    /// Largest norm of the gradient; 0 for no limit.
    public var clip = 35.0

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case learningRate = "learning_rate"
        case weightDecay = "weight_decay"
        case beta1, beta2, warmup, clip
    }

    /// The published recipe.
    public init() {}

    /// The learning rate of a step: a linear rise, then half a cosine to zero.
    package func rate(step: Int, of steps: Int) -> Double {
        let rise = warmup * Double(steps)
        let place = Double(step)
        if place < rise { return learningRate * (place + 1) / (rise + 1) }
        let share = (place - rise) / max(Double(steps) - rise, 1)
        return learningRate * 0.5 * (1 + cosine(.pi * share))
    }
}

/// Random changes of crops; shadows tell height, but from any side.
public struct CropAugmentation: Codable, Sendable, Equatable {
    /// Mirrored left to right, half the time.
    public var flips = true
    /// Turned by quarters.
    public var turns = true

    /// Flips and turns.
    public init() {}

    /// The ways to lay a crop that are drawn from; see `laid`.
    package var symmetries: [Int] {
        switch (flips, turns) {
        case (false, false): [0]
        case (true, false): [0, 1]
        // Turns by 0, 180, 90 and 270 degrees.
        case (false, true): [0, 3, 5, 6]
        case (true, true): Array(0..<8)
        }
    }
}

/// What is held out: whole blocks of ground, so that no tree is on both sides.
public struct HeldOutGround: Codable, Sendable, Equatable {
    /// Side of a block, metres.
    public var block = 120.0
    /// Share of the blocks that are held out.
    public var share = 0.2
    /// Largest number of windows that are looked at.
    public var windows = 64

    /// Blocks of 120 m, a fifth of them.
    public init() {}
}

/// A recipe of a head on frozen features: what is the same for all tasks.
public protocol HeadRecipe: RunRecipe {
    /// The form and the sizes of the head.
    var headConfiguration: HeadConfiguration { get }
    /// The blocks whose tokens the head sees, from 0, shallowest first; as many as it takes.
    var taps: [Int] { get }
    /// Side in pixels of the windows that a map is made of; a multiple of the patch size.
    var window: Int { get }
    /// Side in pixels of a training crop; a multiple of the patch size.
    var crop: Int { get }
    /// Crops per step.
    var batch: Int { get }
    /// AdamW and its schedule.
    var optimizer: HeadOptimizer { get }
    /// Random changes of crops.
    var augmentation: CropAugmentation { get }
    /// What is held out.
    var validation: HeldOutGround { get }
    /// Share of a crop's pixels that must be valid and not held out.
    var minimumValid: Double { get }
    /// Number of crops drawn beforehand, whose features are computed once and kept; 0 draws fresh crops in each step.
    var cachedCrops: Int { get }
    /// Steps between checkpoints.
    var checkpointEvery: Int { get }
    /// The seed of all random choices.
    var seed: UInt64 { get set }
}

extension HeadRecipe {
    /// The same bits as `seed`.
    public var runSeed: Int {
        get { Int(bitPattern: UInt(seed)) }
        set { seed = UInt64(UInt(bitPattern: newValue)) }
    }

    /// What is wrong with the values that all tasks share, one sentence each; empty where nothing is.
    var sharedProblems: [String] {
        var wrong = headConfiguration.problems
        func expect(_ holds: Bool, _ words: @autoclosure () -> String) {
            if !holds { wrong.append(words()) }
        }
        let count = headConfiguration.tapCount
        expect(
            taps.count == count && taps.allSatisfy { $0 >= 0 } && zip(taps, taps.dropFirst()).allSatisfy(<=),
            "taps is \(taps); expected \(blockNumbers(count)), counted from 0, in ascending order")
        expect((8...8192).contains(window), "window is \(window); expected 8 to 8192 pixels")
        expect((8...4096).contains(crop), "crop is \(crop); expected 8 to 4096 pixels")
        expect((1...100_000_000).contains(steps), "steps is \(steps); expected 1 or more")
        expect((1...4096).contains(batch), "batch is \(batch); expected 1 to 4096")
        expect((0...1_000_000).contains(cachedCrops), "cached_crops is \(cachedCrops); expected 0 to 1000000")
        expect(
            cachedCrops == 0 || cachedCrops >= batch,
            "cached_crops is \(cachedCrops); expected at least the batch, \(batch), or 0")
        expect(checkpointEvery >= 1, "checkpoint_every is \(checkpointEvery); expected 1 or more")
        expect(minimumValid > 0 && minimumValid <= 1, "minimum_valid is \(minimumValid); expected above 0, up to 1")
        expect(
            optimizer.learningRate.isFinite && optimizer.learningRate > 0,
            "optimizer.learning_rate is \(optimizer.learningRate); expected above 0")
        expect(
            optimizer.weightDecay.isFinite && optimizer.weightDecay >= 0,
            "optimizer.weight_decay is \(optimizer.weightDecay); expected 0 or more")
        for (name, beta) in [("beta1", optimizer.beta1), ("beta2", optimizer.beta2)] {
            expect(beta >= 0 && beta < 1, "optimizer.\(name) is \(beta); expected 0 up to, but not including, 1")
        }
        expect(
            optimizer.warmup >= 0 && optimizer.warmup < 1,
            "optimizer.warmup is \(optimizer.warmup); expected a share of the steps, 0 up to 1")
        expect(
            optimizer.clip >= 0 && optimizer.clip.isFinite, "optimizer.clip is \(optimizer.clip); expected 0 or more")
        expect(
            (1...1_000_000).contains(validation.block),
            "validation.block is \(validation.block); expected 1 to 1000000 metres")
        expect(
            validation.share >= 0 && validation.share < 1,
            "validation.share is \(validation.share); expected 0 up to, but not including, 1")
        expect(
            (1...1_000_000).contains(validation.windows),
            "validation.windows is \(validation.windows); expected 1 to 1000000")
        return wrong
    }

    /// Checks that the recipe is valid and fits a backbone.
    ///
    /// - Throws: `DownstreamError` (`badRecipe`).
    public func validate(for backbone: BackboneConfiguration) throws {
        try validate()
        var wrong: [String] = []
        var fitting: [String] = []
        if let last = taps.last, last >= backbone.depth {
            wrong.append("taps is \(taps); this backbone has blocks 0 to \(backbone.depth - 1)")
            // The ends of equal parts: of the four quarters, as in the published models, or the last block alone.
            let count = headConfiguration.tapCount
            fitting.append("taps: \((1...count).map { max($0 * backbone.depth / count - 1, 0) })")
        }
        for (name, size) in [("window", window), ("crop", crop)] where size % backbone.patchSize != 0 {
            wrong.append("\(name) is \(size); expected a multiple of the patch size, \(backbone.patchSize)")
            fitting.append("\(name): \(BackboneArchitecture.transformer(backbone).fittingSide(size))")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(
                .badRecipe, "the recipe does not fit the backbone", in: "recipe", why: wrong,
                try: "write into the recipe: \(fitting.joined(separator: "; "))")
        }
    }
}

/// How many blocks a head takes, in words.
func blockNumbers(_ count: Int) -> String {
    switch count {
    case 1: "one block number"
    case 4: "four block numbers"
    default: "\(count) block numbers"
    }
}

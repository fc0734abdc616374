// What every recipe of a head on frozen features has, whatever the task.
public import Backbone
internal import Telemetry
public import Training

/// AdamW with a linear warm-up and a decay to zero.
public struct HeadOptimizer: Codable, Sendable, Equatable {
    /// How the learning rate falls after the warm-up.
    public enum Schedule: String, Codable, CaseIterable, Sendable {
        /// Half a cosine.
        case cosine
        /// A power of the share of steps that is left.
        case polynomial
    }

    /// The learning rate at its height.
    public var learningRate = 1e-4
    /// Learning rates to choose from; `nil` for `learningRate` alone.
    ///
    /// A head is trained at each of them, from the same weights and on the same crops. The model is the one that does best on
    /// held-out ground.
    public var learningRates: [Double]?
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
    /// How the rate falls after the warm-up; half a cosine where a recipe does not say.
    public var schedule = Schedule.cosine
    /// The power of a polynomial schedule; 1 falls in a straight line.
    public var power = 1.0

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case learningRate = "learning_rate"
        case learningRates = "learning_rates"
        case weightDecay = "weight_decay"
        case beta1, beta2, warmup, clip, schedule, power
    }

    /// The published recipe.
    public init() {}

    /// Reads one learning rate or a list of them, and the rest.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        learningRates = try values.decodeIfPresent([Double].self, forKey: .learningRates)
        if let rates = learningRates {
            guard !values.contains(.learningRate) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .learningRate, in: values,
                    debugDescription: "learning_rates takes its place; write one of the two")
            }
            learningRate = rates.first ?? learningRate
        } else {
            learningRate = try values.decode(Double.self, forKey: .learningRate)
        }
        weightDecay = try values.decode(Double.self, forKey: .weightDecay)
        beta1 = try values.decode(Double.self, forKey: .beta1)
        beta2 = try values.decode(Double.self, forKey: .beta2)
        warmup = try values.decode(Double.self, forKey: .warmup)
        clip = try values.decode(Double.self, forKey: .clip)
        schedule = try values.decodeIfPresent(Schedule.self, forKey: .schedule) ?? .cosine
        let power = try values.decodeIfPresent(Double.self, forKey: .power)
        guard power == nil || schedule == .polynomial else {
            throw DecodingError.dataCorruptedError(
                forKey: .power, in: values,
                debugDescription: "power is for schedule: polynomial; leave it out, or set the schedule")
        }
        self.power = power ?? 1
    }

    /// Writes one learning rate or the list of them, and the rest.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        if let learningRates {
            try values.encode(learningRates, forKey: .learningRates)
        } else {
            try values.encode(learningRate, forKey: .learningRate)
        }
        try values.encode(weightDecay, forKey: .weightDecay)
        try values.encode(beta1, forKey: .beta1)
        try values.encode(beta2, forKey: .beta2)
        try values.encode(warmup, forKey: .warmup)
        try values.encode(clip, forKey: .clip)
        // The default is left out, so that documents stay the same as those of earlier versions.
        guard schedule == .polynomial else { return }
        try values.encode(schedule, forKey: .schedule)
        try values.encode(power, forKey: .power)
    }

    /// The learning rates at their height: one, or those to choose from.
    package var rates: [Double] { learningRates ?? [learningRate] }

    /// The learning rate of a step: a linear rise, then half a cosine or a power to zero.
    ///
    /// - Parameter highest: The rate at its height; `nil` for `learningRate`.
    package func rate(step: Int, of steps: Int, highest: Double? = nil) -> Double {
        let highest = highest ?? learningRate
        let rise = warmup * Double(steps)
        let place = Double(step)
        if place < rise { return highest * (place + 1) / (rise + 1) }
        let share = (place - rise) / max(Double(steps) - rise, 1)
        switch schedule {
        case .cosine: return highest * 0.5 * (1 + cosine(.pi * share))
        case .polynomial: return highest * Backbone.power(max(1 - share, 0), power)
        }
    }

    /// What is wrong with the learning rates, one sentence each; empty where nothing is.
    fileprivate var problemsOfRates: [String] {
        func isRate(_ rate: Double) -> Bool { rate.isFinite && rate > 0 }
        guard let rates = learningRates else {
            return isRate(learningRate) ? [] : ["optimizer.learning_rate is \(learningRate); expected above 0"]
        }
        var wrong: [String] = []
        if !(2...32).contains(rates.count) {
            wrong.append(
                "optimizer.learning_rates has \(rates.count) values; expected 2 to 32, or learning_rate with one")
        }
        if !rates.allSatisfy(isRate) { wrong.append("optimizer.learning_rates is \(rates); expected numbers above 0") }
        if Set(rates).count < rates.count {
            wrong.append("optimizer.learning_rates is \(rates); expected each rate once")
        }
        return wrong
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
    /// Steps between validations, of which the best gives the model; `nil` for one of the last step alone.
    public var every: Int?

    /// Blocks of 120 m, a fifth of them, validated at the end.
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
    /// Most memory for the features of kept crops, in megabytes; `nil` for the task's own limit.
    var cacheMegabytes: Int? { get }
    /// Steps between checkpoints.
    var checkpointEvery: Int { get }
    /// The seed of all random choices.
    var seed: UInt64 { get set }
}

extension HeadRecipe {
    /// The task's own limit.
    public var cacheMegabytes: Int? { nil }

    /// Whether heads are compared on held-out ground while they are trained.
    var comparesHeads: Bool { validation.every != nil || optimizer.learningRates != nil }

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
        wrong += optimizer.problemsOfRates
        expect(
            optimizer.weightDecay.isFinite && optimizer.weightDecay >= 0,
            "optimizer.weight_decay is \(optimizer.weightDecay); expected 0 or more")
        expect(
            (0.1...10).contains(optimizer.power), "optimizer.power is \(optimizer.power); expected 0.1 to 10")
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
        if let every = validation.every {
            expect(every >= 1, "validation.every is \(every); expected 1 or more steps")
        }
        if let most = cacheMegabytes {
            expect((1...10_000_000).contains(most), "cache_megabytes is \(most); expected 1 to 10000000")
        }
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
                .badRecipe, "the recipe does not fit the backbone", why: wrong,
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

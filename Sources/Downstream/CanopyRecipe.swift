// How to train a canopy height head: one value, one YAML document.
public import Backbone
internal import Geo
public import Telemetry

/// A recipe for a canopy height head on a frozen backbone: a complete document without data paths.
public struct CanopyRecipe: Codable, Sendable, Equatable {
    /// The sizes of the head.
    public var head = DenseHeadConfiguration()
    /// From the head's numbers to metres.
    public var bins = HeightBins()
    /// The four blocks whose tokens the head sees, from 0, shallowest first; a shallow backbone may give one twice.
    public var taps = [5, 11, 17, 23]
    /// Side in pixels of the windows that a map is made of; a multiple of the patch size.
    public var window = 512
    /// Side in pixels of a training crop; a multiple of the patch size.
    public var crop = 416
    /// Optimiser steps.
    public var steps = 100_000
    /// Crops per step.
    public var batch = 16
    /// AdamW and its schedule.
    public var optimizer = Optimizer()
    /// What is minimised.
    public var loss = Loss()
    /// Random changes of crops.
    public var augmentation = Augmentation()
    /// What is held out.
    public var validation = Validation()
    /// Pixels of truth above this are taken for mistakes and not used, metres.
    public var maxHeight = 100.0
    /// Share of a crop's pixels that must be valid and not held out.
    public var minimumValid = 0.3
    /// Number of crops drawn beforehand, whose features are computed once and kept; 0 draws fresh crops in each step.
    ///
    /// The backbone is frozen, so a fixed set of crops makes a step many times cheaper. All flips and turns of the
    /// augmentation are drawn into the set.
    public var cachedCrops = 0
    /// Steps between checkpoints.
    public var checkpointEvery = 1000
    /// The seed of all random choices.
    public var seed: UInt64 = 0

    /// AdamW with a linear warm-up and a cosine to zero.
    public struct Optimizer: Codable, Sendable, Equatable {
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
    }

    /// Scale-invariant logarithmic loss that hands over to the Charbonnier loss.
    ///
    /// Charbonnier from the start collapses to the mean; the logarithmic loss first finds the order of heights.
    public struct Loss: Codable, Sendable, Equatable {
        /// Share of the steps at which the hand-over begins.
        public var handOverStart = 0.0
        /// Share of the steps at which it is complete.
        public var handOverEnd = 0.3
        /// Weight of the squared mean in the logarithmic loss; the variance has weight 1.
        public var meanWeight = 0.15
        /// Metres added before the logarithm.
        public var logarithmOffset = 0.1
        /// The Charbonnier loss is quadratic below this difference, metres.
        public var charbonnier = 0.1

        /// The keys on disk.
        public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
            case handOverStart = "hand_over_start"
            case handOverEnd = "hand_over_end"
            case meanWeight = "mean_weight"
            case logarithmOffset = "logarithm_offset"
            case charbonnier
        }

        /// The published recipe where it gives numbers.
        public init() {}
    }

    /// Random changes of crops; shadows tell height, but from any side.
    public struct Augmentation: Codable, Sendable, Equatable {
        /// Mirrored left to right, half the time.
        public var flips = true
        /// Turned by quarters.
        public var turns = true

        /// Flips and turns.
        public init() {}
    }

    /// What is held out: whole blocks of ground, so that no tree is on both sides.
    public struct Validation: Codable, Sendable, Equatable {
        /// Side of a block, metres.
        public var block = 120.0
        /// Share of the blocks that are held out.
        public var share = 0.2
        /// Largest number of windows that are looked at.
        public var windows = 64

        /// Blocks of 120 m, a fifth of them.
        public init() {}
    }

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case head, bins, taps, window, crop, steps, batch, optimizer, loss, augmentation, validation
        case maxHeight = "max_height"
        case minimumValid = "minimum_valid"
        case cachedCrops = "cached_crops"
        case checkpointEvery = "checkpoint_every"
        case seed
    }

    /// The published recipe.
    public init() {}
}

extension CanopyRecipe {
    /// Checks that the values are in range and fit together.
    ///
    /// - Throws: `DownstreamError` (`badRecipe`) that names every key that is wrong.
    public func validate() throws(DownstreamError) {
        var wrong = head.problems + bins.problems
        func expect(_ holds: Bool, _ words: @autoclosure () -> String) {
            if !holds { wrong.append(words()) }
        }
        expect(
            taps.count == 4 && taps.allSatisfy { $0 >= 0 } && zip(taps, taps.dropFirst()).allSatisfy(<=),
            "taps is \(taps); expected four block numbers, counted from 0, in ascending order")
        expect((8...8192).contains(window), "window is \(window); expected 8 to 8192 pixels")
        expect((8...4096).contains(crop), "crop is \(crop); expected 8 to 4096 pixels")
        expect((1...100_000_000).contains(steps), "steps is \(steps); expected 1 or more")
        expect((1...4096).contains(batch), "batch is \(batch); expected 1 to 4096")
        expect((0...1_000_000).contains(cachedCrops), "cached_crops is \(cachedCrops); expected 0 to 1000000")
        expect(
            cachedCrops == 0 || cachedCrops >= batch,
            "cached_crops is \(cachedCrops); expected at least the batch, \(batch), or 0")
        expect(checkpointEvery >= 1, "checkpoint_every is \(checkpointEvery); expected 1 or more")
        expect(maxHeight.isFinite && maxHeight > 0, "max_height is \(maxHeight); expected metres above 0")
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
            loss.handOverStart >= 0 && loss.handOverStart <= loss.handOverEnd && loss.handOverEnd <= 1,
            """
            loss.hand_over_start is \(loss.handOverStart) and hand_over_end \(loss.handOverEnd); \
            expected 0 <= start <= end <= 1
            """)
        expect(loss.meanWeight > 0, "loss.mean_weight is \(loss.meanWeight); expected above 0")
        expect(
            loss.logarithmOffset > 0 && loss.logarithmOffset.isFinite,
            "loss.logarithm_offset is \(loss.logarithmOffset); expected metres above 0")
        expect(
            loss.charbonnier > 0 && loss.charbonnier.isFinite,
            "loss.charbonnier is \(loss.charbonnier); expected metres above 0")
        expect(
            (1...1_000_000).contains(validation.block),
            "validation.block is \(validation.block); expected 1 to 1000000 metres")
        expect(
            validation.share >= 0 && validation.share < 1,
            "validation.share is \(validation.share); expected 0 up to, but not including, 1")
        expect(
            (1...1_000_000).contains(validation.windows),
            "validation.windows is \(validation.windows); expected 1 to 1000000")
        guard wrong.isEmpty else {
            throw DownstreamError(.badRecipe, "the canopy recipe is invalid", why: wrong)
        }
    }

    /// Checks that the recipe fits a backbone.
    ///
    /// - Throws: `DownstreamError` (`badRecipe`).
    public func validate(for backbone: BackboneConfiguration) throws(DownstreamError) {
        try validate()
        var wrong: [String] = []
        var fitting: [String] = []
        if let last = taps.last, last >= backbone.depth {
            wrong.append("taps is \(taps); this backbone has blocks 0 to \(backbone.depth - 1)")
            // The ends of the four quarters, as in the published models.
            fitting.append("taps: \((1...4).map { max($0 * backbone.depth / 4 - 1, 0) })")
        }
        for (name, size) in [("window", window), ("crop", crop)] where size % backbone.patchSize != 0 {
            wrong.append("\(name) is \(size); expected a multiple of the patch size, \(backbone.patchSize)")
            fitting.append("\(name): \(BackboneArchitecture.transformer(backbone).fittingSide(size))")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(
                .badRecipe, "the canopy recipe does not fit the backbone", why: wrong,
                try: "write into the recipe: \(fitting.joined(separator: "; "))")
        }
    }
}

// How to train a canopy height head: one value, one YAML document.
internal import Backbone
internal import Geo
public import Telemetry
internal import Training

/// A recipe for a canopy height head on a frozen backbone: a complete document without data paths.
public struct CanopyRecipe: HeadRecipe {
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
    public var optimizer = HeadOptimizer()
    /// What is minimised.
    public var loss = Loss()
    /// Random changes of crops.
    public var augmentation = CropAugmentation()
    /// What is held out.
    public var validation = HeldOutGround()
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

    /// The ending for heights, which has no name on disk.
    public var headConfiguration: HeadConfiguration { .depth(head) }
}

extension CanopyRecipe {
    /// Checks that the values are in range and fit together.
    ///
    /// - Throws: `DownstreamError` (`badRecipe`) that names every key that is wrong.
    public func validate() throws(DownstreamError) {
        var wrong = sharedProblems + bins.problems
        func expect(_ holds: Bool, _ words: @autoclosure () -> String) {
            if !holds { wrong.append(words()) }
        }
        expect(
            validation.every == nil,
            "validation.every is \(validation.every ?? 0); a canopy head is validated once, after its last step: leave it out"
        )
        expect(maxHeight.isFinite && maxHeight > 0, "max_height is \(maxHeight); expected metres above 0")
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
        guard wrong.isEmpty else {
            throw DownstreamError(.badRecipe, "the canopy recipe is invalid", why: wrong)
        }
    }
}

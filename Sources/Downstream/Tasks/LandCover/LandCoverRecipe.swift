// How to train a land-cover head: one value, one YAML document.
internal import Backbone
public import Telemetry
internal import Training

/// A recipe for a land-cover head on a frozen backbone: a complete document without data paths.
public struct LandCoverRecipe: HeadRecipe {
    /// The form and the sizes of the head.
    public var head = HeadConfiguration.linear(LinearHeadConfiguration())
    /// The blocks whose tokens the head sees, from 0, shallowest first; as many as it takes.
    public var taps = [11]
    /// Side in pixels of the windows that a map is made of; a multiple of the patch size.
    public var window = 512
    /// Side in pixels of a training crop; a multiple of the patch size.
    public var crop = 512
    /// Optimiser steps.
    public var steps = 40_000
    /// Crops per step.
    public var batch = 16
    /// AdamW and its schedule.
    public var optimizer = HeadOptimizer()
    /// What is minimised.
    public var loss = LandCoverLoss()
    /// How crops are drawn.
    public var sampling = ClassSampling()
    /// Random changes of crops.
    public var augmentation = CropAugmentation()
    /// What is held out.
    public var validation = HeldOutGround()
    /// Share of a crop's pixels that must be labelled and not held out, for crops that were not drawn for a class; sparse labels need little.
    public var minimumValid = 0.0001
    /// Number of crops drawn beforehand, whose features are computed once and kept; 0 draws fresh crops in each step.
    ///
    /// Features are kept in half precision, labels as bytes.
    public var cachedCrops = 0
    /// Most memory for these features, in megabytes; `nil` for 4000.
    public var cacheMegabytes: Int?
    /// Steps between checkpoints.
    public var checkpointEvery = 1000
    /// The seed of all random choices.
    public var seed: UInt64 = 0

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case head, taps, window, crop, steps, batch, optimizer, loss, sampling, augmentation, validation
        case minimumValid = "minimum_valid"
        case cachedCrops = "cached_crops"
        case cacheMegabytes = "cache_megabytes"
        case checkpointEvery = "checkpoint_every"
        case seed
    }

    /// The linear segmentation of DINOv3, on crops of one image size.
    public init() {}

    /// The form and the sizes of the head.
    public var headConfiguration: HeadConfiguration { head }
}

/// How training crops of classes are drawn.
public struct ClassSampling: Codable, Sendable, Equatable {
    /// Share of the crops that are drawn for a class, each class as often as any other; the rest is drawn from all labelled windows alike.
    ///
    /// Where a class is rare, other crops seldom show it.
    public var classShare = 0.5

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case classShare = "class_share"
    }

    /// Half of the crops.
    public init() {}
}

extension LandCoverRecipe {
    /// Checks that the values are in range and fit together.
    ///
    /// - Throws: `DownstreamError` (`badRecipe`) that names every key that is wrong.
    public func validate() throws(DownstreamError) {
        var wrong = sharedProblems + loss.problems
        if case .depth = head { wrong.append("head has no kind; expected kind: linear, dpt or upernet") }
        if !(0...1).contains(sampling.classShare) {
            wrong.append("sampling.class_share is \(sampling.classShare); expected 0 to 1")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(.badRecipe, "the land-cover recipe is invalid", why: wrong)
        }
    }
}

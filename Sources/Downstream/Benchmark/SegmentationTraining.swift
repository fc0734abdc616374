// How a benchmark's protocol trains its head, whatever the backbone: the recipe of a land-cover head with what the backbone decides left open.
internal import Backbone
internal import Telemetry
internal import Training

/// The blocks of a backbone whose tokens a head sees.
///
/// In documents `quarters`, `last`, or a list of block numbers.
public enum TapRule: Codable, Sendable, Equatable {
    /// The last blocks of the four quarters, as in DINOv3's dense heads.
    case quarters
    /// The last block.
    case last
    /// Blocks by their numbers, from 0, shallowest first.
    case blocks([Int])

    /// Reads a name or numbers.
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let blocks = try? value.decode([Int].self) {
            self = .blocks(blocks)
            return
        }
        switch try? value.decode(String.self) {
        case "quarters": self = .quarters
        case "last": self = .last
        default:
            throw DecodingError.dataCorruptedError(
                in: value, debugDescription: "taps must be quarters, last, or a list of block numbers such as [5, 11]")
        }
    }

    /// Writes the name or the numbers.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .quarters: try value.encode("quarters")
        case .last: try value.encode("last")
        case .blocks(let blocks): try value.encode(blocks)
        }
    }

    /// The numbers of the blocks in a network of some depth.
    func blocks(depth: Int) -> [Int] {
        switch self {
        case .quarters: (1...4).map { max($0 * depth / 4 - 1, 0) }
        case .last: [max(depth - 1, 0)]
        case .blocks(let blocks): blocks
        }
    }
}

/// How a head is trained on a segmentation benchmark.
public struct SegmentationTraining: Codable, Sendable, Equatable {
    /// The form and the sizes of the head.
    public var head = HeadConfiguration.linear(LinearHeadConfiguration())
    /// The blocks whose tokens it sees.
    public var taps = TapRule.last
    /// Side in pixels of a training crop, of images as they are after resizing.
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
    /// Steps between validations, the best of which gives the head; `nil` for the head of the last step.
    public var validateEvery: Int?
    /// Number of crops whose features are computed once and kept; 0 draws fresh crops in each step.
    public var cachedCrops = 0

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case head, taps, crop, steps, batch, optimizer, loss, sampling, augmentation
        case validateEvery = "validate_every"
        case cachedCrops = "cached_crops"
    }

    /// The linear segmentation of DINOv3.
    public init() {}

    /// Writes all keys, `null` where nothing is validated before the end.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(head, forKey: .head)
        try keys.encode(taps, forKey: .taps)
        try keys.encode(crop, forKey: .crop)
        try keys.encode(steps, forKey: .steps)
        try keys.encode(batch, forKey: .batch)
        try keys.encode(optimizer, forKey: .optimizer)
        try keys.encode(loss, forKey: .loss)
        try keys.encode(sampling, forKey: .sampling)
        try keys.encode(augmentation, forKey: .augmentation)
        try keys.encode(validateEvery, forKey: .validateEvery)
        try keys.encode(cachedCrops, forKey: .cachedCrops)
    }

    /// Whether the validation split chooses the head: among steps, or among learning rates.
    public var needsValidation: Bool { validateEvery != nil || optimizer.learningRates != nil }

    /// What is wrong, one sentence each; empty where nothing is.
    ///
    /// Whether a backbone has the blocks is not checked.
    public var problems: [String] {
        do throws(DownstreamError) { try recipe(depth: 1 << 20, window: crop, seed: 0).validate() } catch {
            return error.causes.map { "training.\($0)" }
        }
        return []
    }

    /// The recipe for a backbone.
    ///
    /// - Parameters:
    ///   - depth: Number of the backbone's blocks.
    ///   - window: Side in pixels of a window of prediction.
    ///   - seed: Of all random choices.
    public func recipe(depth: Int, window: Int, seed: UInt64) -> LandCoverRecipe {
        var recipe = LandCoverRecipe()
        recipe.head = head
        recipe.taps = taps.blocks(depth: depth)
        recipe.window = window
        recipe.crop = crop
        recipe.steps = steps
        recipe.batch = batch
        recipe.optimizer = optimizer
        recipe.loss = loss
        recipe.sampling = sampling
        recipe.augmentation = augmentation
        recipe.cachedCrops = cachedCrops
        recipe.seed = seed
        // The split of the set decides, image by image; all of its validation images are looked at.
        recipe.validation.share = 0
        recipe.validation.windows = 1_000_000
        recipe.validation.every = validateEvery
        recipe.checkpointEvery = max(1, min(1000, steps / 4))
        return recipe
    }

    /// The head and its training in words: a name and a value each.
    public var switches: [(name: String, value: String)] {
        let rates = optimizer.learningRates ?? [optimizer.learningRate]
        let taps =
            switch taps {
            case .quarters: "last blocks of the four quarters"
            case .last: "last block"
            case .blocks(let blocks): "blocks \(blocks.map { "\($0)" }.joined(separator: ", "))"
            }
        let chosen =
            validateEvery.map { "best of every \($0) steps on validation" }
            ?? (rates.count > 1 ? "best rate on validation after the last step" : "after the last step")
        return [
            ("head", "\(head.name) on \(taps) of the frozen backbone"),
            (
                "trained",
                "\(steps) steps of \(batch) crops of \(crop) pixels, AdamW, learning rate \(rates.map { "\($0)" }.joined(separator: " or ")), weight decay \(optimizer.weightDecay)"
            ),
            ("chosen", chosen),
        ]
    }
}

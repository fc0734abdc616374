// What the head is trained on: features of the frozen backbone, fresh or kept.
package import Backbone
internal import Telemetry
package import Torch

/// A batch for one step of the head.
package struct FeatureBatch {
    /// The taps.
    package let taps: [(map: Tensor, cls: Tensor)]
    /// The labels' numbers, `[B, 1, S, S]`.
    package let target: Tensor
    /// 1 where a pixel counts, `[B, 1, S, S]`.
    package let valid: Tensor
}

/// How features of crops are kept.
package enum CacheForm: Sendable {
    /// As they were computed, where the network is.
    case exact
    /// In main memory: features in half precision, labels, which are whole numbers up to 255, as bytes.
    case compact

    /// Bytes of one crop.
    ///
    /// - Parameters:
    ///   - features: Numbers of all taps.
    ///   - pixels: Pixels of the labels.
    fileprivate func bytes(features: Int, pixels: Int) -> Double {
        switch self {
        case .exact: 4 * Double(features + 2 * pixels)
        case .compact: Double(2 * features + 2 * pixels)
        }
    }

    /// Features as they are kept.
    fileprivate func keptFeatures(_ x: Tensor) -> Tensor {
        switch self {
        case .exact: x
        // What half precision cannot hold becomes its largest number, not infinity.
        case .compact: x.clamped(min: -65504, max: 65504).to(.float16).to(.cpu)
        }
    }

    /// Labels as they are kept.
    fileprivate func keptLabels(_ x: Tensor) -> Tensor {
        switch self {
        case .exact: x
        case .compact: x.to(.uint8).to(.cpu)
        }
    }
}

/// Features of a fixed set of crops, computed once; or of fresh crops for every step.
package final class CropFeatures {
    private let sampler: CropSampler
    private let backbone: VisionTransformer
    private let taps: [Int]
    private let batchSize: Int
    private let cached: Int
    private let form: CacheForm
    private var kept: FeatureBatch?

    /// Prepares the batches of a recipe; computes the fixed set where the recipe asks for one.
    ///
    /// - Parameters:
    ///   - taps: The blocks whose tokens are wanted.
    ///   - batch: Crops per step.
    ///   - cached: Number of crops that are kept; 0 draws fresh ones.
    ///   - form: How they are kept.
    ///   - megabytes: The most memory for them in the compact form; `nil` for 4000. In the exact form it is 16 GB.
    ///   - progress: Told of crops done; an answer of `false` stops.
    /// - Throws: What the source throws; `DownstreamError` (`badRecipe`) for a set beyond the memory, `cancelled`.
    package init(
        sampler: CropSampler, backbone: VisionTransformer, taps: [Int], batch: Int, cached: Int,
        form: CacheForm = .exact, megabytes: Int? = nil, progress: (Int, Int) -> Bool = { _, _ in true }
    ) throws {
        self.sampler = sampler
        self.backbone = backbone
        self.taps = taps
        batchSize = batch
        self.cached = cached
        self.form = form
        guard cached > 0 else { return }
        try Size(
            crop: sampler.settings.crop, taps: taps.count, width: backbone.configuration.width,
            patchSize: backbone.configuration.patchSize
        ).check(cached: cached, batch: batch, form, megabytes: megabytes)
        var set: FeatureBatch?
        for start in stride(from: 0, to: cached, by: batchSize) {
            guard progress(start, cached) else {
                throw DownstreamError(.cancelled, "stopped while computing the features of crops")
            }
            let count = min(batchSize, cached - start)
            let part = stored(try fresh((start..<start + count).map { [CropSampler.keptSet, $0] }))
            let whole = set ?? Self.empty(like: part, count: cached)
            set = whole
            // Put in its place at once: to join parts at the end would take the memory twice.
            for (target, source) in zip(whole.tensors, part.tensors) {
                withoutGradient { _ = target.narrow(dim: 0, start: start, length: count).copy_(source) }
            }
        }
        kept = set
    }

    /// Checks that the crops that a recipe keeps have room, before anything is computed.
    ///
    /// - Parameters:
    ///   - width: Length of a token.
    ///   - patchSize: Side of a patch, pixels.
    /// - Throws: `DownstreamError` (`badRecipe`).
    static func checkSize(_ recipe: some HeadRecipe, _ form: CacheForm, width: Int, patchSize: Int) throws {
        guard recipe.cachedCrops > 0 else { return }
        try Size(crop: recipe.crop, taps: recipe.taps.count, width: width, patchSize: patchSize)
            .check(cached: recipe.cachedCrops, batch: recipe.batch, form, megabytes: recipe.cacheMegabytes)
    }

    /// The batch of a step, from 0.
    package func batch(step: Int) throws -> FeatureBatch {
        guard let kept else { return try fresh((0..<batchSize).map { [1, step, $0] }) }
        // Steps walk through one permutation of the set after another.
        let first = step * batchSize
        var chosen: [Int] = []
        var order: (round: Int, places: [Int])?
        for place in first..<first + batchSize {
            let round = place / cached
            if order?.round != round {
                var random = CounterRandom(seed: sampler.settings.seed ^ 0x6f72_6465, path: [round])
                order = (round, random.permutation(cached))
            }
            if let order { chosen.append(order.places[place % cached]) }
        }
        let index = Tensor(chosen, shape: [chosen.count], device: kept.target.device)
        func taken(_ x: Tensor) -> Tensor {
            let rows = x.indexSelect(dim: 0, indices: index)
            return form == .exact ? rows : rows.to(backbone.device).to(.float32)
        }
        return FeatureBatch(
            taps: kept.taps.map { (taken($0.map), taken($0.cls)) }, target: taken(kept.target),
            valid: taken(kept.valid))
    }

    private func fresh(_ paths: [[Int]]) throws -> FeatureBatch {
        let crops = try paths.map(sampler.crop)
        return FeatureBatch(
            taps: backbone.taps(stack(crops.map(\.image)), taps),
            target: stack(crops.map(\.target)).to(backbone.device), valid: stack(crops.map(\.valid)).to(backbone.device)
        )
    }

    /// A batch in the form in which it is kept.
    private func stored(_ batch: FeatureBatch) -> FeatureBatch {
        FeatureBatch(
            taps: batch.taps.map { (form.keptFeatures($0.map), form.keptFeatures($0.cls)) },
            target: form.keptLabels(batch.target), valid: form.keptLabels(batch.valid))
    }

    /// Room for some crops.
    private static func empty(like batch: FeatureBatch, count: Int) -> FeatureBatch {
        func room(_ x: Tensor) -> Tensor {
            .zeros([count] + x.shape.dropFirst(), dtype: x.dtype, device: x.device)
        }
        return FeatureBatch(
            taps: batch.taps.map { (room($0.map), room($0.cls)) }, target: room(batch.target), valid: room(batch.valid))
    }
}

extension FeatureBatch {
    /// All tensors, in one order.
    fileprivate var tensors: [Tensor] { taps.flatMap { [$0.map, $0.cls] } + [target, valid] }
}

/// How much a crop takes when it is kept.
private struct Size {
    let crop: Int
    let taps: Int
    let width: Int
    let patchSize: Int

    /// - Throws: `badRecipe` where the crops need more than there is.
    func check(cached: Int, batch: Int, _ form: CacheForm, megabytes: Int?) throws {
        let grid = crop / patchSize
        let each = form.bytes(features: taps * width * (grid * grid + 1), pixels: crop * crop)
        switch form {
        case .exact:
            let gigabytes = each * Double(cached) / 1e9
            guard gigabytes <= 16 else {
                throw DownstreamError(
                    .badRecipe,
                    "the features of \(cached) cached crops would need \(Int(gigabytes)) GB; the limit is 16",
                    in: "cached_crops", try: "cache fewer crops, or none (0)")
            }
        case .compact:
            let limit = megabytes ?? 4000
            let needed = Int((each * Double(cached) / 1e6).rounded(.up))
            guard needed > limit else { return }
            let fitting = Int(Double(limit) * 1e6 / each)
            throw DownstreamError(
                .badRecipe,
                """
                the features of \(cached) cached crops would need \(needed) MB; the limit is \(limit), enough for \(fitting) crops
                """,
                in: "cached_crops",
                try: """
                    write into the recipe: cached_crops: \(fitting >= batch ? fitting : 0), or cache_megabytes: \(needed) if there is \
                    that much memory
                    """)
        }
    }
}

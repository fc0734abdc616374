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

/// Features of a fixed set of crops, computed once; or of fresh crops for every step.
package final class CropFeatures {
    private let sampler: CropSampler
    private let backbone: VisionTransformer
    private let taps: [Int]
    private let batchSize: Int
    private let cached: Int
    private var kept: FeatureBatch?

    /// Prepares the batches of a recipe; computes the fixed set where the recipe asks for one.
    ///
    /// - Parameters:
    ///   - taps: The blocks whose tokens are wanted.
    ///   - batch: Crops per step.
    ///   - cached: Number of crops that are kept; 0 draws fresh ones.
    ///   - progress: Told of crops done; an answer of `false` stops.
    /// - Throws: What the source throws; `DownstreamError` (`badRecipe`) for a set beyond 16 GB, `cancelled`.
    package init(
        sampler: CropSampler, backbone: VisionTransformer, taps: [Int], batch: Int, cached: Int,
        progress: (Int, Int) -> Bool = { _, _ in true }
    ) throws {
        self.sampler = sampler
        self.backbone = backbone
        self.taps = taps
        batchSize = batch
        self.cached = cached
        guard cached > 0 else { return }
        let side = sampler.settings.crop
        let grid = side / backbone.configuration.patchSize
        let floats = taps.count * backbone.configuration.width * (grid * grid + 1) + 2 * side * side
        let gigabytes = Double(floats) * 4 * Double(cached) / 1e9
        guard gigabytes <= 16 else {
            throw DownstreamError(
                .badRecipe,
                "the features of \(cached) cached crops would need \(Int(gigabytes)) GB; the limit is 16",
                in: "cached_crops", try: "cache fewer crops, or none (0)")
        }
        var batches: [FeatureBatch] = []
        for start in stride(from: 0, to: cached, by: batchSize) {
            guard progress(start, cached) else {
                throw DownstreamError(.cancelled, "stopped while computing the features of crops")
            }
            let count = min(batchSize, cached - start)
            batches.append(try fresh((start..<start + count).map { [0, $0] }))
        }
        kept = FeatureBatch(
            taps: taps.indices.map { tap in
                (concatenate(batches.map { $0.taps[tap].map }), concatenate(batches.map { $0.taps[tap].cls }))
            },
            target: concatenate(batches.map(\.target)), valid: concatenate(batches.map(\.valid)))
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
        let index = Tensor(chosen, shape: [chosen.count], device: backbone.device)
        return FeatureBatch(
            taps: kept.taps.map {
                ($0.map.indexSelect(dim: 0, indices: index), $0.cls.indexSelect(dim: 0, indices: index))
            },
            target: kept.target.indexSelect(dim: 0, indices: index),
            valid: kept.valid.indexSelect(dim: 0, indices: index))
    }

    private func fresh(_ paths: [[Int]]) throws -> FeatureBatch {
        let crops = try paths.map(sampler.crop)
        return FeatureBatch(
            taps: backbone.taps(stack(crops.map(\.image)), taps),
            target: stack(crops.map(\.target)).to(backbone.device), valid: stack(crops.map(\.valid)).to(backbone.device)
        )
    }
}

// Which crops the trainer sees: a function of the seed and the place in training, nothing else.
internal import Backbone
package import Geo
internal import Telemetry
package import Torch

/// One training crop.
package struct TrainingCrop {
    /// Normalised pixels, `[C, S, S]`.
    package let image: Tensor
    /// Metres, `[1, S, S]`.
    package let height: Tensor
    /// 1 where a pixel counts, `[1, S, S]`.
    package let valid: Tensor
}

/// Draws crops of a source of pairs.
package struct CropSampler {
    package let source: any PairSource
    package let recipe: CanopyRecipe
    package let blocks: SpatialBlocks
    package let grids: [Grid]
    private let grounds: [GroundPlaces?]
    private let normalizer: PixelNormalizer
    // Running sums of the number of places a crop can have, per pair.
    private let places: [Double]

    /// Looks at all pairs' grids.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) where there are none, or none large enough for a crop.
    package init(
        source: any PairSource, recipe: CanopyRecipe, gsd: Double, normalizer: PixelNormalizer
    ) throws {
        self.source = source
        self.recipe = recipe
        self.normalizer = normalizer
        blocks = SpatialBlocks(
            block: recipe.validation.block, gsd: gsd, share: recipe.validation.share, seed: recipe.seed)
        guard source.pairCount > 0 else { throw DownstreamError(.badPairs, "there are no pairs to train on") }
        grids = try (0..<source.pairCount).map { try source.grid(ofPair: $0) }
        grounds = try (0..<source.pairCount).map { try source.places(ofPair: $0) }
        var sum = 0.0
        var places: [Double] = []
        for grid in grids {
            let free = (columns: grid.width - recipe.crop + 1, rows: grid.height - recipe.crop + 1)
            if free.columns > 0, free.rows > 0 { sum += Double(free.columns) * Double(free.rows) }
            places.append(sum)
        }
        self.places = places
        guard sum > 0 else {
            let largest = grids.max { min($0.width, $0.height) < min($1.width, $1.height) }
            throw DownstreamError(
                .badPairs,
                """
                no pair is large enough for a crop of \(recipe.crop) x \(recipe.crop) pixels at \(gsd) m; \
                the largest has \(largest?.width ?? 0) x \(largest?.height ?? 0)
                """, try: "reduce crop in the recipe, or give larger images")
        }
    }

    /// The crop of one place in training.
    ///
    /// Places without enough valid pixels outside held-out blocks are drawn again; after 32 the best so far is taken.
    ///
    /// - Parameter path: The place, such as step and sample.
    /// - Throws: `DownstreamError` (`badPairs`) where not one valid pixel was found, and what the source throws.
    package func crop(_ path: [Int]) throws -> TrainingCrop {
        var random = CounterRandom(seed: recipe.seed ^ 0x6372_6f70, path: path)
        var best: (pair: Int, image: PixelBuffer, target: HeightTarget)?
        for _ in 0..<32 {
            let (pair, window) = place(&random)
            let heldOut = heldOut(pair, window)
            let free = heldOut.count { !$0 }
            guard Double(free) >= recipe.minimumValid * Double(heldOut.count) else { continue }
            let (image, height) = try source.crop(pair: pair, window: window)
            let target = try HeightTarget(
                checked(height, like: window, pair), maxHeight: recipe.maxHeight, excluded: heldOut)
            if target.validShare > best?.target.validShare ?? 0 { best = (pair, image, target) }
            if target.validShare >= recipe.minimumValid { break }
        }
        guard let best else {
            throw DownstreamError(
                .badPairs,
                "32 crops in a row had no pixel to train on", in: "",
                why: [
                    "their heights are missing or above max_height (\(recipe.maxHeight) m), or all ground is held out"
                ],
                try: "check that images and heights overlap, or reduce validation.block or minimum_valid")
        }
        let symmetries = recipe.augmentation.symmetries
        let symmetry = symmetries[random.integer(below: symmetries.count)]
        let image = try normalizer(best.image, place: "pair \(best.pair)")
        let shape = [1, recipe.crop, recipe.crop]
        return TrainingCrop(
            image: laid(image, symmetry: symmetry),
            height: laid(Tensor(best.target.metres, shape: shape), symmetry: symmetry),
            valid: laid(Tensor(best.target.valid, shape: shape), symmetry: symmetry))
    }

    /// True for every pixel of a pair's window that is held out, row by row.
    package func heldOut(_ pair: Int, _ window: PixelWindow) -> [Bool] {
        grounds[pair].map { blocks.heldOut(window, at: $0) } ?? blocks.heldOut(window, of: grids[pair], pair: pair)
    }

    /// A pair, by the number of places it has, and a window in it.
    private func place(_ random: inout CounterRandom) -> (pair: Int, window: PixelWindow) {
        let drawn = random.unit() * (places.last ?? 0)
        // The second choice is for a product that rounds up to the sum itself.
        let pair = places.firstIndex { $0 > drawn } ?? places.firstIndex { $0 == places.last } ?? 0
        let grid = grids[pair]
        return (
            pair,
            PixelWindow(
                column: random.integer(below: grid.width - recipe.crop + 1),
                row: random.integer(below: grid.height - recipe.crop + 1), width: recipe.crop, height: recipe.crop)
        )
    }

    /// A pair's heights, of the window's size.
    package func checked(_ height: PixelBuffer, like window: PixelWindow, _ pair: Int) throws(DownstreamError)
        -> PixelBuffer
    {
        guard height.bands == 1, height.width == window.width, height.height == window.height else {
            throw DownstreamError(
                .badPairs,
                """
                expected one band of \(window.width) x \(window.height) heights; found \(height.bands) of \
                \(height.width) x \(height.height)
                """, in: "pair \(pair)")
        }
        return height
    }
}

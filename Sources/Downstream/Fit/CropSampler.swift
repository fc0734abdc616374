// Which crops the trainer sees: a function of the seed and the place in training, nothing else.
package import Backbone
package import Geo
internal import Telemetry
package import Torch

/// One training crop.
package struct TrainingCrop {
    /// Normalised pixels, `[C, S, S]`.
    package let image: Tensor
    /// The labels' numbers, such as metres, `[1, S, S]`.
    package let target: Tensor
    /// 1 where a pixel counts, `[1, S, S]`.
    package let valid: Tensor
}

/// Where a crop is cut.
package struct CropPlace: Sendable {
    /// The image.
    package let pair: Int
    /// The crop in it.
    package let window: PixelWindow
    /// Whether it was chosen for a label that it shows, so that it needs no more of them.
    package let showsLabel: Bool

    /// Makes a place.
    package init(pair: Int, window: PixelWindow, showsLabel: Bool = false) {
        self.pair = pair
        self.window = window
        self.showsLabel = showsLabel
    }
}

/// Draws crops of labelled images.
package struct CropSampler {
    /// The images.
    package let source: any LabelledSource
    /// How crops are cut.
    package let settings: CropSettings
    /// Brings pixels to what the backbone was trained on.
    package let normalizer: PixelNormalizer
    /// What the labels of a window are worth.
    package let target: (Target, _ excluded: [Bool]?) throws -> HeadTarget
    /// Draws the place of a crop in place of the draw by area, `nil` to leave it to that; a function of its random numbers and of the
    /// number alone that a crop of the kept set has.
    package var preferred: (@Sendable (inout CounterRandom, _ kept: Int?) -> CropPlace?)?
    /// Windows that hold labels on held-out ground, where these were looked for; `nil` where they were not.
    package var labelledHeldOut: [(pair: Int, window: PixelWindow)]?
    /// The first number of the path of a crop whose features are kept; its number in that set follows.
    package static let keptSet = 0
    private let blocks: SpatialBlocks
    private let items: [LabelledItem]
    // Running sums of the number of places a crop can have, per pair; images that are held out as a whole have none.
    private let places: [Double]

    /// Looks at all pairs' grids.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) where there are none, none to train on, or none of those large enough for a crop.
    package init(
        source: any LabelledSource, settings: CropSettings, gsd: Double, normalizer: PixelNormalizer,
        target: @escaping (Target, _ excluded: [Bool]?) throws -> HeadTarget
    ) throws {
        self.source = source
        self.settings = settings
        self.normalizer = normalizer
        self.target = target
        blocks = SpatialBlocks(
            block: settings.heldOut.block, gsd: gsd, share: settings.heldOut.share, seed: settings.seed)
        guard source.count > 0 else { throw DownstreamError(.badPairs, "no training pairs were given") }
        items = try (0..<source.count).map { try source.item($0) }
        var sum = 0.0
        var places: [Double] = []
        for item in items {
            let free = (columns: item.width - settings.crop + 1, rows: item.height - settings.crop + 1)
            if free.columns > 0, free.rows > 0, item.isHeldOut != true {
                sum += Double(free.columns) * Double(free.rows)
            }
            places.append(sum)
        }
        self.places = places
        let trained = items.filter { $0.isHeldOut != true }
        guard !trained.isEmpty else {
            throw DownstreamError(
                .badPairs, "every pair is held out, so that none is left to train on", in: names,
                try: "let the split of some pairs be train")
        }
        guard sum > 0 else {
            let largest = trained.max { min($0.width, $0.height) < min($1.width, $1.height) }
            throw DownstreamError(
                .badPairs,
                """
                no pair is large enough for a crop of \(settings.crop) x \(settings.crop) pixels at \(gsd) m; \
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
        var random = CounterRandom(seed: settings.seed ^ 0x6372_6f70, path: path)
        var best: (pair: Int, image: PixelBuffer, target: HeadTarget)?
        for attempt in 0..<32 {
            let kept = attempt == 0 && path.count == 2 && path[0] == Self.keptSet ? path[1] : nil
            let place = preferred?(&random, kept) ?? place(&random)
            let (pair, window) = (place.pair, place.window)
            // To ask more of a crop that was drawn for a class would favour the classes that cover much.
            let enough = place.showsLabel ? .leastNonzeroMagnitude : settings.minimumValid
            let heldOut = heldOut(pair, window)
            let free = heldOut.count { !$0 }
            guard Double(free) >= enough * Double(heldOut.count) else { continue }
            let (image, target) = try sample(pair, window, excluded: heldOut)
            if target.validShare > best?.target.validShare ?? 0 { best = (pair, image, target) }
            if target.validShare >= enough { break }
        }
        guard let best else {
            throw DownstreamError(
                .badPairs,
                "32 crops in a row had no pixel to train on", in: names,
                why: [
                    "their labels are missing or are not values that count (nodata, or out of range), or all ground is held out"
                ],
                try: "check that images and labels overlap, or reduce validation.block or minimum_valid")
        }
        let symmetries = settings.symmetries
        let symmetry = symmetries[random.integer(below: symmetries.count)]
        let image = try normalizer(best.image, place: "pair \(best.pair)")
        let shape = [1, settings.crop, settings.crop]
        return TrainingCrop(
            image: laid(image, symmetry: symmetry),
            target: laid(Tensor(best.target.values, shape: shape), symmetry: symmetry),
            valid: laid(Tensor(best.target.valid, shape: shape), symmetry: symmetry))
    }

    /// True for every pixel of an image's window that is held out, row by row: of all pixels or of none, where the source says what the
    /// image is for; else by blocks of ground.
    package func heldOut(_ index: Int, _ window: PixelWindow) -> [Bool] {
        let item = items[index]
        if let isHeldOut = item.isHeldOut {
            return [Bool](repeating: isHeldOut, count: window.width * window.height)
        }
        if let places = item.places { return blocks.heldOut(window, at: places) }
        // Without a grid the image has ground of its own.
        let grid =
            item.grid
            ?? Grid(
                crs: nil, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: item.width,
                height: item.height)
        return blocks.heldOut(window, of: grid, pair: index)
    }

    /// The first images, for messages.
    package var names: String { items.prefix(3).map(\.name).joined(separator: ", ") }

    /// Size of each image in pixels.
    package var sizes: [(width: Int, height: Int)] { items.map { ($0.width, $0.height) } }

    /// What the labels of a window are worth.
    ///
    /// - Throws: As `sample`.
    package func labels(_ index: Int, _ window: PixelWindow, excluded: [Bool]? = nil) throws -> HeadTarget {
        try checked(target(source.target(index, window: window), excluded), index, window)
    }

    private func checked(_ target: HeadTarget, _ index: Int, _ window: PixelWindow) throws -> HeadTarget {
        guard target.values.count == window.width * window.height else {
            throw DownstreamError(
                .badPairs,
                "expected labels of \(window.width) x \(window.height) pixels; found \(target.values.count) pixels",
                in: items[index].name)
        }
        return target
    }

    /// A window's image and what its labels are worth.
    ///
    /// - Throws: `badPairs` for labels of another size; what the source throws.
    package func sample(
        _ index: Int, _ window: PixelWindow, excluded: [Bool]? = nil
    ) throws -> (image: PixelBuffer, target: HeadTarget) {
        let (image, labels) = try source.sample(index, window: window)
        return (image, try checked(target(labels, excluded), index, window))
    }

    /// All windows of the crop's size side by side over all images, in an order that follows the seed.
    package func lattice() -> some Sequence<(pair: Int, window: PixelWindow)> {
        var corners: [(pair: Int, column: Int, row: Int)] = []
        let side = settings.crop
        for (pair, item) in items.enumerated() where item.width >= side && item.height >= side {
            for row in starts(item.height) { for column in starts(item.width) { corners.append((pair, column, row)) } }
        }
        var random = CounterRandom(seed: settings.seed ^ 0x6c61_7474, path: [])
        return random.permutation(corners.count).lazy.map { place in
            let corner = corners[place]
            return (
                corner.pair, PixelWindow(column: corner.column, row: corner.row, width: side, height: side)
            )
        }
    }

    /// Side by side from the start; the last is moved back inside.
    private func starts(_ length: Int) -> [Int] {
        var starts = Array(stride(from: 0, through: length - settings.crop, by: settings.crop))
        if let last = starts.last, last + settings.crop < length { starts.append(length - settings.crop) }
        return starts
    }

    /// Windows side by side over all images that hold held-out ground: at most as many as the settings say, chosen by
    /// the seed.
    package func validationWindows() -> [(pair: Int, window: PixelWindow)] {
        if let labelledHeldOut { return Array(labelledHeldOut.prefix(settings.heldOut.windows)) }
        return lattice().filter { pair, window in heldOut(pair, window).contains(true) }
            .prefix(settings.heldOut.windows).map { $0 }
    }

    /// A pair, by the number of places it has, and a window in it.
    private func place(_ random: inout CounterRandom) -> CropPlace {
        let drawn = random.unit() * (places.last ?? 0)
        // The second choice is for a product that rounds up to the sum itself.
        let pair = places.firstIndex { $0 > drawn } ?? places.firstIndex { $0 == places.last } ?? 0
        let item = items[pair]
        return CropPlace(
            pair: pair,
            window: PixelWindow(
                column: random.integer(below: item.width - settings.crop + 1),
                row: random.integer(below: item.height - settings.crop + 1), width: settings.crop, height: settings.crop
            )
        )
    }
}

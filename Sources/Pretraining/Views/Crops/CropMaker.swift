// The views of a tile that a step trains on: two global crops and several local ones.
internal import Backbone
package import Geo
internal import Telemetry
package import Training

/// Makes the crops of a tile, spec 6.1, in floats: nothing is rounded to 8 bits between the changes.
///
/// Every crop draws from its own stream, a function of (seed, step, sample, crop), so the pixels do not depend on threads.
/// Order: random part, antialiased bicubic resize, flips and quarter turns, then colour jitter, grayscale, blur, solarise
/// (second global crop alone), normalisation.
package struct CropMaker: Sendable {
    package let recipe: PretrainingRecipe.Crops
    /// Larger views of the global crops for the Gram teacher; `nil` where there are none.
    package let gram: PretrainingRecipe.Gram.Crop?
    package let seed: UInt64
    package let bands: Int
    private let scale: SampleScale
    private let colour: ColourBands?
    private let mean: [Float]
    private let normalize: PixelChange

    /// Makes the crop maker of a recipe for tiles of a layout.
    ///
    /// - Throws: `badSource` where the tiles do not fit the recipe.
    package init(recipe: PretrainingRecipe, layout: PixelLayout) throws {
        guard layout.bands.count == recipe.data.mean.count else {
            throw PretrainingError(
                .badSource,
                "the recipe normalises \(recipe.data.mean.count) bands, but the tiles have \(layout.bands.count): "
                    + layout.bands.map(\.name).joined(separator: ", "),
                try:
                    "set backbone.channels to the corpus's number of bands, and give data.mean and data.std one value per band"
            )
        }
        self.recipe = recipe.crops
        gram = recipe.gram?.crop
        seed = UInt64(recipe.seed)
        bands = layout.bands.count
        scale = try SampleScale(layout)
        colour = ColourBands(names: layout.bands.map(\.name))
        mean = recipe.data.mean.map(Float.init)
        normalize = .normalize(mean: mean, deviation: recipe.data.std.map(Float.init))
    }

    /// Samples of one global crop.
    package var globalSamples: Int { bands * recipe.global.size * recipe.global.size }
    /// Samples of one crop for the Gram teacher; 0 where there are none.
    package var gramSamples: Int { gram.map { bands * $0.size * $0.size } ?? 0 }
    /// Samples of one local crop.
    package var localSamples: Int { bands * recipe.local.size * recipe.local.size }

    /// Makes all crops of one tile.
    ///
    /// - Parameters:
    ///   - tile: `uint8` or `uint16`, at least one pixel; its bands are those of the layout.
    ///   - global: Where to write global crop 0 or 1: `globalSamples` samples.
    ///   - local: Where to write local crop 0, 1 ...: `localSamples` samples.
    ///   - larger: Where to write the view of global crop 0 or 1 for the Gram teacher: `gramSamples` samples; not asked where there are none.
    package func crops(
        of tile: PixelBuffer, step: Int, sample: Int,
        global: (Int) -> UnsafeMutablePointer<Float>, local: (Int) -> UnsafeMutablePointer<Float>,
        larger: (Int) -> UnsafeMutablePointer<Float>
    ) throws {
        guard tile.bands == bands, tile.width > 0, tile.height > 0 else {
            throw PretrainingError(
                .badSource,
                "a tile of \(tile.bands) bands, \(tile.width) x \(tile.height) pixels; expected \(bands) bands and at least a pixel"
            )
        }
        TileRows.with(tile, scale: scale, fallback: mean) { rows in
            for crop in 0..<2 {
                var stream = RandomStream(seed: seed, .crop, step, sample, crop)
                make(
                    rows, recipe.global.scale, recipe.global.size,
                    blur: crop == 0 ? recipe.blur.firstGlobal : recipe.blur.secondGlobal,
                    solarize: crop == 0 ? 0 : recipe.solarize, &stream, into: global(crop),
                    larger: gram == nil ? nil : larger(crop))
            }
            for crop in 0..<recipe.local.count {
                var stream = RandomStream(seed: seed, .crop, step, sample, 2 + crop)
                make(
                    rows, recipe.local.scale, recipe.local.size, blur: recipe.blur.local, solarize: 0, &stream,
                    into: local(crop))
            }
        }
    }

    /// Draws all that a crop is, in this order, and makes it.
    private func make(
        _ rows: TileRows, _ scale: [Double], _ size: Int, blur: Double, solarize: Double, _ stream: inout RandomStream,
        into target: UnsafeMutablePointer<Float>, larger: UnsafeMutablePointer<Float>? = nil
    ) {
        let window = Self.window(
            height: rows.height, width: rows.width, scale: scale, aspect: recipe.aspect, &stream)
        var orientation = Orientation()
        if stream.chance(recipe.horizontalFlip) { orientation.flipColumns() }
        if stream.chance(recipe.verticalFlip) { orientation.flipRows() }
        if recipe.quarterTurns { orientation.turn(quarters: stream.integer(below: 4)) }
        let look = CropLook(recipe, blur: blur, solarize: solarize, normalize: normalize, &stream)
        WindowResize(window: window, size: size, orientation: orientation).apply(rows, into: target)
        CropPixels(base: target, bands: bands, size: size, colour: colour).apply(look)
        guard let larger, let gram else { return }
        // The larger view gets the same changes, or none.
        WindowResize(window: window, size: gram.size, orientation: orientation).apply(rows, into: larger)
        CropPixels(base: larger, bands: bands, size: gram.size, colour: colour)
            .apply(gram.undistorted ? CropLook(normalize: normalize) : look)
    }

    /// A random part of an image: area uniform in `scale` of the whole, aspect (width over height) log-uniform.
    ///
    /// After ten parts that do not fit, the largest central part whose aspect is allowed.
    package static func window(
        height: Int, width: Int, scale: [Double], aspect: [Double], _ stream: inout RandomStream
    ) -> (row: Int, column: Int, height: Int, width: Int) {
        let area = Double(height) * Double(width)
        for _ in 0..<10 {
            let target = area * stream.uniform(scale[0], scale[1])
            let ratio = exponential(stream.uniform(logarithm(aspect[0]), logarithm(aspect[1])))
            let w = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
            let h = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
            guard w > 0, w <= width, h > 0, h <= height else { continue }
            return (stream.integer(below: height - h + 1), stream.integer(below: width - w + 1), h, w)
        }
        let whole = Double(width) / Double(height)
        var (h, w) = (height, width)
        if whole < aspect[0] { h = min(height, Int((Double(width) / aspect[0]).rounded())) }
        if whole > aspect[1] { w = min(width, Int((Double(height) * aspect[1]).rounded())) }
        (h, w) = (max(h, 1), max(w, 1))
        return ((height - h) / 2, (width - w) / 2, h, w)
    }
}

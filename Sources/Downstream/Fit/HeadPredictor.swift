// A trained head as the map maker wants it: windows of pixels in, what a map blends out.
internal import Backbone
public import Geo
internal import Telemetry
internal import Torch

/// Turns windows of 8-bit pixels into what a map blends, on one thread only.
///
/// Every window is computed in a batch of one fixed size, the last filled up, so that the batch does not change a
/// window's bytes. With `batch` 1, the default, a window's bytes do not depend on its neighbours in the list either, which
/// larger batches cannot promise: a matrix product may sum the rows of a batch in different ways.
public final class HeadPredictor<Description: HeadModelDescription>: RasterModel {
    /// The model.
    public let model: HeadModel<Description>
    /// Windows computed at once.
    public let batch: Int
    private let normalizer: PixelNormalizer

    /// Makes a predictor of a loaded model.
    public init(model: HeadModel<Description>, batch: Int = 1) {
        precondition(batch > 0, "a predictor computes at least one window at once, got \(batch)")
        self.model = model
        self.batch = batch
        normalizer = PixelNormalizer(mean: model.description.mean, std: model.description.std)
    }

    /// What it wants to be fed.
    public var layout: PixelLayout { model.description.layout }
    /// Side of a window in pixels.
    public var windowSize: Int { model.description.window }
    /// What is blended.
    public var blendedBands: [BandInfo] { model.description.blendedBands }
    /// How that becomes what is written.
    public var product: RasterProduct { model.description.product }

    /// What the model says of windows, in `float32` bands, with the validity and grid of the input.
    ///
    /// - Throws: `DownstreamError` (`badPixels`) for windows of another size, type or number of bands; `TorchError`.
    public func answer(_ windows: TileBatch) throws -> [PixelBuffer] {
        for (id, tile) in zip(windows.ids, windows.tiles)
        where tile.width != windowSize || tile.height != windowSize {
            throw DownstreamError(
                .badPixels,
                "expected windows of \(windowSize) x \(windowSize) pixels; found \(tile.width) x \(tile.height)",
                in: "window \(id)")
        }
        return try catchingTorchErrors {
            var maps: [PixelBuffer] = []
            for start in stride(from: 0, to: windows.tiles.count, by: batch) {
                let part = windows.tiles[start..<min(start + batch, windows.tiles.count)]
                var images = try part.enumerated().map {
                    try normalizer($1, place: "window \(windows.ids[start + $0])")
                }
                while images.count < batch, let last = images.last { images.append(last) }
                let answers = model.answer(stack(images))
                for (place, tile) in part.enumerated() {
                    let values = answers.select(dim: 0, index: place).floats()
                    guard values.allSatisfy(\.isFinite) else {
                        throw DownstreamError(
                            .notFinite, "the model predicted values that are not finite numbers", in: model.path,
                            try: "fit the model again; its weights may be damaged")
                    }
                    maps.append(
                        PixelBuffer(
                            bands: blendedBands.count, height: windowSize, width: windowSize, samples: .float32(values),
                            validity: tile.validity, grid: tile.grid))
                }
            }
            return maps
        }
    }
}

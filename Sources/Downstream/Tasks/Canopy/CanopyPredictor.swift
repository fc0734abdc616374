// The canopy model as the map maker wants it: windows of pixels in, metres out.
internal import Backbone
public import Geo
internal import Telemetry
internal import Torch

/// Turns windows of 8-bit pixels into canopy height in metres, on one thread only.
///
/// Every window is computed in a batch of one fixed size, the last filled up, so that the batch does not change a
/// window's bytes. With `batch` 1, the default, a window's bytes do not depend on its neighbours in the list either, which
/// larger batches cannot promise: a matrix product may sum the rows of a batch in different ways.
public final class CanopyPredictor: RasterModel {
    /// The model.
    public let model: CanopyModel
    /// Windows computed at once.
    public let batch: Int
    private let normalizer: PixelNormalizer

    /// Makes a predictor of a loaded model.
    public init(model: CanopyModel, batch: Int = 1) {
        precondition(batch > 0, "a predictor computes at least one window at once, got \(batch)")
        self.model = model
        self.batch = batch
        normalizer = PixelNormalizer(mean: model.description.mean, std: model.description.std)
    }

    /// What it wants to be fed.
    public var layout: PixelLayout { model.description.layout }
    /// Side of a window in pixels.
    public var windowSize: Int { model.description.window }
    /// Canopy height in metres.
    public var blendedBands: [BandInfo] { model.description.blendedBands }

    /// Canopy heights of windows, one `float32` band each, with the validity and grid of the input.
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
                let heights = model.heights(stack(images))
                for (place, tile) in part.enumerated() {
                    let metres = heights.select(dim: 0, index: place).floats()
                    guard metres.allSatisfy(\.isFinite) else {
                        throw DownstreamError(
                            .notFinite, "the model predicted heights that are not finite numbers", in: model.path,
                            try: "fit the model again; its weights may be damaged")
                    }
                    maps.append(
                        PixelBuffer(
                            bands: 1, height: windowSize, width: windowSize, samples: .float32(metres),
                            validity: tile.validity, grid: tile.grid))
                }
            }
            return maps
        }
    }
}

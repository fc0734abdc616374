// Who looks at a run's teacher from time to time: probes on labelled ground, pictures of features.
#if EARTH
    import Telemetry
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Pretraining
    import Raster
    import Scenes
    import Torch

    /// Probe the teacher on images with canopy heights: patches by a linear regression, crops by their neighbours.
    ///
    /// - Parameters:
    ///   - pairs: A CSV of images and heights, as `geodino fit` reads.
    ///   - every: Steps between two probes.
    func probeObservers(pairs: String, every: Int) throws -> [PretrainObserver] {
        let entries = try readPairs(pairs)
        func ground(_ network: VisionTransformer, _ record: WeightsRecord) throws -> (RasterPairs, ProbeOptions) {
            let patch = network.configuration.patchSize
            var options = ProbeOptions()
            options.crop = patch * max(2, 128 / patch)
            do {
                return (try RasterPairs(entries, record: record, tileSize: patch * 6), options)
            } catch let error as SceneError where [.missingBands, .unclearBands].contains(error.code) {
                // That is no option of a run: the images have to say themselves what their bands are.
                throw CommandError(
                    .failed, error.what, in: error.place, why: error.causes,
                    try: "give images that name their bands: gdal_translate -colorinterp red,green,blue IMAGE NAMED.tif"
                )
            }
        }
        // Apart, so that too little ground for one leaves the other its number.
        return [
            PretrainObserver(name: "the probe of patches on \(pairs)", every: every) { network, record, _ in
                let (source, options) = try ground(network, record)
                let found = try linearProbe(network, record: record, source: source, options: options)
                return ["patch_height_r2": found.r2]
            },
            PretrainObserver(name: "the probe by neighbours on \(pairs)", every: every) { network, record, _ in
                let (source, options) = try ground(network, record)
                let found = try neighbourProbe(network, record: record, source: source, options: options)
                return ["neighbour_height_r2": found.r2]
            },
        ]
    }

    /// Draws the patch features of a few fixed tiles into `RUN/preview/STEP.png`, colours being their three strongest components.
    func previewObserver(source: any TileSource, run: String, size: Int, every: Int) -> PretrainObserver {
        PretrainObserver(name: "the preview", every: every) { network, record, step in
            let count = min(6, source.tileCount)
            let ids = (0..<count).map { $0 * source.tileCount / count }
            let scale = try SampleScale(source.layout)
            let tiles = try source.tiles(ids).tiles.map {
                FloatImage($0, scale: scale, fallback: record.mean.map(Float.init))
            }
            let picture = try FeaturePicture(network, record, tiles: tiles, size: size)
            let folder = "\(run)/\(RunReport.pictures)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try writePNG(picture.pixels, to: "\(folder)/\(String(format: "%08d", step)).png")
            return [:]
        }
    }

    /// Tiles in a row, and below each its patch features as colours.
    private struct FeaturePicture {
        let pixels: PixelBuffer
        private static let side = 112

        init(_ network: VisionTransformer, _ record: WeightsRecord, tiles: [FloatImage], size: Int) throws {
            let bands = record.mean.count
            func perBand(_ values: [Double]) -> Tensor { Tensor(values, shape: [bands, 1, 1]).to(.float32) }
            let (mean, std) = (perBand(record.mean), perBand(record.std))
            let images = tiles.map { tile in
                let image = Tensor(tile.values, shape: [1, tile.bands, tile.height, tile.width])
                return interpolate(image, size: (size, size), mode: .bilinear, antialias: true)
            }
            let batch = concatenate(images, dim: 0)
            let tokens = network.forward(((batch - mean) / std).to(network.device)).patches.to(.cpu)
            let (rows, width) = (tokens.shape[0] * tokens.shape[1], tokens.shape[2])
            let components = try PrincipalComponents(of: tokens.reshaped([rows, width]), count: min(3, width))
            let grid = size / network.configuration.patchSize
            let colours = components.colours(of: tokens.reshaped([rows, width]))
            let (side, count) = (Self.side, tiles.count)
            var samples = [UInt8](repeating: 0, count: 3 * 2 * side * side * count)
            let views = interpolate(batch, size: (side, side), mode: .bilinear, antialias: true).floats()
            for band in 0..<3 {
                let source = min(band, bands - 1)
                let plane = band * 2 * side * side * count
                for tile in 0..<count {
                    for y in 0..<side {
                        for x in 0..<side {
                            let shown = views[((tile * bands + source) * side + y) * side + x]
                            samples[plane + (y * count + tile) * side + x] = UInt8(min(max(shown, 0), 1) * 255)
                            let patch = tile * grid * grid + y * grid / side * grid + x * grid / side
                            samples[plane + ((side + y) * count + tile) * side + x] = colours[patch * 3 + band]
                        }
                    }
                }
            }
            pixels = PixelBuffer(bands: 3, height: 2 * side, width: side * count, samples: .uint8(samples))
        }
    }

    extension PrincipalComponents {
        /// Three bytes per token: the first three components between their percentiles 1 and 99; grey where there are fewer.
        fileprivate func colours(of tokens: Tensor) -> [UInt8] {
            let projected = matmul(tokens.to(.float32) - mean, components.transpose(0, 1)).floats()
            return (0..<tokens.shape[0]).flatMap { token in
                (0..<3).map { band -> UInt8 in
                    let component = min(band, count - 1)
                    let (low, high) = range[component]
                    let share = (Double(projected[token * count + component]) - low) / max(high - low, 1e-12)
                    return UInt8(min(max(share, 0), 1) * 255)
                }
            }
        }
    }
#endif

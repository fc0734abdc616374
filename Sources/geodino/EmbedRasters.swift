// What 'geodino embed' takes from rasters: whole images, windows of scenes, feature maps.
#if EARTH
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Raster
    import Telemetry
    import Torch

    /// How rasters become images of a network.
    struct RasterInputOptions {
        /// Bands to read, counted from 1, in the order of the weights.
        var bands: [Int]?
        /// The side that whole images are resampled to.
        var size: Int?
        /// The area of interest.
        var aoi: String?
        /// Side of a window in pixels.
        var window = 512
        /// Pixels by which windows overlap.
        var overlap: Int?
        /// Metres per pixel; `nil` takes scenes as they are.
        var gsd: Double?
        /// Threads that read.
        var threads = 1
    }

    /// Rasters that are each one image as a whole, whether they have a place on Earth or not.
    struct ImageInput: EmbedInput {
        let height: Int
        let width: Int
        let unit = "images"
        private let paths: [String]
        private let record: WeightsRecord
        private let options: RasterInputOptions
        private let normalizer: PixelNormalizer
        /// The largest image that is read whole; a network would need more memory for it than machines have.
        private static let mostPixels = 1 << 26

        var count: Int { paths.count }
        var metadata: [String: String] { ["inputs": paths.joined(separator: "\n")] }

        /// Opens all of them, so that what cannot be read is said before the work begins.
        init(_ paths: [String], record: WeightsRecord, options: RasterInputOptions) throws {
            self.paths = paths
            self.record = record
            self.options = options
            normalizer = PixelNormalizer(mean: record.mean, std: record.std)
            var sizes: [(path: String, width: Int, height: Int)] = []
            for path in paths {
                let reader = try RasterReader(path: path)
                _ = try imageBands(of: reader, record: record, asked: options.bands)
                let (width, height) = (reader.grid.width, reader.grid.height)
                guard let pixels = PixelWindow(column: 0, row: 0, width: width, height: height).pixelCount,
                    pixels <= Self.mostPixels
                else {
                    throw CommandError(
                        .badArgument, "an image of \(width) x \(height) pixels is too large to be taken as a whole",
                        in: path, try: "give it a place on Earth and --window, or cut it: gdal_translate -srcwin")
                }
                sizes.append((path, width, height))
            }
            if let size = options.size {
                width = size
                height = size
                return
            }
            width = sizes[0].width
            height = sizes[0].height
            if let other = sizes.first(where: { ($0.width, $0.height) != (width, height) }) {
                throw CommandError(
                    .badArgument, "the images are not all of one size", in: other.path,
                    why: ["it is \(other.width) x \(other.height); \(paths[0]) is \(width) x \(height)"],
                    try: "--size 224, which resamples all of them")
            }
            let stride = record.architecture.stride
            guard width % stride == 0, height % stride == 0 else {
                throw CommandError(
                    .badArgument, "an image of \(width) x \(height) pixels is no whole number of patches", in: paths[0],
                    why: ["the network's patches are \(stride) pixels wide"],
                    try: "--size \(max(stride, (max(width, height) + stride / 2) / stride * stride))")
            }
        }

        func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws {
            for start in stride(from: 0, to: paths.count, by: size) {
                let images = try paths[start..<min(start + size, paths.count)].map { try image($0) }
                try body(EmbedBatch(images: stack(images)))
            }
        }

        /// One image, `[C, H, W]`.
        ///
        /// Resampled as the image processor of transformers' DINOv3 does it: bilinear with antialiasing, of values that
        /// are not yet rounded.
        private func image(_ path: String) throws -> Tensor {
            let reader = try RasterReader(path: path)
            let bands = try imageBands(of: reader, record: record, asked: options.bands)
            let whole = PixelWindow(column: 0, row: 0, width: reader.grid.width, height: reader.grid.height)
            let parameters = try reader.stretchParameters(record.stretch, bands: bands)
            let pixels = stretched(try reader.read(whole, bands: bands), by: parameters)
            let image = try normalizer(pixels, place: path)
            guard options.size != nil, (image.shape[1], image.shape[2]) != (height, width) else { return image }
            return try catchingTorchErrors {
                withoutGradient {
                    interpolate(
                        image.unsqueezed(dim: 0), size: (height, width), mode: .bilinear, antialias: true
                    ).squeezed(dim: 0)
                }
            }
        }
    }

    /// The bands of an image in the order of the weights; gray becomes red, green and blue alike.
    private func imageBands(of reader: RasterReader, record: WeightsRecord, asked: [Int]?) throws -> [Int] {
        let known = Set(reader.bands.map(\.index))
        let wanted = record.bands.map { $0.name.lowercased() }
        func missing(_ why: String) -> CommandError {
            CommandError(
                .badArgument, "the weights take \(wanted.count) bands (\(wanted.joined(separator: ", ")))",
                in: reader.path, why: [why], try: "name the bands in the order of the weights: --bands 1,2,3")
        }
        if let asked {
            guard asked.count == wanted.count else { throw missing("--bands names \(asked.count)") }
            if let absent = asked.first(where: { !known.contains($0) }) { throw missing("there is no band \(absent)") }
            return asked
        }
        if wanted == ["red", "green", "blue"] {
            let colours = reader.colourBands
            if colours.count == 3 { return colours }
            if reader.bands.count == 1 { return [Int](repeating: reader.bands[0].index, count: 3) }
        }
        guard reader.bands.count == wanted.count else { throw missing("the raster has \(reader.bands.count)") }
        return reader.bands.map(\.index)
    }

    /// The windows of scenes that hold a valid pixel of the area.
    final class SceneInput: EmbedInput {
        let height: Int
        let width: Int
        let unit = "windows"
        /// What the user should know.
        var warnings: [String] { reader.warnings }
        private let reader: SceneWindowReader
        private let indices: [LatticeIndex]
        private let cells: Int
        private let normalizer: PixelNormalizer
        private let scenes: [String]

        init(
            _ scenes: [String], output: String, record: WeightsRecord, options: RasterInputOptions,
            progress: ProgressHandler
        ) throws {
            let stride = record.architecture.stride
            guard options.window % stride == 0 else {
                throw CommandError(
                    .badArgument, "windows of \(options.window) pixels are no whole number of patches", in: "--window",
                    try: "a multiple of \(stride)")
            }
            self.scenes = scenes
            var request = MapRequest(scenes: scenes, aoi: options.aoi, output: output)
            request.overwrite = true
            request.threads = options.threads
            request.overlap = options.overlap
            request.bands = options.bands
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: options.window, gsd: options.gsd,
                stretch: record.stretch)
            reader = try SceneWindowReader(request, layout: layout, windowSize: options.window, cellSize: stride)
            height = options.window
            width = options.window
            cells = options.window / stride
            normalizer = PixelNormalizer(mean: record.mean, std: record.std)
            // A file's header says how many there are, so that they are looked at once before.
            let candidates = reader.candidates
            var found: [LatticeIndex] = []
            var stopped = false
            try reader.read(candidates) { place, window in
                guard !stopped, progress(Progress(unit: "windows looked at", done: place, total: candidates.count))
                else {
                    stopped = true
                    return
                }
                if window.cells.contains(true) { found.append(window.index) }
            }
            if stopped { throw BackboneError(.cancelled, "interrupted; the file was not written", in: output) }
            guard !found.isEmpty else {
                throw CommandError(
                    .badArgument, "no window has a valid pixel", in: scenes[0],
                    try: "check nodata values and masks with: gdalinfo -stats")
            }
            indices = found
        }

        var count: Int { indices.count }
        var beside: [TensorEntry] {
            [
                TensorEntry(name: "bounds", type: .float64, shape: [count, 4]),
                TensorEntry(name: "valid", type: .uint8, shape: [count, cells, cells]),
            ]
        }
        var metadata: [String: String] {
            let part = reader.plan.parts[0]
            return [
                "inputs": scenes.joined(separator: "\n"), "crs": part.lattice.crs.definition,
                "pixel_size": "\(part.inputLattice.pixelSize)", "window": "\(width)",
            ]
        }

        func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws {
            var images: [Tensor] = []
            var bounds: [Double] = []
            var valid: [UInt8] = []
            func flush() throws {
                guard !images.isEmpty else { return }
                try body(
                    EmbedBatch(
                        images: stack(images),
                        rows: ["bounds": bounds.withUnsafeBytes(Array.init), "valid": valid]))
                images = []
                bounds = []
                valid = []
            }
            try reader.read(indices) { _, window in
                images.append(try normalizer(window.pixels, place: "window \(window.index.i), \(window.index.j)"))
                let place = window.pixels.grid?.bounds ?? Bounds(minX: 0, minY: 0, maxX: 0, maxY: 0)
                bounds += [place.minX, place.minY, place.maxX, place.maxY]
                valid += window.cells.map { $0 ? 1 : 0 }
                if images.count == size { try flush() }
            }
            try flush()
        }
    }

    /// The principal components of the windows of a map: of at most 32 windows, and 16,384 tokens spread over these.
    func principalComponents(
        of request: MapRequest, predictor: FeaturePredictor, count: Int, progress: ProgressHandler
    ) throws -> PrincipalComponents {
        var plain = request
        plain.overwrite = true
        let reader = try SceneWindowReader(
            plain, layout: predictor.layout, windowSize: predictor.windowSize, cellSize: predictor.cellSize)
        let chosen = reader.spread(32)
        let most = max(1, 16384 / max(chosen.count, 1))
        var tokens: [Tensor] = []
        var stopped = false
        try reader.read(chosen) { place, window in
            guard !stopped, progress(Progress(unit: "windows for components", done: place, total: chosen.count)) else {
                stopped = true
                return
            }
            let valid = window.cells.indices.filter { window.cells[$0] }
            guard !valid.isEmpty else { return }
            let count = min(most, valid.count)
            let picked = (0..<count).map { valid[$0 * valid.count / count] }
            let all = try predictor.tokens(TileBatch(ids: [place], tiles: [window.pixels]))
            tokens.append(
                all.reshaped([window.cells.count, predictor.tokenWidth])
                    .indexSelect(dim: 0, indices: Tensor(picked, shape: [count])))
        }
        if stopped { throw BackboneError(.cancelled, "interrupted; nothing was written", in: request.output) }
        guard !tokens.isEmpty else {
            throw CommandError(.badArgument, "no window has a valid pixel", in: request.scenes[0])
        }
        return try PrincipalComponents(of: concatenate(tokens, dim: 0), count: count)
    }
#endif

// What 'geodino embed' takes from rasters: whole images, windows of scenes.
import Files

#if EARTH
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Raster
    import Scenes
    import Telemetry
    import Torch

    /// How rasters become images of a network.
    struct RasterInputOptions {
        /// Bands to read, counted from 1, in the order of the weights.
        var bands = BandRequest()
        /// The side that whole images are resampled to.
        var size: Int?
        /// The area of interest.
        var aoi: String?
        /// Whether cells count that the area only touches.
        var allTouched = false
        /// Whether the area's bounding rectangle is meant.
        var noClip = false
        /// Side of a window in pixels.
        var window = 512
        /// Pixels by which windows overlap.
        var overlap: Int?
        /// Metres per pixel; `nil` takes scenes as they are.
        var gsd: Double?
        /// Threads that read.
        var threads = 1

        /// The map of some scenes that has these windows.
        func request(_ scenes: [String], output: String) -> MapRequest {
            var request = MapRequest(scenes: scenes, aoi: aoi, output: output)
            request.allTouched = allTouched
            request.noClip = noClip
            request.offersSplit = false
            request.threads = threads
            request.overlap = overlap
            request.bands = bands
            request.grayAsColour = true
            return request
        }
    }

    /// What is wrong with scenes, with advice that the command can follow.
    func advising<T>(_ work: () throws -> T) throws -> T {
        do {
            return try work()
        } catch let error as SceneError where error.code == .notBytes {
            throw CommandError(
                .badArgument, error.what, in: error.place, why: error.causes,
                try: "--stretch percentile:2,98, or fixed:LOW,HIGH with the scene's darkest and brightest value")
        }
    }

    /// Nothing is to be seen.
    func noValidPixel(_ scene: String) -> CommandError {
        CommandError(
            .badArgument, "no window has a valid pixel", in: scene,
            try: "check the nodata values and masks: gdalinfo -stats \(shellQuoted(scene))")
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
        /// What the user should know.
        private(set) var warnings: [String] = []
        /// The largest image that is read whole; a network would need more memory for it than machines have.
        private static let mostPixels = 1 << 26

        var count: Int { paths.count }
        var metadata: [String: String] { ["inputs": paths.map(Redaction.address).joined(separator: "\n")] }

        /// Opens all of them, so that what cannot be read is said before the work begins.
        init(_ paths: [String], record: WeightsRecord, options: RasterInputOptions) throws {
            self.paths = paths
            self.record = record
            self.options = options
            normalizer = PixelNormalizer(mean: record.mean, std: record.std)
            var sizes: [(path: String, width: Int, height: Int)] = []
            var read: [SceneBands] = []
            for path in paths {
                let reader = try RasterReader(path: path)
                let bands = try reader.chosen(
                    record.wantedBands, asked: options.bands[path], by: "the model", grayAsColour: true)
                read.append(
                    SceneBands(path: path, bands: bands, all: reader.bands, asked: options.bands.asked(path)))
                if let note = bands.scaleNote(record.stretch, in: path) { warnings.append(note) }
                if let warning = try? reader.alphaWarning() { warnings.append(warning) }
                if options.bands[path] == nil,
                    let assumption = reader.bands.assumption(bands, as: record.bands.map(\.name), in: path)
                {
                    warnings.append(assumption)
                }
                let (width, height) = (reader.grid.width, reader.grid.height)
                guard let pixels = PixelWindow(column: 0, row: 0, width: width, height: height).pixelCount,
                    pixels <= Self.mostPixels
                else {
                    throw CommandError(
                        .badArgument, "an image of \(width) x \(height) pixels is too large to be processed as a whole",
                        in: path,
                        try:
                            "georeference it and use --window, or cut it: gdal_translate -srcwin 0 0 \(min(width, 4096)) \(min(height, 4096)) \(shellQuoted(path)) part.tif"
                    )
                }
                sizes.append((path, width, height))
            }
            try checkAgreement(read, stretch: record.stretch)
            let stride = record.architecture.stride
            if let size = options.size {
                guard size % stride == 0 else {
                    throw CommandError(
                        .badArgument, "images of \(size) pixels do not divide into whole patches", in: "--size",
                        why: ["the network's patches are \(stride) pixels wide"],
                        try: "--size \(record.architecture.fittingSide(size))")
                }
                width = size
                height = size
                return
            }
            width = sizes[0].width
            height = sizes[0].height
            if let other = sizes.first(where: { ($0.width, $0.height) != (width, height) }) {
                throw CommandError(
                    .badArgument, "the images differ in size", in: other.path,
                    why: ["it is \(other.width) x \(other.height); \(paths[0]) is \(width) x \(height)"],
                    try: "--size 224, which resamples all of them")
            }
            guard width % stride == 0, height % stride == 0 else {
                throw CommandError(
                    .badArgument, "an image of \(width) x \(height) pixels does not divide into whole patches",
                    in: paths[0],
                    why: ["the network's patches are \(stride) pixels wide"],
                    try: "--size \(min(record.architecture.fittingSide(max(width, height)), 8192 / stride * stride))")
            }
        }

        func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws {
            for start in stride(from: 0, to: paths.count, by: size) {
                let images = try paths[start..<min(start + size, paths.count)].map { try image($0) }
                try body(EmbedBatch(images: stack(images)))
            }
        }

        /// One image, `[C, H, W]`.
        private func image(_ path: String) throws -> Tensor {
            let reader = try RasterReader(path: path)
            let bands = try reader.chosen(
                record.wantedBands, asked: options.bands[path], by: "the model", grayAsColour: true
            ).map(\.index)
            let whole = PixelWindow(column: 0, row: 0, width: reader.grid.width, height: reader.grid.height)
            let parameters = try reader.stretchParameters(record.stretch, bands: bands)
            let pixels = stretched(try reader.read(whole, bands: bands), by: parameters)
            let image = try normalizer(pixels, place: path)
            return options.size == nil ? image : try resampled(image, height: height, width: width)
        }
    }

    extension WeightsRecord {
        /// The bands that the network takes, in its order.
        fileprivate var wantedBands: WantedBands { .named(bands.map(\.name)) }
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
        /// Cells of the finest of the layers' grids, where it is finer.
        private let fineCells: Int?
        private let normalizer: PixelNormalizer
        private let scenes: [String]
        private let aoi: String?

        init(
            _ scenes: [String], output: String, record: WeightsRecord, options: RasterInputOptions, layerStride: Int?,
            progress: ProgressHandler
        ) throws {
            let stride = record.architecture.stride
            guard options.window % stride == 0 else {
                throw CommandError(
                    .badArgument, "windows of \(options.window) pixels do not divide into whole patches",
                    in: "--window",
                    why: ["the network's patches are \(stride) pixels wide"],
                    try: "--window \(record.architecture.fittingSide(options.window))")
            }
            self.scenes = scenes
            aoi = options.aoi
            var request = options.request(scenes, output: output)
            request.overwrite = true
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: options.window, gsd: options.gsd,
                stretch: record.stretch)
            let fine = layerStride.flatMap { $0 < stride ? $0 : nil }
            reader = try advising {
                try SceneWindowReader(
                    request, layout: layout, windowSize: options.window, cellSize: stride, fineCellSize: fine,
                    progress: progress)
            }
            fineCells = fine.map { options.window / $0 }
            height = options.window
            width = options.window
            cells = options.window / stride
            normalizer = PixelNormalizer(mean: record.mean, std: record.std)
            // A file's header says how many there are, so that they are looked at once before.
            var found: [LatticeIndex] = []
            try reader.read(
                reader.candidates,
                progress: { progress(Progress(unit: "windows checked", done: $0.done, total: $0.total)) },
                { if $1.cells.contains(true) { found.append($1.index) } })
            guard !found.isEmpty else { throw noValidPixel(scenes[0]) }
            indices = found
        }

        var count: Int { indices.count }
        var beside: [TensorEntry] {
            [
                TensorEntry(name: "bounds", type: .float64, shape: [count, 4]),
                TensorEntry(name: "valid", type: .uint8, shape: [count, cells, cells]),
            ] + (fineCells.map { [TensorEntry(name: "layers.valid", type: .uint8, shape: [count, $0, $0])] } ?? [])
        }
        var metadata: [String: String] {
            let part = reader.plan.parts[0]
            var metadata = [
                "inputs": scenes.map(Redaction.address).joined(separator: "\n"), "crs": part.lattice.crs.definition,
                "pixel_size": "\(part.inputLattice.pixelSize)", "window": "\(width)",
                "overlap": "\((part.windows.windowSize - part.windows.stride) * part.cellSize)",
                "cell_size": "\(part.cellSize)",
            ]
            metadata["aoi"] = aoi.map(Redaction.address)
            return metadata
        }

        func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws {
            var images: [Tensor] = []
            var bounds: [Double] = []
            var valid: [UInt8] = []
            var fine: [UInt8] = []
            func flush() throws {
                guard !images.isEmpty else { return }
                var rows = ["bounds": bounds.withUnsafeBytes(Array.init), "valid": valid]
                if fineCells != nil { rows["layers.valid"] = fine }
                try body(EmbedBatch(images: stack(images), rows: rows))
                fine = []
                images = []
                bounds = []
                valid = []
            }
            try reader.read(indices) { _, window in
                images.append(try normalizer(window.pixels, place: "window \(window.index.i), \(window.index.j)"))
                let place = window.pixels.grid?.bounds ?? Bounds(minX: 0, minY: 0, maxX: 0, maxY: 0)
                bounds += [place.minX, place.minY, place.maxX, place.maxY]
                valid += window.cells.map { $0 ? 1 : 0 }
                fine += window.fineCells.map { $0 ? 1 : 0 }
                if images.count == size { try flush() }
            }
            try flush()
        }
    }
#endif

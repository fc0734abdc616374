// Pixels of image files: bands chosen, values stretched to 8 bits or normalised with a set's statistics.
public import Geo
internal import Raster
internal import Scenes
internal import Telemetry

/// Pixels of image files, one file for each image.
///
/// A sole band stands for red, green and blue.
public struct RasterPixels: BenchmarkPixels {
    /// What the pixels are.
    public let layout: PixelLayout
    /// The files.
    private let paths: [String]
    /// Numbers of the bands to read, counted from 1; `nil` chooses by what they are called.
    private let bands: [Int]?
    /// What the bands show in files that do not say so; used only for files with this number of bands.
    private let bandNames: [String]
    /// What values are normalised with in place of the stretch; `nil` for the stretch.
    private let moments: [BandMoments]?
    /// Side of the middle part of an image that its values are taken from.
    private static let side = 512

    /// Names the files; nothing is opened.
    ///
    /// - Parameters:
    ///   - layout: The bands and the stretch of the weights; `tileSize` is not used.
    ///   - bands: Numbers of the bands to read, counted from 1; `nil` chooses by what they are called.
    ///   - bandNames: What the bands show in files that do not say so, in their order; used only for files with this number of bands.
    ///   - moments: Of each band: pixels are `(value - mean) / deviation` in `float32` in place of 8 bits.
    public init(
        _ paths: [String], layout: PixelLayout, bands: [Int]? = nil, bandNames: [String] = [],
        moments: [BandMoments]? = nil
    ) {
        self.paths = paths
        self.bandNames = bandNames
        self.bands = bands
        self.moments = moments
        var layout = layout
        if moments != nil { layout.sampleType = .float32 }
        self.layout = layout
    }

    /// The stretch or the moments, the names of the bands, and the numbers that were asked for.
    public var rule: [String] {
        (moments.map { $0.map { "\($0.mean) \($0.deviation)" } } ?? [layout.stretch.text]) + layout.bands.map(\.name)
            + ["asked"] + (bands ?? []).map { "\($0)" } + bandNames
    }

    /// The size of an image.
    public func size(_ image: Int) throws -> (width: Int, height: Int) {
        let grid = try opened(image).grid
        return (grid.width, grid.height)
    }

    /// A window of an image, as the network takes it.
    public func pixels(_ image: Int, window: PixelWindow) throws -> PixelBuffer {
        try naming(image) {
            let reader = try opened(image)
            let chosen = try chosen(reader)
            guard let moments else {
                let parameters = try reader.stretchParameters(layout.stretch, bands: chosen)
                return stretched(try reader.read(window, bands: chosen), by: parameters)
            }
            let raw = try reader.read(window, bands: chosen)
            let count = window.width * window.height
            var floats = raw.floats()
            for index in floats.indices {
                let band = moments[min(index / max(count, 1), moments.count - 1)]
                floats[index] = Float((Double(floats[index]) - band.mean) / band.deviation)
            }
            return PixelBuffer(
                bands: raw.bands, height: raw.height, width: raw.width, samples: .float32(floats),
                validity: raw.validity)
        }
    }

    /// Values of each band as they are stored.
    public func values(_ image: Int) throws -> [[Double]] {
        try naming(image) {
            let reader = try opened(image)
            let grid = reader.grid
            let (width, height) = (min(grid.width, Self.side), min(grid.height, Self.side))
            let middle = PixelWindow(
                column: (grid.width - width) / 2, row: (grid.height - height) / 2, width: width, height: height)
            let raw = try reader.read(middle, bands: try chosen(reader))
            let floats = raw.floats()
            let count = width * height
            return (0..<raw.bands).map { band in
                (0..<count).map { raw.validity?[$0] ?? true ? Double(floats[band * count + $0]) : .nan }
            }
        }
    }

    /// How the values of an image's bands are stored.
    public func stored(_ image: Int) throws -> StoredNumber {
        try naming(image) {
            let reader = try opened(image)
            let types = try chosen(reader).map { index in
                reader.bands.first { $0.index == index }?.storedType ?? ""
            }
            if types.allSatisfy({ $0 == "Byte" }) { return .bytes }
            return types.contains { $0.hasPrefix("Float") } ? .real : .whole
        }
    }

    private func chosen(_ reader: RasterReader) throws -> [Int] {
        let wanted = WantedBands.named(layout.bands.map(\.name))
        return try reader.chosen(wanted, asked: bands ?? known(reader), by: "the model", grayAsColour: true).map(
            \.index)
    }

    /// Numbers of the bands by the set's publication; `nil` where it does not describe such a file, or the file names its bands itself.
    private func known(_ reader: RasterReader) -> [Int]? {
        guard !bandNames.isEmpty, reader.bands.count == bandNames.count,
            reader.bands.allSatisfy({ $0.identity == nil })
        else { return nil }
        let numbers = layout.bands.compactMap { band in
            bandNames.firstIndex(of: band.name.lowercased()).map { reader.bands[$0].index }
        }
        return numbers.count == layout.bands.count ? numbers : nil
    }

    /// Errors of reading, with the image's name where they have none.
    private func naming<Value>(_ image: Int, _ read: () throws -> Value) throws -> Value {
        do { return try read() } catch let error as any ExplainedError {
            throw BenchmarksError(
                error.isCancellation ? .cancelled : .readFailed, error.what,
                in: error.place.isEmpty ? paths[image] : error.place, why: error.causes, try: error.remedy)
        }
    }

    /// What tells whether the files of an image are still what they were.
    public func stamps(_ image: Int) throws -> [String] {
        let path = paths[image]
        guard let stamp = FileStamp(path) else { throw missing(path) }
        // What a virtual raster shows is in other files.
        let isVirtual = path.lowercased().hasSuffix(".vrt")
        return [stamp.text] + (isVirtual ? RasterReader.files(of: path).map { FileStamp($0)?.text ?? $0 } : [])
    }

    private func opened(_ image: Int) throws(BenchmarksError) -> RasterReader {
        guard FileStamp(paths[image]) != nil else { throw missing(paths[image]) }
        do { return try RasterReader(path: paths[image]) } catch {
            throw BenchmarksError(
                .readFailed, error.what, in: error.place, why: error.causes, try: error.remedy)
        }
    }

    private func missing(_ path: String) -> BenchmarksError {
        BenchmarksError(.notFound, "an image of the set does not exist", in: path)
    }
}

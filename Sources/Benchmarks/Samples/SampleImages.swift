// The images of a set as networks take them: bands chosen, values stretched to 8 bits.
public import Geo
internal import Raster
internal import Scenes
public import Telemetry

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// The images of a classification set, with what they are labelled with.
///
/// Stateless: each image is opened when it is read. A sole band stands for red, green and blue.
public struct SampleImages: LabelledSource {
    /// The set.
    public let sampleSet: SampleSet
    /// What the images' pixels are: the bands and the stretch of the weights.
    public let layout: PixelLayout
    /// Names the set, the bands and the stretch, and by their size and date the files.
    public let fingerprint: String
    /// Numbers of the bands to read, counted from 1; `nil` chooses by what they are called.
    private let bands: [Int]?
    /// The largest image that is read whole.
    private static let mostPixels = 1 << 26

    /// Looks at all files, so that a missing one is said before the work begins.
    ///
    /// - Parameters:
    ///   - set: The set.
    ///   - layout: The bands and the stretch of the weights; `tileSize` and `gsd` are not used.
    ///   - bands: Numbers of the bands to read, counted from 1; `nil` chooses by what they are called.
    /// - Throws: `BenchmarksError` (`notFound`) for a file that is not there.
    public init(_ set: SampleSet, layout: PixelLayout, bands: [Int]? = nil) throws(BenchmarksError) {
        sampleSet = set
        self.layout = layout
        self.bands = bands
        var hash = TextHash()
        hash.add(set.classes + [set.isMultiLabel ? "many" : "one", layout.stretch.text] + layout.bands.map(\.name))
        hash.add((bands ?? []).map { "\($0)" })
        for sample in set.samples {
            guard let stamp = FileStamp(sample.path) else {
                throw BenchmarksError(.notFound, "an image of the set does not exist", in: sample.path)
            }
            // What a virtual raster shows is in other files.
            let isVirtual = sample.path.lowercased().hasSuffix(".vrt")
            let others = isVirtual ? RasterReader.files(of: sample.path).map { FileStamp($0)?.text ?? $0 } : []
            hash.add([sample.name, stamp.text] + others + sample.classes.map { "\($0)" })
        }
        fingerprint = hash.text
    }

    /// Number of images.
    public var count: Int { sampleSet.samples.count }

    /// The size of an image.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badForm` for an image too large to be read whole.
    public func item(_ index: Int) throws -> LabelledItem {
        let sample = sampleSet.samples[index]
        let grid = try opened(sample).grid
        guard let pixels = PixelWindow(column: 0, row: 0, width: grid.width, height: grid.height).pixelCount,
            pixels <= Self.mostPixels
        else {
            throw BenchmarksError(
                .badForm, "an image of \(grid.width) x \(grid.height) pixels is too large to be one sample",
                in: sample.path, why: ["expected at most \(Self.mostPixels) pixels"])
        }
        return LabelledItem(width: grid.width, height: grid.height, name: sample.name)
    }

    /// A window of an image in 8 bits, and the classes of the image.
    ///
    /// - Throws: `BenchmarksError` (`readFailed`), also for bands or values that the weights do not take.
    public func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
        let sample = sampleSet.samples[index]
        do {
            let reader = try opened(sample)
            let wanted = WantedBands.named(layout.bands.map(\.name))
            let chosen = try reader.chosen(wanted, asked: bands, by: "the model", grayAsColour: true).map(\.index)
            let parameters = try reader.stretchParameters(layout.stretch, bands: chosen)
            return (stretched(try reader.read(window, bands: chosen), by: parameters), .labels(sample.classes))
        } catch let error as any ExplainedError {
            throw BenchmarksError(
                error.isCancellation ? .cancelled : .readFailed, error.what,
                in: error.place.isEmpty ? sample.path : error.place, why: error.causes, try: error.remedy)
        }
    }

    /// The classes of an image; nothing is opened.
    public func target(_ index: Int, window: PixelWindow) throws -> Target { .labels(sampleSet.samples[index].classes) }

    private func opened(_ sample: BenchmarkSample) throws(BenchmarksError) -> RasterReader {
        do { return try RasterReader(path: sample.path) } catch {
            throw BenchmarksError(
                .readFailed, error.what, in: error.place, why: error.causes, try: error.remedy)
        }
    }
}

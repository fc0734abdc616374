// The images of a classification set with their labels, as the tensor side takes them.
public import Geo
internal import Telemetry

/// The images of a classification set, with what they are labelled with.
public struct SampleImages: LabelledSource {
    /// The set.
    public let sampleSet: SampleSet
    /// Names the set, the rule of its pixels, and by size and date the files.
    public let fingerprint: String
    private let pixels: any BenchmarkPixels
    /// The largest image that is read whole.
    private static let mostPixels = 1 << 26

    /// Looks at all files, so that a missing one is reported before the work begins.
    ///
    /// - Parameter pixels: The pixels of the set's images, in their order.
    /// - Throws: `BenchmarksError` (`notFound`) for a file that is not there.
    public init(_ set: SampleSet, pixels: any BenchmarkPixels) throws {
        sampleSet = set
        self.pixels = pixels
        var hash = TextHash()
        hash.add(set.classes + [set.isMultiLabel ? "many" : "one"])
        hash.add(pixels.rule)
        for (index, sample) in set.samples.enumerated() {
            hash.add([sample.name] + (try pixels.stamps(index)) + sample.classes.map { "\($0)" })
        }
        fingerprint = hash.text
    }

    /// The images of a set of files; see `RasterPixels`.
    public init(_ set: SampleSet, layout: PixelLayout, bands: [Int]? = nil) throws {
        try self.init(set, pixels: RasterPixels(set.samples.map(\.path), layout: layout, bands: bands))
    }

    /// What the images' pixels are.
    public var layout: PixelLayout { pixels.layout }

    /// Number of images.
    public var count: Int { sampleSet.samples.count }

    /// The size of an image.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badForm` for an image too large to be read whole.
    public func item(_ index: Int) throws -> LabelledItem {
        let sample = sampleSet.samples[index]
        let (width, height) = try pixels.size(index)
        guard let count = PixelWindow(column: 0, row: 0, width: width, height: height).pixelCount,
            count <= Self.mostPixels
        else {
            throw BenchmarksError(
                .badForm, "an image of \(width) x \(height) pixels is too large to be one sample",
                in: sample.path, why: ["expected at most \(Self.mostPixels) pixels"])
        }
        return LabelledItem(width: width, height: height, name: sample.name)
    }

    /// A window of an image, and the classes of the image.
    ///
    /// - Throws: `BenchmarksError` (`readFailed`), also for bands or values that the weights do not take.
    public func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
        (try pixels.pixels(index, window: window), .labels(sampleSet.samples[index].classes))
    }

    /// The classes of an image; nothing is opened.
    public func target(_ index: Int, window: PixelWindow) throws -> Target { .labels(sampleSet.samples[index].classes) }
}

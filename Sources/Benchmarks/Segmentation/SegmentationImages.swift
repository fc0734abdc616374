// The images of a segmentation set with their masks, as the tensor side takes them.
public import Geo
internal import Telemetry

/// Some images of a segmentation set, with the class of each pixel.
public struct SegmentationImages: LabelledSource {
    /// Names the images, the rule of their pixels, and by size and date the files of both.
    public let fingerprint: String
    private let set: SegmentationSet
    private let images: [Int]
    private let heldOut: [Bool]
    private let pixels: any BenchmarkPixels

    /// Looks at all files, so that a missing one is reported before the work begins.
    ///
    /// - Parameters:
    ///   - images: Indices of the set's images; those without masks have no label anywhere.
    ///   - heldOut: For each of them, whether it is kept from training.
    ///   - pixels: The pixels of all of the set's images, in their order.
    /// - Throws: `BenchmarksError` (`notFound`) for a file that is not there.
    public init(
        _ set: SegmentationSet, images: [Int], heldOut: [Bool], pixels: any BenchmarkPixels
    ) throws {
        precondition(
            images.count == heldOut.count, "\(images.count) images, but \(heldOut.count) say what they are for")
        self.set = set
        self.images = images
        self.heldOut = heldOut
        self.pixels = pixels
        var hash = TextHash()
        hash.add([set.name, set.unlabelled] + set.classes)
        hash.add(pixels.rule)
        for (index, isHeldOut) in zip(images, heldOut) {
            hash.add(
                [set.images[index].name, isHeldOut ? "held out" : "trained on"] + (try pixels.stamps(index))
                    + set.masks.maskStamps(index))
        }
        fingerprint = hash.text
    }

    /// What the images' pixels are.
    public var layout: PixelLayout { pixels.layout }
    /// What the indices of classes stand for.
    public var legend: Legend? { self.set.legend }
    /// Number of images.
    public var count: Int { images.count }

    /// The size of an image, and whether it is held out.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badForm` for a mask of another size.
    public func item(_ index: Int) throws -> LabelledItem {
        let image = images[index]
        let (width, height) = try pixels.size(image)
        if set.images[image].isLabelled {
            let mask = try set.masks.maskSize(image)
            guard mask == (width, height) else {
                throw BenchmarksError(
                    .badForm,
                    "the image has \(width) x \(height) pixels; its mask has \(mask.width) x \(mask.height)",
                    in: set.images[image].path, try: "get the set again; one of the two is of another version")
            }
        }
        return LabelledItem(width: width, height: height, isHeldOut: heldOut[index], name: set.images[image].name)
    }

    /// A window of an image and its classes.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badLabels`.
    public func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
        (try pixels.pixels(images[index], window: window), try target(index, window: window))
    }

    /// The classes of a window.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badLabels`.
    public func target(_ index: Int, window: PixelWindow) throws -> Target {
        let image = images[index]
        let count = window.width * window.height
        let classes =
            set.images[image].isLabelled
            ? try set.masks.classes(image, window: window) : [UInt8](repeating: MaskRule.none, count: count)
        return .classes(
            PixelBuffer(
                bands: 1, height: window.height, width: window.width, samples: .uint8(classes),
                validity: classes.map { $0 != MaskRule.none }))
    }
}

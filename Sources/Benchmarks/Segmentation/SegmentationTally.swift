// What was predicted for the pixels of a set: a confusion matrix for each image, and what they say together.
internal import Files
internal import Geo
public import Measures
internal import Telemetry

/// Confusion matrices of the images of a set, one for each.
public struct SegmentationTally: Sendable {
    /// Names of the classes.
    public let classes: [String]
    /// The index of the background; `nil` where there is none.
    public let background: Int?
    /// The matrices, in the order in which images were added.
    public private(set) var images: [ConfusionTally] = []
    /// Digests of what was predicted, by image.
    private var digests: [String] = []

    /// Makes an empty tally.
    public init(_ set: SegmentationSet) {
        classes = set.classes
        background = set.background
    }

    /// Counts an image, part by part.
    ///
    /// - Parameter parts: Hands over the classes of some pixels, 255 for none, and the true ones, as many; called until there are no more.
    public mutating func addImage(
        _ parts: (_ add: (_ predictions: [UInt8], _ truths: [UInt8]) -> Void) throws -> Void
    ) rethrows {
        var tally = ConfusionTally(classCount: classes.count)
        var hash = SHA256()
        try parts { predictions, truths in
            tally.add(predictions: predictions, truths: truths)
            hash.update(predictions)
        }
        images.append(tally)
        digests.append(hash.finalize())
    }

    /// All images together.
    public var whole: ConfusionTally {
        images.reduce(into: ConfusionTally(classCount: classes.count)) { $0.merge($1) }
    }

    /// What looks wrong with predictions; `nil` where nothing does.
    public var warning: String? {
        let whole = whole
        let predicted = classes.indices.filter { whole.predictionCount(of: $0) > 0 }
        let labelled = classes.indices.filter { whole.truthCount(of: $0) > 0 }
        if labelled.count > 1, predicted.count == 1 {
            return "all pixels are predicted as '\(classes[predicted[0]])'"
        }
        if images.count > 1, Set(digests).count == 1, labelled.count > 1 {
            return "all images have the same prediction"
        }
        // Files whose numbers are one too large may hold no number that is out of range.
        if let background, background == 0, !predicted.contains(0), labelled.contains(0) {
            return "no pixel is predicted as '\(classes[0])'; predictions count classes from 0"
        }
        return nil
    }
}

/// Compares predictions on disk with masks.
///
/// Images are walked in strips of rows, so that memory does not grow with them.
///
/// - Parameters:
///   - images: Indices of the images, all of them labelled.
///   - progress: Told of each image done; an answer of `false` stops.
/// - Throws: `BenchmarksError`: `cancelled`, what masks and predictions throw.
public func compare(
    _ predictions: PredictionFolder, with set: SegmentationSet, images: [Int],
    progress: (Int, Int) -> Bool = { _, _ in true }
) throws -> SegmentationTally {
    var tally = SegmentationTally(set)
    for (done, image) in images.enumerated() {
        guard progress(done, images.count) else {
            throw BenchmarksError(.cancelled, "interrupted while predictions were compared", in: predictions.folder)
        }
        let size = try set.masks.maskSize(image)
        let reader = try predictions.open(image, size: size)
        try tally.addImage { add in
            for strip in strips(size) {
                add(try reader.read(strip), try set.masks.classes(image, window: strip))
            }
        }
    }
    _ = progress(images.count, images.count)
    return tally
}

/// Most pixels of a strip.
private let stripPixels = 1 << 22

/// Windows of whole rows that cover an image.
func strips(_ size: (width: Int, height: Int)) -> [PixelWindow] {
    let rows = max(1, stripPixels / max(size.width, 1))
    return stride(from: 0, to: size.height, by: rows).map { row in
        PixelWindow(column: 0, row: row, width: size.width, height: min(rows, size.height - row))
    }
}

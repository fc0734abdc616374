// Predictions as benchmark servers take them: a PNG for each image, whose values are the indices of classes.
internal import Files
public import Geo
internal import Raster
public import Telemetry

/// A folder of predictions that grows image by image.
public struct PredictionWriter {
    /// The folder.
    public let folder: String
    private let names: [String]

    /// Makes the folder; files in it stay, but those of images that are predicted are replaced.
    ///
    /// - Throws: `BenchmarksError` (`writeFailed`) where it cannot be made.
    public init(_ folder: String, of set: SegmentationSet) throws(BenchmarksError) {
        self.folder = withoutTrailingSlashes(folder)
        names = set.predictionNames()
        if fileExists(self.folder), !isFolder(self.folder) {
            throw BenchmarksError(
                .writeFailed, "there is a file where the folder of predictions should be", in: self.folder)
        }
        try Disk<BenchmarksFailure>.makeFolder(self.folder)
    }

    /// Begins the prediction of an image of some size.
    ///
    /// - Throws: `BenchmarksError`: `writeFailed`, `badForm` for an image too large for a PNG that is made in memory.
    public func begin(_ image: Int, width: Int, height: Int) throws(BenchmarksError) -> PredictionFile {
        let path = joined(folder, "\(names[image]).png")
        guard let count = PixelWindow(column: 0, row: 0, width: width, height: height).pixelCount, count <= 1 << 31
        else {
            throw BenchmarksError(.badForm, "an image of \(width) x \(height) pixels is too large for a PNG", in: path)
        }
        if names[image].contains("/") { try Disk<BenchmarksFailure>.makeFolder(parentFolder(path)) }
        return PredictionFile(path: path, width: width, height: height)
    }
}

/// The prediction of one image while it is made.
public final class PredictionFile {
    private let path: String
    private let width: Int
    private let height: Int
    private var classes: [UInt8]

    fileprivate init(path: String, width: Int, height: Int) {
        self.path = path
        self.width = width
        self.height = height
        classes = [UInt8](repeating: 0, count: width * height)
    }

    /// Puts the classes of a part in their place, row by row.
    public func write(_ part: [UInt8], _ window: PixelWindow) {
        precondition(part.count == window.width * window.height, "\(part.count) classes for \(window)")
        for row in 0..<window.height {
            let start = (window.row + row) * width + window.column
            classes.replaceSubrange(
                start..<start + window.width, with: part[row * window.width..<(row + 1) * window.width])
        }
    }

    /// Writes the file: it is whole, or it is not there.
    ///
    /// - Throws: `BenchmarksError` (`writeFailed`).
    public func finish() throws(BenchmarksError) {
        let picture = PixelBuffer(bands: 1, height: height, width: width, samples: .uint8(classes))
        do { try writePNG(picture, to: path) } catch {
            throw BenchmarksError(.writeFailed, error.what, in: error.place, why: error.causes, try: error.remedy)
        }
    }
}

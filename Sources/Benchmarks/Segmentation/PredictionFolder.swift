// Predictions on disk: a raster of classes for each image of a set, as benchmark servers take them.
internal import Files
internal import Foundation
internal import Geo
internal import Raster
public import Telemetry

/// Predicted classes of a set's images, a file each.
public struct PredictionFolder: Sendable {
    /// Where they are.
    public let folder: String
    /// What the user should know.
    public let notes: [String]
    private let set: SegmentationSet
    private let files: [Int: String]
    private let rule: MaskRule

    /// Finds the file of each image: `3514.png`, or `Urban/3514.png`, also with the extension of another raster format.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - images: Which of the set's images are wanted.
    ///   - firstClass: The value that stands for the first class.
    /// - Throws: `BenchmarksError`: `notFound`, `badForm` where an image has no file, or two.
    public init(
        _ folder: String, of set: SegmentationSet, images: [Int], firstClass: Int = 0
    ) throws(BenchmarksError) {
        let base = withoutTrailingSlashes(folder)
        try checkFolder(base)
        var found: [String: [String]] = [:]
        var count = 0
        for file in rasters(in: base) {
            found[withoutEnding(file), default: []].append(file)
            count += 1
        }
        var files: [Int: String] = [:]
        var missing: [String] = []
        let names = set.predictionNames()
        let uses = set.images.flatMap { tails($0.name) }.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        for index in images {
            // A folder for each domain is taken as well where the names alone would do, but never a name that two images share.
            let wanted =
                [names[index], set.images[index].name] + tails(set.images[index].name).filter { uses[$0] == 1 }
            guard let name = wanted.first(where: { found[$0] != nil }), let candidates = found[name] else {
                missing.append(names[index])
                continue
            }
            guard candidates.count == 1 else {
                throw BenchmarksError(
                    .badForm, "the image '\(set.images[index].name)' has \(candidates.count) predictions", in: base,
                    why: candidates.sorted(), try: "leave one of them in the folder")
            }
            files[index] = joined(base, candidates[0])
        }
        guard missing.isEmpty else {
            let some = missing.prefix(3).map { "\($0).png" }.joined(separator: ", ")
            throw BenchmarksError(
                .badForm, "\(missing.count) of \(images.count) images have no prediction: \(some)", in: base,
                why: ["the folder holds \(counted(count, "rasters"))"],
                try: "predict every image: a score of some of them would not compare")
        }
        self.folder = base
        self.set = set
        self.files = files
        notes =
            count > files.count
            ? ["ignored \(counted(count - files.count, "rasters")) in \(base) that belong to other images"] : []
        rule = .numbered(from: firstClass, count: set.classes.count)
    }

    /// The file of an image; `nil` for images that were not asked for.
    public func file(_ image: Int) -> String? { files[image] }

    /// SHA-256 of the files of the images that were asked for.
    ///
    /// - Throws: `BenchmarksError` (`readFailed`).
    public func contentHash() throws -> String {
        var hash = TextHash()
        for (index, path) in files.sorted(by: { $0.key < $1.key }) {
            hash.add([set.images[index].name, try SHA256.hex(ofFile: path)])
        }
        return hash.text
    }

    /// The files' sizes and dates, for fingerprints.
    public func stamps(_ image: Int) -> [String] { files[image].map { [FileStamp($0)?.text ?? ""] } ?? [] }

    /// Opens the prediction of an image: a reader of windows.
    ///
    /// - Throws: `BenchmarksError`: `readFailed`, `badForm` for another size than the mask's, or another place.
    func open(_ image: Int, size: (width: Int, height: Int)) throws(BenchmarksError) -> PredictionReader {
        guard let path = files[image] else {
            throw BenchmarksError(.notFound, "the image '\(set.images[image].name)' has no prediction", in: folder)
        }
        let reader = try openClasses(path, rule)
        let grid = reader.grid
        guard (grid.width, grid.height) == size else {
            throw BenchmarksError(
                .badForm,
                "the prediction has \(grid.width) x \(grid.height) pixels; its mask has \(size.width) x \(size.height)",
                in: path, try: "predict the image at its own size, without resizing or padding")
        }
        // Most benchmarks' images have no georeference; where image and prediction have one, it must be the same.
        if let crs = grid.crs, let original = try? RasterReader(path: set.images[image].path).grid,
            let known = original.crs, known != crs || original.transform != grid.transform
        {
            throw BenchmarksError(
                .badForm, "the prediction and its image are in different places", in: path,
                why: ["the image is \(set.images[image].path)"], try: "predict on the image's own grid")
        }
        return PredictionReader(reader: reader, rule: rule, classes: set.classes)
    }
}

/// The prediction of one image; used on one thread only.
struct PredictionReader {
    fileprivate let reader: RasterReader
    fileprivate let rule: MaskRule
    fileprivate let classes: [String]

    /// The index of the class of each pixel of a window; 255 for pixels without a value.
    func read(_ window: PixelWindow) throws(BenchmarksError) -> [UInt8] {
        do { return try readClasses(reader, window, rule) } catch let error where error.code == .badLabels {
            guard case .values(let known, _) = rule, let first = known.keys.min() else { throw error }
            let last = first + classes.count - 1
            throw BenchmarksError(
                .badLabels, error.what, in: error.place,
                why: [
                    "predictions hold \(first) ('\(classes[0])') to \(last) ('\(classes[classes.count - 1])'), as the benchmark's server takes them"
                ],
                try: first == 0
                    ? "\(Setting.firstClass) 1 if they count from 1, as masks and mmsegmentation's files do"
                    : "\(Setting.firstClass) 0 if they count from 0"
            )
        }
    }
}

/// The last two parts of a name, and the last one; for a name of one part, only that.
private func tails(_ name: String) -> [String] {
    let parts = name.split(separator: "/")
    let ends = [parts.suffix(2).joined(separator: "/"), parts.suffix(1).joined()]
    return ends[0] == ends[1] ? [ends[0]] : ends
}

/// Names of the rasters in a folder and in the folders in it, relative to it.
///
/// - Parameter depth: How deep folders may be nested.
private func rasters(in base: String, depth: Int = 3) -> [String] {
    fileNames(in: base).sorted().flatMap { name -> [String] in
        if name.hasPrefix(".") { return [] }
        guard isFolder(joined(base, name)) else { return isImageName(name) ? [name] : [] }
        return depth > 0 ? rasters(in: joined(base, name), depth: depth - 1).map { joined(name, $0) } : []
    }
}

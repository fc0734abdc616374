// Masks that are image files: one for each image.
internal import Geo
internal import Raster
internal import Telemetry

/// Masks in files of their own.
struct MaskFiles: MaskSource {
    /// The mask of each image; `nil` where there is none.
    let paths: [String?]
    /// What their pixels say.
    let rule: MaskRule

    func maskSize(_ image: Int) throws -> (width: Int, height: Int) {
        let grid = try reader(image).grid
        return (grid.width, grid.height)
    }

    func classes(_ image: Int, window: PixelWindow) throws -> [UInt8] {
        try readClasses(reader(image), window, rule)
    }

    func maskStamps(_ image: Int) -> [String] {
        paths[image].map { [$0.split(separator: "/").last.map(String.init) ?? $0, FileStamp($0)?.text ?? ""] } ?? []
    }

    private func reader(_ image: Int) throws(BenchmarksError) -> RasterReader {
        guard let path = paths[image] else {
            throw BenchmarksError(.badLabels, "image \(image) has no mask")
        }
        return try openClasses(path, rule)
    }
}

/// Opens a raster of classes, as values or as colours.
///
/// - Throws: `BenchmarksError`: `readFailed`; `badLabels` for another number of bands.
func openClasses(_ path: String, _ rule: MaskRule) throws(BenchmarksError) -> RasterReader {
    let reader: RasterReader
    do {
        // The indices of a palette are the classes, unless colours are.
        reader = try RasterReader(path: path, options: RasterOpenOptions(expandPalette: rule.bands > 1))
    } catch {
        throw BenchmarksError(.readFailed, error.what, in: error.place, why: error.causes, try: error.remedy)
    }
    guard reader.bands.count == rule.bands else {
        let found = counted(reader.bands.count, "bands")
        throw BenchmarksError(
            .badLabels,
            rule.bands == 1
                ? "expected a mask of one band of classes; found \(found)"
                : "expected a mask of colours, red, green and blue; found \(found)", in: path)
    }
    return reader
}

/// Reads a window of classes; see `MaskRule.indices`.
func readClasses(
    _ reader: RasterReader, _ window: PixelWindow, _ rule: MaskRule
) throws(BenchmarksError) -> [UInt8] {
    let pixels: PixelBuffer
    do { pixels = try reader.read(window) } catch {
        throw BenchmarksError(
            error.isCancellation ? .cancelled : .readFailed, error.what, in: error.place, why: error.causes,
            try: error.remedy)
    }
    return try rule.indices(of: pixels, in: reader.path)
}

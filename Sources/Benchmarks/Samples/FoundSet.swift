// Recognises what a folder or a file holds, among everything that can be scored.
internal import Files
public import Telemetry

/// A set that was found on disk, and the subcommand of `geodino score` that scores it.
public enum FoundSet: Sendable {
    /// Images with classes.
    case samples(SampleSet, benchmark: String)
    /// Images with masks.
    case masks(SegmentationSet, benchmark: String)
    /// Tasks of GEO-Bench.
    case geoBench(GeoBenchFolder)

    /// Looks at a path.
    ///
    /// - Throws: `BenchmarksError`: `notFound`; `badForm` for what none of the readers knows; what the reader throws whose form it has.
    public static func at(_ path: String) throws(BenchmarksError) -> FoundSet {
        let base = withoutTrailingSlashes(path)
        guard fileExists(base) else { throw BenchmarksError(.notFound, "no such folder or file", in: path) }
        guard isFolder(base) else {
            guard base.lowercased().hasSuffix(".csv") else {
                throw BenchmarksError(
                    .badForm, "a file is not a set of images", in: path,
                    try: "give a folder, or a list (CSV) with the columns path and label")
            }
            return .samples(try readSampleTable(base), benchmark: "folder")
        }
        func has(_ names: String...) -> Bool { names.contains { fileExists(joined(base, $0)) } }
        if has("classification_v1.0", "segmentation_v1.0", "default_partition.json", "normalizer.json") {
            return .geoBench(try GeoBenchFolder(base))
        }
        if let parts = try? GeoBenchFolder(base), !parts.tasks.isEmpty { return .geoBench(parts) }
        if has("Train/Urban", "Train/Rural", "Val/Urban", "Val/Rural") {
            return .masks(try .loveDA(base), benchmark: "loveda")
        }
        if has("img_dir", "train/images", "val/images") { return .masks(try .iSAID(base), benchmark: "isaid") }
        for known in [KnownSet.eurosat, .ucMerced] {
            if let set = try? known.read(base) { return .samples(set, benchmark: known.name) }
        }
        return .samples(try readClassFolders(base), benchmark: "folder")
    }
}

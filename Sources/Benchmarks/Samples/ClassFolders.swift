// Sets whose labels are the names of folders: one folder per class, perhaps within one folder per split.
internal import Files
internal import FoundationEssentials
public import Telemetry

/// Reads a set with a folder of images per class, or with such folders inside `train`, `val` and `test`.
///
/// Classes are in the order of their names. Samples are in the order of splits, classes and names, so that no file system
/// decides. Hidden files are not looked at, and files whose names do not end as images do are passed over, with a note. Nothing is opened.
///
/// - Parameters:
///   - folder: The folder.
///   - name: What the set is called; the folder's own name if `nil`.
/// - Throws: `BenchmarksError`: `notFound`, `badForm` if it has no such folders; the errors of `SampleSet`.
public func readClassFolders(_ folder: String, name: String? = nil) throws(BenchmarksError) -> SampleSet {
    let base = withoutTrailingSlashes(folder)
    try checkFolder(base)
    let parts = try subfolders(of: base)
    let splits = parts.compactMap { part in BenchmarkSplit(named: part).map { (split: $0, folder: part) } }
    // A class may be called Test; only where all folders are splits are they taken for that.
    let hasSplits = !parts.isEmpty && splits.count == parts.count
    var found: [(split: BenchmarkSplit?, folder: String, class: String)] = []
    if hasSplits {
        for split in BenchmarkSplit.allCases {
            let named = splits.filter { $0.split == split }
            guard named.count < 2 else {
                throw BenchmarksError(
                    .badForm,
                    "two folders are of the split \(split.rawValue): \(named.map(\.folder).joined(separator: " and "))",
                    in: base, try: "leave one of them, or give the set as a list of files")
            }
            guard let part = named.first?.folder else { continue }
            for label in try subfolders(of: joined(base, part)) { found.append((split, joined(part, label), label)) }
        }
    } else {
        found = parts.map { (nil, $0, $0) }
    }
    if !hasSplits, splits.count > 1, let other = parts.first(where: { BenchmarkSplit(named: $0) == nil }) {
        throw BenchmarksError(
            .badForm, "the folder holds folders of splits and others", in: base,
            why: ["\(splits.map(\.folder).joined(separator: ", ")) are splits, '\(other)' is not"],
            try: "move '\(other)' out of the folder")
    }
    guard !found.isEmpty else {
        throw BenchmarksError(
            .badForm, "the folder has no folders of images, one per class", in: base,
            why: ["looked for CLASS/IMAGE, and for train/CLASS/IMAGE, val/CLASS/IMAGE and test/CLASS/IMAGE"],
            try:
                "give the folder that holds the folders of classes, or a list of files (CSV with the columns path and label)"
        )
    }
    let classes = Set(found.map(\.class)).sorted()
    let indices = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var samples: [BenchmarkSample] = []
    var passedOver = 0
    for entry in found {
        let place = joined(base, entry.folder)
        let names = try contents(of: place)
        let images = names.filter(isImageName)
        passedOver += names.count(where: { !isImageName($0) && isPlainFile(joined(place, $0)) })
        for image in images where isPlainFile(joined(place, image)) {
            samples.append(
                BenchmarkSample(
                    name: joined(entry.folder, image), path: joined(place, image), classes: [indices[entry.class] ?? 0],
                    split: entry.split))
        }
    }
    let notes =
        passedOver > 0 ? ["ignored \(counted(passedOver, "files")) without an image extension"] : []
    guard !samples.isEmpty else {
        throw BenchmarksError(
            .tooFew, "the folders of classes hold no images", in: base, why: notes,
            try: "give the folder that holds a folder of images for each class")
    }
    return try SampleSet(
        name: name ?? folderName(base), classes: classes, samples: samples,
        notes: notes, in: base)
}

/// The name of a folder, also of `.` and the like.
private func folderName(_ path: String) -> String {
    let name = URL(filePath: path).standardizedFileURL.lastPathComponent
    return name.isEmpty || name == "/" ? "folder" : name
}

/// Whether a file is called as images are.
func isImageName(_ name: String) -> Bool {
    guard !name.hasPrefix("."), let dot = name.lastIndex(of: ".") else { return false }
    return imageSuffixes.contains(name[name.index(after: dot)...].lowercased())
}

private let imageSuffixes: Set = ["tif", "tiff", "png", "jpg", "jpeg", "jp2", "bmp", "webp", "vrt", "img"]

/// Names in a folder, without hidden ones, in their order.
private func contents(of folder: String) throws(BenchmarksError) -> [String] {
    try Disk<BenchmarksFailure>.names(in: folder).filter { !$0.hasPrefix(".") }.sorted()
}

/// Names of the folders in a folder.
private func subfolders(of folder: String) throws(BenchmarksError) -> [String] {
    try contents(of: folder).filter { isFolder(joined(folder, $0)) }
}

/// Refuses a path that is not a folder.
func checkFolder(_ path: String) throws(BenchmarksError) {
    guard fileExists(path) else { throw BenchmarksError(.notFound, "no such folder", in: path) }
    guard isFolder(path) else {
        throw BenchmarksError(.badForm, "a file is not a folder of a benchmark", in: path)
    }
}

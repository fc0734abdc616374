// Published classification sets of folders: which classes they have, where their folders are, and which lists split them.
internal import Files
public import Telemetry

/// A published set whose images are in a folder per class.
public struct KnownSet: Sendable, Hashable {
    /// Its name in results.
    public let name: String
    /// Names of the classes, in the order of their indices.
    public let classes: [String]
    /// Folders inside the one that is given in which the folders of classes may be; the first that is there counts.
    let roots: [String]
    /// What the bands show, by STAC's common names, in files with this number of bands that do not say so.
    let bands: [String]
    /// How the lists of splits begin: `eurosat` for `eurosat-train.txt`.
    let list: String

    /// EuroSAT: Sentinel-2, 64 x 64 pixels of 10 m, 13 bands or RGB (Helber and others 2019).
    public static let eurosat = KnownSet(
        name: "eurosat",
        classes: [
            "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
            "Residential", "River", "SeaLake",
        ],
        roots: [
            "EuroSAT_MS", "EuroSAT_RGB", "2750", "EuroSAT/2750", "EuroSATallBands",
            "ds/images/remote_sensing/otherDatasets/sentinel_2/tif",
        ],
        bands: [
            "coastal", "blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir", "nir09", "cirrus",
            "swir16", "swir22", "nir08",
        ], list: "eurosat")

    /// UC Merced Land Use: aerial images, 256 x 256 pixels of 0.3 m (Yang and Newsam 2010).
    public static let ucMerced = KnownSet(
        name: "ucmerced",
        classes: [
            "agricultural", "airplane", "baseballdiamond", "beach", "buildings", "chaparral", "denseresidential",
            "forest", "freeway", "golfcourse", "harbor", "intersection", "mediumresidential", "mobilehomepark",
            "overpass", "parkinglot", "river", "runway", "sparseresidential", "storagetanks", "tenniscourt",
        ], roots: ["UCMerced_LandUse/Images", "Images"], bands: [], list: "uc_merced")

    /// Reads the set from a folder: the folders of classes, or a folder around them as it is unpacked.
    ///
    /// If lists such as `eurosat-train.txt`, `eurosat-val.txt` and `eurosat-test.txt`, as torchgeo downloads them, are next to the images or in the
    /// folder that is given, they are the splits: a name per line, whatever its ending.
    ///
    /// - Throws: `BenchmarksError`: `notFound`, `badForm` for a folder without these classes or with two forms of the set; `badLabels` for classes
    ///   that the set does not have, lists that leave images out, and an image in two lists.
    public func read(_ folder: String) throws(BenchmarksError) -> SampleSet {
        let base = withoutTrailingSlashes(folder)
        try checkFolder(base)
        let root = try root(in: base)
        let found = try readClassFolders(root, name: name)
        if let unknown = found.classes.first(where: { !classes.contains($0) }) {
            throw BenchmarksError(
                .badLabels, "'\(unknown)' is not a class of \(name)", in: root,
                why: ["its classes are \(classes.joined(separator: ", "))"],
                try: "move the folder away, or score the images as a folder of your own classes")
        }
        // Numbers are the set's own, whichever of its classes are there.
        let order = found.classes.map { classes.firstIndex(of: $0) ?? 0 }
        let samples = found.samples.map { sample in
            BenchmarkSample(
                name: sample.name, path: sample.path, classes: sample.classes.map { order[$0] }, split: sample.split)
        }
        var notes = found.notes
        if found.classes.count < classes.count {
            notes.append("only \(found.classes.count) of \(name)'s \(classes.count) classes are present")
        }
        var set = try SampleSet(
            name: name, classes: classes, samples: try split(samples, lists: [root, base]), notes: notes, in: root)
        set.bandNames = bands
        return set
    }

    /// The folder of the folders of classes.
    private func root(in base: String) throws(BenchmarksError) -> String {
        if classes.contains(where: { isFolder(joined(base, $0)) }) { return base }
        let there = roots.map { joined(base, $0) }.filter { root in classes.contains { isFolder(joined(root, $0)) } }
        guard let first = there.first else {
            throw BenchmarksError(
                .badForm, "the folder does not hold \(name)", in: base,
                why: [
                    "looked for folders of its classes, such as \(classes[0]), in it and in \(roots.joined(separator: ", "))"
                ],
                try: "give the folder that holds the folders of classes")
        }
        guard there.count == 1 else {
            throw BenchmarksError(
                .badForm, "the folder holds \(name) in \(there.count) forms", in: base,
                why: there, try: "give one of them: \(there.map(shellQuoted).joined(separator: " or "))")
        }
        return first
    }

    /// Samples with the splits of the lists in some folders; as they are where there are none.
    private func split(
        _ samples: [BenchmarkSample], lists folders: [String]
    ) throws(BenchmarksError) -> [BenchmarkSample] {
        let endings: [(split: BenchmarkSplit, name: String)] = [
            (.train, "train"), (.validation, "val"), (.test, "test"),
        ]
        let folder = folders.first { folder in
            endings.contains { fileExists(joined(folder, "\(list)-\($0.name).txt")) }
        }
        guard let folder, samples.allSatisfy({ $0.split == nil }) else { return samples }
        var splits: [String: BenchmarkSplit] = [:]
        for ending in endings {
            let path = joined(folder, "\(list)-\(ending.name).txt")
            guard fileExists(path) else {
                throw BenchmarksError(
                    .badForm, "one of the lists of splits is missing", in: path,
                    try: "add it, or remove the other lists to get random splits")
            }
            guard let text = String(validating: try Disk<BenchmarksFailure>.read(path), as: UTF8.self) else {
                throw BenchmarksError(.readFailed, "the list is not UTF-8 text", in: path)
            }
            for line in text.split(whereSeparator: \.isNewline) {
                let key = stem(String(line.filter { !$0.isWhitespace }))
                if key.isEmpty { continue }
                if let other = splits.updateValue(ending.split, forKey: key), other != ending.split {
                    throw BenchmarksError(
                        .badLabels,
                        "the image '\(line)' is in two splits, \(other.rawValue) and \(ending.split.rawValue)",
                        in: path, try: "leave it in one of the lists")
                }
            }
        }
        return try samples.map { sample throws(BenchmarksError) in
            var sample = sample
            guard let split = splits[stem(sample.name)] else {
                throw BenchmarksError(
                    .badLabels, "the lists of splits do not name the image '\(sample.name)'", in: folder,
                    try: "give the images that the lists were made for, or remove the lists to get random splits"
                )
            }
            sample.split = split
            return sample
        }
    }

    /// The name of a file without its folder and its ending.
    private func stem(_ path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.lastIndex(of: ".").map { file[..<$0] } ?? file)
    }
}

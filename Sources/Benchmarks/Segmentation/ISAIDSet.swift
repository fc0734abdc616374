// iSAID: as its authors give it, with masks in colours, and in the patches that mmsegmentation cuts.
internal import Files
internal import Geo
public import Telemetry

extension SegmentationSet {
    /// Reads iSAID (Zamir and others 2019), in one of two forms.
    ///
    /// * As it is given: `train`, `val` and `test`, each with `images`; the mask of `P0002.png` is `P0002_instance_color_RGB.png`, next to it or in
    ///   `Semantic_masks/images`. Masks hold a colour for each class.
    /// * In patches: `img_dir/train/P0002_0_896_0_896.png` with `ann_dir/train/P0002_0_896_0_896_instance_color_RGB.png`, and `val`; masks hold 0 to 15, and
    ///   255 where there is no image. Neighbouring patches overlap, so that scores of patches count some ground twice.
    ///
    /// Files are opened by what they hold: patches are often BMP files called `.png`.
    ///
    /// - Throws: `BenchmarksError`: `notFound`, `badForm` for neither form, `badLabels` for an image without a mask in `train` or `val`.
    public static func iSAID(_ folder: String) throws(BenchmarksError) -> SegmentationSet {
        let base = withoutTrailingSlashes(folder)
        try checkFolder(base)
        let isPatches = isFolder(joined(base, "img_dir"))
        var images: [SegmentationImage] = []
        var masks: [String?] = []
        for (name, split) in [("train", BenchmarkSplit.train), ("val", .validation), ("test", .test)] {
            let place = joined(base, isPatches ? "img_dir/\(name)" : "\(name)/images")
            let folders =
                isPatches
                ? [joined(base, "ann_dir/\(name)")]
                : [place, joined(base, "\(name)/Semantic_masks/images"), joined(base, "\(name)/Semantic_masks")]
            for picture in fileNames(in: place).sorted() where isImageName(picture) && !isMask(picture) {
                let stem = withoutEnding(picture)
                let candidates = folders.map { joined($0, "\(stem)\(maskEnding).png") }
                let mask = candidates.first(where: fileExists)
                guard mask != nil || split == .test else {
                    throw BenchmarksError(
                        .badLabels, "an image has no mask", in: joined(place, picture),
                        why: ["looked for \(candidates.joined(separator: ", "))"],
                        try: "add the mask, or move the image out of the folder")
                }
                images.append(
                    SegmentationImage(
                        name: "\(name)/\(stem)", path: joined(place, picture), split: split, isLabelled: mask != nil))
                masks.append(mask)
            }
        }
        guard images.contains(where: \.isLabelled) else {
            throw BenchmarksError(
                .badForm, "the folder does not hold iSAID", in: base,
                why: [
                    "looked for train/images/*.png and val/images/*.png, and for img_dir/train/*.png and img_dir/val/*.png, with masks called *\(maskEnding).png"
                ],
                try: "give the folder that holds train and val, or img_dir and ann_dir")
        }
        let rule: MaskRule =
            isPatches
            ? .numbered(from: 0, count: iSAIDClasses.count, ignored: [255])
            : .colours(
                Dictionary(
                    uniqueKeysWithValues: iSAIDClasses.enumerated().map { index, entry in
                        (.init(entry.colour[0], entry.colour[1], entry.colour[2]), UInt8(index))
                    }))
        return try SegmentationSet(
            name: isPatches ? "isaid-patches" : "isaid",
            legend: .indexed(iSAIDClasses, background: 0, name: "isaid"), unlabelled: isPatches ? "255" : "",
            gsd: iSAIDGSD, images: images, masks: MaskFiles(paths: masks, rule: rule), in: base)
    }
}

/// Metres per pixel that stand for iSAID's images, whose own are unlike and mostly unknown.
private let iSAIDGSD = 0.3

/// How the names of masks end, before `.png`.
private let maskEnding = "_instance_color_RGB"

/// Whether a file is called as masks are.
private func isMask(_ name: String) -> Bool {
    let stem = withoutEnding(name)
    return stem.hasSuffix(maskEnding) || stem.hasSuffix("_instance_id_RGB")
}

/// A file's name without its ending.
func withoutEnding(_ name: String) -> String { String(name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]) }

/// Names and colours of the classes in their order.
private let iSAIDClasses: [(name: String, colour: [UInt8])] = [
    ("background", [0, 0, 0]), ("ship", [0, 0, 63]), ("storage tank", [0, 63, 63]), ("baseball diamond", [0, 63, 0]),
    ("tennis court", [0, 63, 127]), ("basketball court", [0, 63, 191]), ("ground track field", [0, 63, 255]),
    ("bridge", [0, 127, 63]), ("large vehicle", [0, 127, 127]), ("small vehicle", [0, 0, 127]),
    ("helicopter", [0, 0, 191]), ("swimming pool", [0, 0, 255]), ("roundabout", [0, 191, 127]),
    ("soccer ball field", [0, 127, 191]), ("plane", [0, 127, 255]), ("harbor", [0, 100, 155]),
]

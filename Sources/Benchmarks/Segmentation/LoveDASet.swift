// LoveDA as it is unpacked: splits, domains, masks from 1 to 7, predictions from 0 to 6.
internal import Files
internal import Geo
internal import Scenes
public import Telemetry

extension SegmentationSet {
    /// Reads LoveDA (Wang and others 2021): `Train`, `Val` and `Test`, each with `Urban` and `Rural`, these with `images_png` and `masks_png`.
    ///
    /// Masks hold 1 to 7, and 0 where there is no label. Classes count from 0 (`background`) to 6 (`agriculture`), as in what LoveDA's server takes:
    /// other readers of the set disagree about names and numbers. Splits that are not there are left out; images of `Test` have no masks.
    ///
    /// - Throws: `BenchmarksError`: `notFound`, `badForm` where neither `Train` nor `Val` holds images, `badLabels` for an image without a mask.
    public static func loveDA(_ folder: String) throws(BenchmarksError) -> SegmentationSet {
        let base = withoutTrailingSlashes(folder)
        try checkFolder(base)
        var images: [SegmentationImage] = []
        var masks: [String?] = []
        let splits: [(name: String, split: BenchmarkSplit)] = [
            ("Train", .train), ("Val", .validation), ("Test", .test),
        ]
        for (name, split) in splits {
            for domain in ["Rural", "Urban"] {
                let place = joined(base, "\(name)/\(domain)")
                let known = Set(pictures(in: joined(place, "masks_png")))
                for picture in pictures(in: joined(place, "images_png")) {
                    let isLabelled = known.contains(picture)
                    guard isLabelled || split == .test else {
                        throw BenchmarksError(
                            .badLabels, "an image has no mask", in: joined(place, "images_png/\(picture)"),
                            why: ["there is no \(joined(place, "masks_png/\(picture)"))"],
                            try: "add the mask, or move the image out of the folder")
                    }
                    images.append(
                        SegmentationImage(
                            name: "\(name)/\(domain)/\(picture.dropLast(4))",
                            path: joined(place, "images_png/\(picture)"),
                            split: split, isLabelled: isLabelled))
                    masks.append(isLabelled ? joined(place, "masks_png/\(picture)") : nil)
                }
            }
        }
        guard images.contains(where: \.isLabelled) else {
            throw BenchmarksError(
                .badForm, "the folder does not hold LoveDA", in: base,
                why: [
                    "looked for Train/Urban/images_png/*.png with Train/Urban/masks_png/*.png, for Rural, and for Val"
                ],
                try: "give the folder that holds Train and Val")
        }
        let absent = splits.filter { entry in !images.contains { $0.split == entry.split } }
        return try SegmentationSet(
            name: "loveda", legend: .indexed(loveDAClasses, background: 0, name: "loveda"), unlabelled: "0",
            gsd: loveDAGSD, images: images,
            masks: MaskFiles(paths: masks, rule: .numbered(from: 1, count: loveDAClasses.count, ignored: [0])),
            notes: absent.filter { $0.split != .test }.map { "the folder has no \($0.name)" }, in: base)
    }
}

/// Names and colours of the classes, as the authors of LoveDA draw them.
private let loveDAClasses: [(name: String, colour: [UInt8])] = [
    ("background", [255, 255, 255]), ("building", [255, 0, 0]), ("road", [255, 255, 0]), ("water", [0, 0, 255]),
    ("barren", [159, 129, 183]), ("forest", [0, 255, 0]), ("agriculture", [255, 195, 128]),
]

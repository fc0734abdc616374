// The folders of LoveDA: which image belongs to which mask, and what both are for.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// Metres on the ground per pixel of LoveDA's images.
public let loveDAGSD = 0.3

/// Finds the pairs of a folder in the form of LoveDA: `Train/Urban/images_png/0.png` with `Train/Urban/masks_png/0.png`, the same under
/// `Rural`, and under `Val` in place of `Train`.
///
/// `Test`, whose labels are not public, is not looked at. Masks have one band: 0 where there is no label, 1 to 7 the classes.
///
/// - Returns: The pairs: Train before Val, Rural before Urban, in the order of their numbers. Images of Val are held out; where there are none,
///   no pair says what it is for.
/// - Throws: `SceneError` (`badPairs`) where no training images are there, or one of them has no mask.
public func readLoveDA(_ folder: String) throws -> [PairEntry] {
    var base = folder
    while base.count > 1, base.hasSuffix("/") { base.removeLast() }
    var entries: [PairEntry] = []
    for split in PairSplit.allCases {
        for domain in ["Rural", "Urban"] { entries += try pairs(of: split, domain, in: base) }
    }
    guard entries.contains(where: { $0.split == .train }) else { throw notLoveDA(base) }
    guard entries.contains(where: { $0.split == .val }) else {
        return entries.map { PairEntry(image: $0.image, target: $0.target) }
    }
    return entries
}

/// The folder of a split.
private func name(of split: PairSplit) -> String {
    switch split {
    case .train: "Train"
    case .val: "Val"
    }
}

/// The pairs of a split and a domain; none where its folder is not there.
private func pairs(of split: PairSplit, _ domain: String, in base: String) throws(SceneError) -> [PairEntry] {
    let place = "\(base)/\(name(of: split))/\(domain)"
    let images = pictures(in: "\(place)/images_png")
    let masks = Set(pictures(in: "\(place)/masks_png"))
    return try images.map { image throws(SceneError) in
        guard masks.contains(image) else {
            throw SceneError(
                .badPairs, "an image has no mask", in: "\(place)/images_png/\(image)",
                why: ["there is no \(place)/masks_png/\(image)"],
                try: "add the mask, or move the image out of the folder")
        }
        return PairEntry(image: "\(place)/images_png/\(image)", target: "\(place)/masks_png/\(image)", split: split)
    }
}

/// The names of the PNG files of a folder: numbers in their order, then others in the alphabet's; none where there is no such folder.
package func pictures(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    func number(_ name: String) -> Int { Int(name.dropLast(4)) ?? .max }
    return names.filter { $0.lowercased().hasSuffix(".png") && !$0.hasPrefix(".") }
        .sorted { (number($0), $0) < (number($1), $1) }
}

/// The error of a folder without training images in the form of LoveDA.
private func notLoveDA(_ folder: String) -> SceneError {
    var isFolder = false
    let exists = FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
    let wanted = ["Rural", "Urban"].map { "Train/\($0)/images_png/*.png with Train/\($0)/masks_png/*.png" }
    let why = ["looked for \(wanted.joined(separator: ", and "))"]
    guard exists, isFolder else {
        return SceneError(
            .badPairs, exists ? "a file is not a folder in the form of LoveDA" : "no such folder", in: folder, why: why,
            try: "give the folder that holds Train; \(UserAction.synthesize) makes one with synthetic images")
    }
    // Whoever unpacked Train.zip may give what came out of it.
    let isInside = ["Rural", "Urban"].contains { FileManager.default.fileExists(atPath: "\(folder)/\($0)/images_png") }
    let isAbove = FileManager.default.fileExists(atPath: "\(folder)/Train/Train")
    return SceneError(
        .badPairs, "the folder has no images with masks in the form of LoveDA", in: folder, why: why,
        try: isInside
            ? "put \(shellQuoted(folder)) into a folder under the name Train, and give that folder"
            : isAbove
                ? "give \(shellQuoted(folder + "/Train"))"
                : "give the folder that holds Train; \(UserAction.synthesize) makes one with synthetic images")
}

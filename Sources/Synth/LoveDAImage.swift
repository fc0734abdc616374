// The images of a set in LoveDA's form: their names, the ground they show, and what else may be next to them.
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One image that `synthesizeLoveDA` wrote.
public struct LoveDAImage: Sendable, Hashable {
    /// What it is for: `Train` or `Val`.
    public let split: String
    /// Where it could have been taken: `Urban` or `Rural`.
    public let domain: String
    /// Its number within both, from 0.
    public let number: Int

    /// Path of the image below the folder: 8 bits, red, green, blue.
    public var image: String { "\(split)/\(domain)/images_png/\(number).png" }
    /// Path of the mask below the folder: 8 bits, LoveDA's classes 1 to 7, 0 without a label.
    public var mask: String { "\(split)/\(domain)/masks_png/\(number).png" }

    /// What the marker of a folder calls this form.
    static let form = "loveda"
    static let splits = ["Train", "Val"]
    static let domains = ["Rural", "Urban"]
    static let folders = ["images_png", "masks_png"]

    /// The images of some options, in order.
    static func all(_ scenes: Int) -> [LoveDAImage] {
        splits.flatMap { split in
            domains.flatMap { domain in
                (0..<scenes).map { LoveDAImage(split: split, domain: domain, number: $0) }
            }
        }
    }

    /// The scene that it shows: no other image has it.
    var scene: Int {
        let group = (split == "Train" ? 0 : 2) + (domain == "Rural" ? 0 : 1)
        return 4 * number + group
    }

    /// How much there is of each kind of land.
    var mix: LandMix { domain == "Urban" ? .urban : .rural }

    /// The first thing in the folder of a split that `synthesizeLoveDA` did not write there; `nil` where it wrote all.
    ///
    /// - Parameter isMade: Whether an image of a number was made; LoveDA's own images have numbers for names as well.
    static func foreign(in base: String, _ split: String, isMade: (Int) -> Bool) -> String? {
        func content(_ path: String) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: "\(base)/\(path)")) ?? [""]).sorted()
        }
        for domain in content(split) {
            guard domains.contains(domain) else { return "\(split)/\(domain)" }
            for folder in content("\(split)/\(domain)") {
                guard folders.contains(folder) else { return "\(split)/\(domain)/\(folder)" }
                let place = "\(split)/\(domain)/\(folder)"
                if let file = content(place).first(where: { !(number(of: $0).map(isMade) ?? false) }) {
                    return "\(place)/\(file)"
                }
            }
        }
        return nil
    }

    /// The number in the name of an image or a mask, or of the statistics that viewers leave next to one; `nil` for other names.
    private static func number(of name: String) -> Int? {
        let bare = name.hasSuffix(".aux.xml") ? name.dropLast(8) : name[...]
        guard bare.hasSuffix(".png"), let number = Int(bare.dropLast(4)) else { return nil }
        return number >= 0 && bare == "\(number).png" ? number : nil
    }
}

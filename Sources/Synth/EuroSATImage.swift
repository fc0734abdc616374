// The images of a set in EuroSAT's form: their names, their splits, and what else may be next to them.
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One image that `synthesizeEuroSAT` wrote.
public struct EuroSATImage: Sendable, Hashable {
    /// The class that it shows, by EuroSAT's name: `Forest`.
    public let label: String
    /// Its number within the class, from 1.
    public let number: Int

    /// Its name, as the lists of splits have it: `Forest_1.png`.
    public var name: String { "\(label)_\(number).png" }
    /// Path of the image below the folder: 8 bits, red, green, blue.
    public var image: String { "\(Self.root)/\(label)/\(name)" }
    /// What it is for: `train`, `val` or `test`.
    ///
    /// Of five images of a class three are for training, one for validation, one for the test; adding images moves none to another split.
    public var split: String {
        switch number % 5 {
        case 4: "val"
        case 0: "test"
        default: "train"
        }
    }

    /// What the marker of a folder calls this form.
    static let form = "eurosat"
    /// The folder of the folders of classes.
    static let root = "EuroSAT_RGB"
    static let splits = ["train", "val", "test"]

    /// The name of the list of the images of a split.
    static func list(of split: String) -> String { "eurosat-\(split).txt" }

    /// The images of some options, in order.
    static func all(_ scenes: Int) -> [EuroSATImage] {
        EuroSATClass.allCases.flatMap { kind in
            (1...scenes).map { EuroSATImage(label: kind.name, number: $0) }
        }
    }

    /// The first thing that `synthesizeEuroSAT` did not write under a name at the top of its folder; `nil` where it wrote all.
    ///
    /// - Parameter isMade: Whether the image of a class with this position, from 0, was made; EuroSAT's own images have such names as well.
    static func foreign(in base: String, _ name: String, isMade: (Int) -> Bool) -> String? {
        func content(_ path: String) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: "\(base)/\(path)")) ?? [""]).sorted()
        }
        if splits.contains(where: { list(of: $0) == name }) { return nil }
        guard name == root else { return name }
        for label in content(root) {
            guard EuroSATClass.allCases.contains(where: { $0.name == label }) else { return "\(root)/\(label)" }
            let file = content("\(root)/\(label)").first { file in
                number(of: file, in: label).map { !isMade($0 - 1) } ?? true
            }
            if let file { return "\(root)/\(label)/\(file)" }
        }
        return nil
    }

    /// The number in the name of an image, or of the statistics that viewers leave next to one; `nil` for other names.
    private static func number(of name: String, in label: String) -> Int? {
        let bare = name.hasSuffix(".aux.xml") ? name.dropLast(8) : name[...]
        guard bare.hasPrefix("\(label)_"), bare.hasSuffix(".png"),
            let number = Int(bare.dropFirst(label.count + 1).dropLast(4)), number > 0
        else { return nil }
        return bare == "\(label)_\(number).png" ? number : nil
    }
}

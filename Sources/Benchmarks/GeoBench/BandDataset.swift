// The arrays of a sample of GEO-Bench: a band's name, perhaps followed by the date of its image.
public import Files

/// An array of a sample as it is stored: a band at a date, or the label.
public struct BandDataset: Sendable, Hashable {
    /// What the file calls it: `04 - Red_2016-05-28`.
    public let dataset: String
    /// The band's full name: `04 - Red`.
    public let name: String
    /// The date after the name, as it is written: `2016-05-28`; `nil` where there is none.
    public let date: String?
    /// Number of elements along each dimension: rows, columns, perhaps layers.
    public let shape: [Int]
    /// The type in which elements are read; `nil` for anything but numbers.
    public let type: ElementType?

    init(dataset: String, shape: [Int], type: ElementType?) {
        self.dataset = dataset
        (name, date) = Self.parts(of: dataset)
        self.shape = shape
        self.type = type
    }

    /// Whether it is the label, not a band.
    public var isLabel: Bool { name == Self.label }

    /// The name of the label.
    static let label = "label"

    /// The name and the date of an array: `_2016-05-28`, or `_2016-05-28_10-20-30-UTC` with a time.
    static func parts(of dataset: String) -> (name: String, date: String?) {
        var rest = dataset[...]
        while let bar = rest.firstIndex(of: "_") {
            rest = rest[dataset.index(after: bar)...]
            if isDate(rest) { return (String(dataset[..<bar]), String(rest)) }
        }
        return (dataset, nil)
    }

    /// Whether a text is a date, or a date and a time with a zone.
    private static func isDate(_ text: Substring) -> Bool {
        let signs = Array(text.utf8)
        func has(_ pattern: String, at start: Int) -> Bool {
            let wanted = Array(pattern.utf8)
            return signs.count >= start + wanted.count
                && zip(signs[start...], wanted).allSatisfy { sign, wanted in
                    wanted == UInt8(ascii: "0") ? (0x30...0x39).contains(sign) : sign == wanted
                }
        }
        guard has("0000-00-00", at: 0) else { return false }
        return signs.count == 10 || has("_00-00-00", at: 10)
    }
}

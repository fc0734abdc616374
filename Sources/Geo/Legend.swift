// What the values of labels stand for: classes with numbers, names and colours.

/// A value that stands for a class in labels: a raster's number, or what a field of a vector layer holds.
public enum LabelValue: Sendable, Hashable, CustomStringConvertible {
    /// A whole number.
    case number(Int)
    /// A string.
    case text(String)

    /// The value as people write it.
    public var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): "'\(text)'"
        }
    }
}

extension LabelValue: Codable {
    /// Reads a number or a string.
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Int.self) {
            self = .number(number)
        } else {
            self = .text(try value.decode(String.self))
        }
    }

    /// Writes the number or the string.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .number(let number): try value.encode(number)
        case .text(let text): try value.encode(text)
        }
    }
}

/// One class of a map.
public struct LegendClass: Sendable, Hashable, Codable {
    /// Its number in maps, 0 to 253.
    public let id: UInt8
    /// What it is called.
    public let name: String
    /// Red, green, blue, 0 to 255.
    public let colour: [UInt8]
    /// The values that stand for it in labels.
    public let sources: [LabelValue]

    /// Describes a class; without `sources` it is labelled by its own number.
    public init(id: UInt8, name: String, colour: [UInt8], sources: [LabelValue]? = nil) {
        self.id = id
        self.name = name
        self.colour = colour
        self.sources = sources ?? [.number(Int(id))]
    }
}

/// The classes of labels and maps, in the order in which a model gives their probabilities.
public struct Legend: Sendable, Hashable, Codable {
    /// The largest number of a class: 254 and 255 stand for pixels without one.
    public static let largestID: UInt8 = 253
    /// The number of pixels whose class is too unsure to be told.
    public static let unsureID: UInt8 = 254
    /// The number of pixels without a value.
    public static let nodataID: UInt8 = 255

    /// What a value of labels means.
    public enum Meaning: Sendable, Hashable {
        /// The class at an index of `classes`.
        case index(Int)
        /// Nothing: no label is there, or its class is left out.
        case ignored
        /// The legend does not say.
        case unknown
    }

    /// Its name, such as `loveda`; empty if it has none.
    public let name: String
    /// The classes.
    public let classes: [LegendClass]
    /// Values that stand for no class: nodata, and classes left out.
    public let ignored: [LabelValue]
    /// The number of the class that stands for all that no other class is; `nil` where there is none.
    public let background: UInt8?

    /// Makes a legend; `problems` of the same arguments must be empty.
    public init(
        _ classes: [LegendClass], ignored: [LabelValue] = [], background: UInt8? = nil, name: String = ""
    ) {
        let problems = Self.problems(classes, ignored: ignored, background: background)
        precondition(problems.isEmpty, "a legend contradicts itself: \(problems.joined(separator: "; "))")
        self.name = name
        self.classes = classes
        self.ignored = ignored
        self.background = background
    }

    private enum CodingKeys: String, CodingKey {
        case name, classes, ignored, background
    }

    /// Reads a legend.
    ///
    /// - Throws: `DecodingError` that names all `problems`.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        classes = try values.decode([LegendClass].self, forKey: .classes)
        ignored = try values.decodeIfPresent([LabelValue].self, forKey: .ignored) ?? []
        background = try values.decodeIfPresent(UInt8.self, forKey: .background)
        let problems = Self.problems(classes, ignored: ignored, background: background)
        guard problems.isEmpty else {
            throw DecodingError.dataCorruptedError(
                forKey: .classes, in: values, debugDescription: problems.joined(separator: "; "))
        }
    }

    /// Something wrong with the parts of a legend.
    public struct Fault: Sendable, Hashable {
        /// What is wrong, one sentence.
        public let what: String
        /// What mends it.
        public let remedy: String
    }

    /// What is wrong with the parts of a legend, one sentence each; empty where nothing is.
    public static func problems(
        _ classes: [LegendClass], ignored: [LabelValue] = [], background: UInt8? = nil
    ) -> [String] {
        faults(classes, ignored: ignored, background: background).map(\.what)
    }

    /// What is wrong with the parts of a legend, with remedies; empty where nothing is.
    public static func faults(
        _ classes: [LegendClass], ignored: [LabelValue] = [], background: UInt8? = nil
    ) -> [Fault] {
        var wrong: [Fault] = []
        func note(_ what: String, try remedy: String) { wrong.append(Fault(what: what, remedy: remedy)) }
        if classes.isEmpty {
            note(
                "classes is empty; expected one class or more",
                try: "list the classes, each as {id: 1, name: NAME, colour: [128, 128, 128]}")
        }
        let used = Set(classes.map(\.id))
        var free = (Array(1...largestID) + [0]).filter { !used.contains($0) }[...]
        var suggested: [Int: UInt8] = [:]
        func otherID(_ entry: LegendClass, at index: Int) -> String {
            // A class with two faults gets one id, and no two classes the same.
            guard let id = suggested[index] ?? free.popFirst() else {
                return "merge '\(entry.name)' with another class: all ids are taken"
            }
            suggested[index] = id
            // Without values a class is labelled by its id, which is about to change.
            let values = entry.sources == [.number(Int(entry.id))] ? ", and keep its value: values: [\(entry.id)]" : ""
            return "give '\(entry.name)' another id, such as \(id)\(values)"
        }
        var names: [UInt8: String] = [:]
        var meanings: [LabelValue: String] = [:]
        for value in ignored { meanings[value] = "no class" }
        for (index, entry) in classes.enumerated() {
            if entry.id > largestID {
                note(
                    "class '\(entry.name)' has the id \(entry.id); expected 0 to \(largestID)",
                    try: otherID(entry, at: index))
            }
            if let other = names.updateValue(entry.name, forKey: entry.id) {
                note(
                    "the classes '\(other)' and '\(entry.name)' have the same id, \(entry.id)",
                    try: otherID(entry, at: index))
            }
            if entry.name.isEmpty { note("class \(entry.id) has no name", try: "give class \(entry.id) a name") }
            if entry.colour.count != 3 {
                note(
                    "the colour of '\(entry.name)' has \(entry.colour.count) parts; expected red, green, blue",
                    try: "give '\(entry.name)' three numbers from 0 to 255: colour: [128, 128, 128]")
            }
            for value in entry.sources {
                guard let other = meanings.updateValue("'\(entry.name)'", forKey: value) else { continue }
                note(
                    "the value \(value) stands for \(other) and for '\(entry.name)'",
                    try: other == "no class"
                        ? "take \(value) out of nodata and drop, or out of the values of '\(entry.name)'"
                        : "leave \(value) in the values of one class only")
            }
        }
        if let background, names[background] == nil {
            let ids = names.keys.sorted().prefix(8).map { "\($0)" }.joined(separator: ", ")
            note(
                "background is \(background), which is not the id of a class",
                try: ids.isEmpty ? "leave background out" : "give the id of a class (\(ids)), or leave background out")
        }
        return wrong
    }

    /// What values of labels mean, as a table; a code that is a number in the legend and text in the labels is the same.
    public var meanings: [LabelValue: Meaning] {
        var found: [LabelValue: Meaning] = [:]
        for value in ignored { found[value] = .ignored }
        for (index, entry) in classes.enumerated() {
            for value in entry.sources { found[value] = .index(index) }
        }
        // Many vector files keep codes as text: what is not named itself is looked for in its other form.
        for value in ignored + classes.flatMap(\.sources) {
            let other: LabelValue? =
                switch value {
                case .number(let number): .text("\(number)")
                case .text(let text): Int(text).flatMap { "\($0)" == text ? .number($0) : nil }
                }
            if let other, found[other] == nil { found[other] = found[value] }
        }
        return found
    }

    /// The index of the class with a number; `nil` where there is none.
    public func index(ofID id: UInt8) -> Int? { classes.firstIndex { $0.id == id } }
}

// Legends as people write them, and legends made of what labels hold.
import Foundation
import Geo
import Telemetry

/// A legend as a YAML document.
struct LegendDocument: Codable {
    /// One class.
    struct Entry: Codable {
        /// Its number in maps.
        var id: UInt8
        /// Its name.
        var name: String
        /// Red, green, blue.
        var colour: [UInt8]
        /// The values of labels that stand for it; its id alone if they are not given.
        var values: [LabelValue]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, name, colour, values
        }
    }

    /// What it is called.
    var name: String
    /// Values that stand for no label.
    var nodata: [LabelValue]?
    /// Values of classes that are left out.
    var drop: [LabelValue]?
    /// The id of the class that stands for all that no other is.
    var background: UInt8?
    /// The classes.
    var classes: [Entry]

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, nodata, drop, background, classes
    }

    /// The document that is meant: a file, or by its bare name one that comes with geodino.
    ///
    /// - Throws: `CommandError` for a bare name of neither, with the name that was probably meant.
    static func path(_ given: String) throws -> String {
        let isName = !given.isEmpty && given.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" }
        var isFolder = false
        let isThere = FileManager.default.fileExists(atPath: given, isDirectory: &isFolder)
        guard isName, !isThere || isFolder else { return given }
        if let shipped = try? shippedDocument("recipes/legends/\(given).yaml") { return shipped }
        guard !isThere else { return given }
        let known = try shippedNames()
        throw CommandError(
            .notFound, "no such legend", in: given,
            why: ["it is neither a file nor a legend that comes with geodino: \(known.joined(separator: ", "))"],
            try: Spelling.nearest(to: given, among: known + ["auto"]).map { "--legend \($0)" }
                ?? "give one of these, a YAML document, or --legend auto")
    }

    /// The names of the legends that come with geodino.
    private static func shippedNames() throws -> [String] {
        let one = try shippedDocument("recipes/legends/loveda.yaml")
        let folder = URL(fileURLWithPath: one).deletingLastPathComponent().path
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
            .map { String($0.dropLast(5)) }.sorted()
    }

    /// Reads a legend.
    ///
    /// - Parameter given: See `path`.
    /// - Throws: `CommandError` for documents that are not legends or contradict themselves.
    static func legend(_ given: String) throws -> Legend {
        let path = try path(given)
        let document = try StrictYAML.decode(LegendDocument.self, path: path).value
        let classes = document.classes.map {
            LegendClass(id: $0.id, name: $0.name, colour: $0.colour, sources: $0.values)
        }
        let ignored = (document.nodata ?? []) + (document.drop ?? [])
        let faults = Legend.faults(classes, ignored: ignored, background: document.background)
        if let first = faults.first {
            let remedies = faults.map(\.remedy).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            throw CommandError(
                .badDocument, faults.count == 1 ? first.what : "the legend has \(faults.count) faults", in: path,
                why: faults.count == 1 ? [] : faults.map(\.what),
                try: remedies.prefix(3).joined(separator: "; "))
        }
        if let alike = namesakes(classes) {
            throw CommandError(
                .badDocument, "the classes \(listed(alike.map { "\($0.id)" })) have the same name, '\(alike[0].name)'",
                in: path, why: ["the case of letters, and blanks around a name, make no difference"],
                try: "give each a name of its own, or merge them: \(merged(alike))")
        }
        return Legend(classes, ignored: ignored, background: document.background, name: document.name)
    }
}

/// What labels hold: their values with how many pixels or features have each, and what the file says of them.
struct LabelContent {
    /// The file.
    var path: String
    /// `pixels` or `features`.
    var unit: String
    /// The values.
    var counts: [(value: LabelValue, count: Int)]
    /// Names of numbers.
    var names: [Int: String] = [:]
    /// Colours of numbers.
    var colours: [Int: [UInt8]] = [:]
}

/// A legend of all values that labels hold: numbers keep their number where it can be a class's, text is numbered in order.
///
/// 0 without a name counts as unlabelled, as most tools write it.
///
/// - Parameter allowsNamesakes: Whether several values may have the same name.
/// - Throws: `CommandError` for more than 253 values, or none, for values of the same name, and where two files name a value that both
///   hold differently.
func automaticLegend(
    _ contents: [LabelContent], allowsNamesakes: Bool = false
) throws -> (legend: Legend, notes: [String]) {
    var names: [Int: String] = [:]
    var colours: [Int: [UInt8]] = [:]
    var values: Set<LabelValue> = []
    try checkNames(contents)
    for content in contents {
        names.merge(content.names) { first, _ in first }
        colours.merge(content.colours) { first, _ in first }
        values.formUnion(content.counts.map(\.value))
    }
    let place = contents.first?.path ?? ""
    var notes: [String] = []
    var ignored: [LabelValue] = []
    // Of rasters: whoever draws a label and writes 0 means a class.
    let zero = contents.first { $0.unit == "pixels" && $0.counts.contains { $0.value == .number(0) } }
    if let zero, (names[0] ?? "").isEmpty, values.count > 1 {
        values.remove(.number(0))
        ignored = [.number(0)]
        notes.append("\(zero.path): the value 0 has no name and counts as unlabelled; a legend can make it a class")
    }
    let numbers = values.compactMap { value -> Int? in if case .number(let number) = value { number } else { nil } }
        .sorted()
    let texts = values.compactMap { value -> String? in if case .text(let text) = value { text } else { nil } }.sorted()
    guard !values.isEmpty else { throw valueless(place) }
    guard values.count <= Int(Legend.largestID) else {
        let other =
            contents.contains { $0.unit == "features" }
            ? "choose the field that holds the class with --class-field, or " : ""
        throw CommandError(
            .badArgument, "the labels hold \(values.count) values, too many for a map of classes", in: place,
            try: other + "write a legend that merges or drops some of them, and give it with --legend")
    }
    let keeps = texts.isEmpty && numbers.allSatisfy { (0...Int(Legend.largestID)).contains($0) }
    var classes: [LegendClass] = []
    func add(_ value: LabelValue, id: Int, name: String, colour: [UInt8]?) {
        classes.append(
            LegendClass(
                id: UInt8(id), name: name, colour: colour ?? distinctColour(classes.count), sources: [value]))
    }
    // Numbers and texts that are numbered start at 1.
    for (index, number) in numbers.enumerated() {
        let name = names[number].flatMap { $0.isEmpty ? nil : $0 } ?? "class \(number)"
        add(.number(number), id: keeps ? number : index + 1, name: name, colour: colours[number])
    }
    for (index, text) in texts.enumerated() {
        add(.text(text), id: numbers.count + index + 1, name: text, colour: nil)
    }
    let problems = Legend.problems(classes, ignored: ignored)
    guard problems.isEmpty else {
        throw CommandError(
            .badArgument, "the labels' values do not make a legend", in: place, why: problems,
            try: "write a legend, and give it with --legend")
    }
    if !allowsNamesakes, let alike = namesakes(classes) {
        throw CommandError(
            .badArgument,
            "the values \(listed(alike.flatMap(\.sources).map(\.description))) have the same name, '\(alike[0].name)'",
            in: place, why: ["the case of letters, and blanks around a name, make no difference"],
            try:
                "write a legend, and give it with --legend; if they mean the same, merge them there: \(merged(alike))"
        )
    }
    return (Legend(classes, ignored: ignored, name: "auto"), notes)
}

/// The error of labels without a value.
private func valueless(_ path: String) -> CommandError {
    CommandError(
        .badArgument, "the labels hold no values", in: path, why: ["all pixels are nodata, or masked"],
        try:
            "give labels that hold classes; if nodata is one of them: gdal_translate -a_nodata none \(shellQuoted(path)) labels.tif"
    )
}

/// The first classes of one name, whatever its case and the blanks around it; `nil` where all names differ.
private func namesakes(_ classes: [LegendClass]) -> [LegendClass]? {
    func plain(_ entry: LegendClass) -> String {
        entry.name.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    }
    let groups = Dictionary(grouping: classes, by: plain)
    return classes.lazy.compactMap { groups[plain($0)] }.first { $0.count > 1 }
}

/// Some words in a sentence.
private func listed(_ words: [String]) -> String {
    words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
}

/// The line of a document for one class in place of some.
private func merged(_ classes: [LegendClass]) -> String {
    let values = classes.flatMap(\.sources).map(writtenForYAML).joined(separator: ", ")
    let first = classes[0]
    return
        "- {id: \(first.id), name: \(quotedForYAML(first.name)), colour: \(first.colour), values: [\(values)]}"
}

/// Refuses files that call the same number by different names; upper and lower case are the same.
private func checkNames(_ contents: [LabelContent]) throws {
    var first: [Int: (name: String, path: String)] = [:]
    for content in contents {
        for case (.number(let number), _) in content.counts {
            guard let name = content.names[number], !name.isEmpty else { continue }
            guard let other = first[number] else {
                first[number] = (name, content.path)
                continue
            }
            guard other.name.lowercased() != name.lowercased() else { continue }
            throw CommandError(
                .badArgument, "two files of labels give the value \(number) different names", in: content.path,
                why: ["'\(other.name)' in \(other.path)", "'\(name)' in \(content.path)"],
                try:
                    "if both mean the same class, name it in a legend, and give that with --legend; otherwise recode one file"
            )
        }
    }
}

/// Colours that neighbours in a list can be told apart by: hues a golden angle apart, in three lightnesses.
func distinctColour(_ index: Int) -> [UInt8] {
    let hue = (Double(index) * 137.508).truncatingRemainder(dividingBy: 360) / 60
    let (bright, dark) = [(230.0, 50.0), (180.0, 20.0), (250.0, 130.0)][index % 3]
    let middle = dark + (bright - dark) * (1 - abs(hue.truncatingRemainder(dividingBy: 2) - 1))
    let parts =
        switch Int(hue) {
        case 0: [bright, middle, dark]
        case 1: [middle, bright, dark]
        case 2: [dark, bright, middle]
        case 3: [dark, middle, bright]
        case 4: [middle, dark, bright]
        default: [bright, dark, middle]
        }
    return parts.map { UInt8($0.rounded()) }
}

/// A value, as YAML reads it.
private func writtenForYAML(_ value: LabelValue) -> String {
    if case .text(let text) = value { quotedForYAML(text) } else { "\(value)" }
}

/// A text in double quotes, as YAML reads it.
private func quotedForYAML(_ text: String) -> String {
    let escaped = text.map { character in
        switch character {
        case "\"", "\\": "\\\(character)"
        case "\n": "\\n"
        case "\t": "\\t"
        default: String(character)
        }
    }
    return "\"\(escaped.joined())\""
}

/// Refuses labels with values that a legend does not name, with a line to add for the most frequent.
func checkLegend(_ legend: Legend, _ contents: [LabelContent], from path: String) throws {
    let meanings = legend.meanings
    for content in contents {
        let unknown = content.counts.filter { meanings[$0.value] == nil }.sorted { $0.count > $1.count }
        guard let first = unknown.first else { continue }
        let used = Set(legend.classes.map(\.id))
        let id = (1...Legend.largestID).first { !used.contains($0) } ?? Legend.largestID
        throw CommandError(
            .badArgument, "the labels hold values that the legend does not name", in: content.path,
            why: unknown.prefix(8).map { "\($0.value): \(counted($0.count, content.unit))" }
                + (unknown.count > 8 ? ["and \(unknown.count - 8) more"] : []),
            try:
                "add the value to a class of \(path), or to drop, or add a class:   - {id: \(id), name: NAME, colour: [128, 128, 128], values: [\(writtenForYAML(first.value))]}"
        )
    }
}

// Sets given as a list: a CSV file with a line per image.
internal import Files
internal import FoundationEssentials
public import Telemetry

/// Reads a list of labelled images: a CSV file with the columns `path` and `label`, and with `split` and `group` if wanted.
///
/// Columns may be in any order, and others are ignored. Paths are relative to the list's folder unless they begin with `/`. Several labels of one image
/// are separated by `;`, and a set with such a line, or with an empty label, is multi-label. A split is `train`, `val` or `test`. Empty
/// lines and lines that begin with `#` are passed over. Classes are in the order of their names, or of their numbers if all are
/// whole numbers. Nothing but the list is opened.
///
/// - Throws: `BenchmarksError`: `notFound`, `readFailed`, `badForm` with the line at fault, and what `SampleSet` throws.
public func readSampleTable(_ path: String, name: String? = nil) throws(BenchmarksError) -> SampleSet {
    var lines = try SampleLines(path)
    var entries: [(path: String, labels: [String], split: BenchmarkSplit?, group: String?)] = []
    while let line = try lines.next() {
        let labels = line.label.split(separator: ";").map { trimmed($0) }.filter { !$0.isEmpty }
        entries.append((line.path, labels, line.split, line.group))
    }
    let several = entries.first { $0.labels.count != 1 }
    let isMultiLabel = several != nil
    let classes = orderedClasses(Set(entries.flatMap(\.labels)))
    let indices = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    let base = parentFolder(path)
    let samples = entries.map { entry in
        BenchmarkSample(
            name: entry.path, path: entry.path.hasPrefix("/") || base == "." ? entry.path : joined(base, entry.path),
            classes: entry.labels.compactMap { indices[$0] }.sorted(), split: entry.split, group: entry.group)
    }
    let notes = several.map {
        ["'\($0.path)' has \(counted($0.labels.count, "labels")), so images may have any number of labels in this set"]
    }
    let file = path.split(separator: "/").last.map(String.init) ?? path
    return try SampleSet(
        name: name ?? (file.hasSuffix(".csv") ? String(file.dropLast(4)) : file), classes: classes,
        isMultiLabel: isMultiLabel, samples: samples, notes: notes ?? [], in: path)
}

/// Names of classes in their order: whole numbers by value, anything else by text.
private func orderedClasses(_ names: Set<String>) -> [String] {
    let numbers = names.map { Int($0) }
    guard !numbers.contains(nil) else { return names.sorted() }
    return names.sorted { (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) }
}

private func trimmed(_ text: Substring) -> String {
    let start = text.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
}

/// The lines of a list, read one after another.
private struct SampleLines {
    /// What a line says.
    struct Line {
        var path: String
        var label: String
        var split: BenchmarkSplit?
        var group: String?
    }

    private let place: String
    private let columns: (path: Int, label: Int, split: Int?, group: Int?)
    private var rest: ArraySlice<(number: Int, text: Substring)>

    init(_ path: String) throws(BenchmarksError) {
        place = path
        guard fileExists(path) else { throw BenchmarksError(.notFound, "no such list", in: path) }
        let bytes = (fileSize(path) ?? .max) <= 1 << 28 ? FileManager.default.contents(atPath: path) : nil
        guard let bytes, let text = String(validating: bytes, as: UTF8.self) else {
            throw BenchmarksError(
                .readFailed, "the list cannot be read as text", in: path,
                try: "give a CSV file in UTF-8 of at most 256 MB with the columns path and label")
        }
        let content = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        let lines = content.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            .map { (number: $0 + 1, text: $1) }
            .filter { !$0.text.allSatisfy(\.isWhitespace) && !$0.text.hasPrefix("#") }
        guard let header = lines.first else {
            throw BenchmarksError(.badForm, "the list is empty", in: path, try: "begin it with: path,label")
        }
        let names = (CSVLine.cells(of: header.text) ?? []).map { $0.lowercased() }
        guard let pathColumn = names.firstIndex(of: "path"), let labelColumn = names.firstIndex(of: "label") else {
            throw BenchmarksError(
                .badForm,
                "line \(header.number): the header must name the columns path and label; found \(names.joined(separator: ","))",
                in: path, try: "begin it with: path,label")
        }
        columns = (pathColumn, labelColumn, names.firstIndex(of: "split"), names.firstIndex(of: "group"))
        rest = lines.dropFirst()
    }

    mutating func next() throws(BenchmarksError) -> Line? {
        guard let (number, text) = rest.popFirst() else { return nil }
        guard let cells = CSVLine.cells(of: text) else {
            throw BenchmarksError(.badForm, "line \(number): a quote is not closed", in: place)
        }
        func cell(_ column: Int?) -> String? { column.flatMap { $0 < cells.count ? cells[$0] : nil } }
        guard let path = cell(columns.path), !path.isEmpty, let label = cell(columns.label) else {
            throw BenchmarksError(
                .badForm, "line \(number): path or label is missing; found '\(text)'", in: place,
                try: "give a path and a label in every line")
        }
        var split: BenchmarkSplit?
        if let column = columns.split {
            let name = cell(column) ?? ""
            split = BenchmarkSplit(named: name)
            guard split != nil else {
                throw BenchmarksError(
                    .badLabels, "line \(number): the split must be train, val or test; found '\(name)'", in: place,
                    try: "name one of them in every line, or leave out the column split")
            }
        }
        let group = cell(columns.group)
        return Line(path: path, label: label, split: split, group: group.flatMap { $0.isEmpty ? nil : $0 })
    }
}

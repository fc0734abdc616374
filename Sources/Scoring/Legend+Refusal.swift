// Rasters and layers whose classes are not those of a legend: what is said of them.
import Geo
import Telemetry

extension Legend {
    /// The error of a raster of another legend: it has a name for a number that is the name of another class here.
    ///
    /// Names that the legend does not have prove nothing.
    ///
    /// - Parameters:
    ///   - names: What the raster says of its numbers.
    ///   - role: What it is to the reader: `map`, `truth`.
    func contradiction(_ names: [Int: String], _ codes: ClassCodes, role: String, in path: String) -> ScoringError? {
        func plain(_ name: String) -> String { name.lowercased().replacing("_", with: " ") }
        let known = classes.map { plain($0.name) }
        let wrong = names.sorted { $0.key < $1.key }.compactMap { number, name -> String? in
            guard let value = Int32(exactly: number) else { return nil }
            let code = Int(codes.code(of: value))
            guard known.indices.contains(code), known[code] != plain(name), known.contains(plain(name)) else {
                return nil
            }
            return "\(number) is '\(name)' in the \(role), and '\(classes[code].name)' in the legend"
        }
        guard !wrong.isEmpty else { return nil }
        return ScoringError(
            .badLegend, "the \(role) has another legend: its numbers stand for other classes", in: path,
            why: Self.first(wrong), try: "give a legend that says what the numbers of the \(role) stand for")
    }

    /// The error of labels with values that the legend does not name, with a line to add for the most frequent.
    ///
    /// - Parameters:
    ///   - counts: The values, and how many pixels or features have each.
    ///   - unit: `pixels` or `features`.
    ///   - subject: What they are to the reader: `the truth holds`, `the samples hold`.
    func refusal(
        ofLabels counts: [(value: LabelValue, count: Int)], unit: String, subject: String, in path: String
    ) -> ScoringError {
        let sorted = counts.sorted { ($1.count, $0.value.description) < ($0.count, $1.value.description) }
        let id = (1...Self.largestID).first { index(ofID: $0) == nil } ?? Self.largestID
        let example =
            switch sorted.first?.value {
            case .text(let text): "\"\(text)\""
            case .number(let number): "\(number)"
            case nil: "VALUE"
            }
        return ScoringError(
            .badLegend, "\(subject) values that the legend does not name", in: path,
            why: Self.first(sorted.map { "\($0.value): \(counted($0.count, unit))" }) + [namedClasses],
            try:
                "add the value to a class of the legend, or to those that are left out, or add a class: - {id: \(id), name: NAME, colour: [128, 128, 128], values: [\(example)]}"
        )
    }

    /// The error of a map with values that are not numbers of the legend's classes.
    func refusal(ofMap counts: [Int: Int], in path: String) -> ScoringError {
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return ScoringError(
            .badLegend, "the map holds values that are not classes of the legend", in: path,
            why: Self.first(sorted.map { "\($0.key): \(counted($0.value, "pixels"))" }) + [namedClasses],
            try: "give the legend that the map was made with: a class's id is its value in maps")
    }

    private var namedClasses: String {
        let shown = classes.prefix(12).map { "\($0.id) '\($0.name)'" }.joined(separator: ", ")
        return "the legend has \(shown)" + (classes.count > 12 ? " ..." : "")
    }

    private static func first(_ lines: [String]) -> [String] {
        lines.prefix(8) + (lines.count > 8 ? ["and \(lines.count - 8) more"] : [])
    }
}

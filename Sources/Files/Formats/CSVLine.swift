// Lines of comma-separated values, read and written.

/// One line of CSV (RFC 4180 without line breaks inside quotes).
package enum CSVLine {
    /// The cells of a line, without white space around those that are not quoted; `nil` where a quote is not closed.
    package static func cells(of line: Substring) -> [String]? {
        var cells: [String] = []
        var cell = ""
        var quoted = false
        var wasQuoted = false
        func finished() -> String { wasQuoted ? cell : trimmed(cell) }
        var rest = line[...]
        while let character = rest.popFirst() {
            if quoted {
                if character == "\"" {
                    if rest.first == "\"" { cell.append(rest.removeFirst()) } else { quoted = false }
                } else {
                    cell.append(character)
                }
            } else if character == "\"", cell.allSatisfy(\.isWhitespace) {
                cell = ""
                quoted = true
                wasQuoted = true
            } else if character == "," {
                cells.append(finished())
                cell = ""
                wasQuoted = false
            } else if !(wasQuoted && character.isWhitespace) {
                cell.append(character)
            }
        }
        guard !quoted else { return nil }
        cells.append(finished())
        return cells
    }

    /// Cells as a line without its end; those with commas, quotes or white space at an end are quoted, and line breaks become blanks.
    package static func text(_ cells: [String]) -> String {
        cells.map { cell in
            let flat = String(cell.map { $0.isNewline ? " " : $0 })
            let needsQuotes =
                flat.contains { $0 == "," || $0 == "\"" } || flat.first?.isWhitespace ?? false
                || flat.last?.isWhitespace ?? false
            guard needsQuotes else { return flat }
            return "\"" + flat.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
        }
        .joined(separator: ",")
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

// Compares the JSON of a command with a committed snapshot, in which placeholders stand for values that vary.
import Foundation
import Testing

/// The kind of a value that is not the same on every machine.
enum Varying: String, Sendable {
    case number, integer, text, hash

    /// Whether a value, as it is written in JSON, is of this kind.
    func matches(_ value: String) -> Bool {
        let inside = value.dropFirst().dropLast()
        let isText = value.hasPrefix("\"")
        return switch self {
        case .number: Double(value)?.isFinite ?? false
        case .integer: Int(value) != nil
        case .text: isText && !inside.isEmpty
        case .hash: isText && inside.count == 64 && inside.allSatisfy { $0.isHexDigit && !$0.isUppercase }
        }
    }
}

/// The snapshots in Tests/CommandTests/Snapshots.
///
/// If the environment has `GEODINO_SNAPSHOTS=write`, the tests write the snapshots instead of comparing them.
enum Snapshot {
    private static let folder = Program.root.appendingPathComponent("Tests/CommandTests/Snapshots")
    /// Whether the tests write the snapshots.
    static let writes = ProcessInfo.processInfo.environment["GEODINO_SNAPSHOTS"] == "write"

    /// Compares JSON with a snapshot.
    ///
    /// - Parameters:
    ///   - varying: Values to replace by placeholders. A key is the end of a path, such as `statistics.mean`; `*` is any key or
    ///     list index.
    ///   - folders: Folders to replace by a name in angle brackets.
    static func expect(
        _ json: String, matches name: String, varying: [String: Varying] = [:], folders: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var json = json
        // The longest first, because one folder may be inside another.
        for (path, name) in folders.sorted(by: { $0.key.count > $1.key.count }) {
            json = json.replacing(path, with: "<\(name)>")
        }
        let found = try NormalJSON.text(of: json, varying: varying)
        let file = folder.appendingPathComponent("\(name).json")
        if writes {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            return try Data(found.utf8).write(to: file)
        }
        guard let data = FileManager.default.contents(atPath: file.path) else {
            Issue.record(
                "there is no snapshot \(file.path); GEODINO_SNAPSHOTS=write writes it", sourceLocation: sourceLocation)
            return
        }
        guard let difference = Self.difference(between: String(decoding: data, as: UTF8.self), and: found) else {
            return
        }
        Issue.record(
            "Snapshots/\(name).json, \(difference)\nGEODINO_SNAPSHOTS=write updates it",
            sourceLocation: sourceLocation)
    }

    /// The first line that differs; `nil` if the texts are the same.
    static func difference(between expected: String, and found: String) -> String? {
        guard expected != found else { return nil }
        let expected = expected.split(separator: "\n", omittingEmptySubsequences: false)
        let found = found.split(separator: "\n", omittingEmptySubsequences: false)
        let line = zip(expected, found).enumerated().first { $1.0 != $1.1 }?.offset ?? min(expected.count, found.count)
        func shown(_ lines: [Substring]) -> String { line < lines.count ? String(lines[line]) : "(the end)" }
        return "line \(line + 1)\n  expected: \(shown(expected))\n  found:    \(shown(found))"
    }
}

/// Formats JSON with one value per line, in its own order, and with placeholders for values that vary.
struct NormalJSON {
    private var rest: Substring
    private let varying: [(path: [Substring], kind: Varying)]

    /// The formatted text, with a line feed at the end.
    static func text(of json: String, varying: [String: Varying] = [:]) throws -> String {
        // Throws if the text is not JSON. The code below relies on that.
        _ = try JSONSerialization.jsonObject(with: Data(json.utf8), options: [.fragmentsAllowed])
        var writer = NormalJSON(
            rest: json[...], varying: varying.map { (path: $0.key.split(separator: "."), kind: $0.value) })
        return writer.value(at: [], indent: "") + "\n"
    }

    private mutating func value(at path: [String], indent: String) -> String {
        skipBlanks()
        guard let first = rest.first, first == "{" || first == "[" else { return shown(scalar(), at: path) }
        rest.removeFirst()
        let inner = indent + "  "
        var items: [String] = []
        while true {
            skipBlanks()
            guard let next = rest.first, next != "}", next != "]" else { break }
            if next == "," {
                rest.removeFirst()
            } else if first == "{" {
                let key = scalar()
                skipBlanks()
                rest.removeFirst()
                items.append("\(key): " + value(at: path + [String(key.dropFirst().dropLast())], indent: inner))
            } else {
                items.append(value(at: path + [String(items.count)], indent: inner))
            }
        }
        rest = rest.dropFirst()
        let close = first == "{" ? "}" : "]"
        // A short list of plain values stays on one line.
        let line = "[" + items.joined(separator: ", ") + "]"
        if first == "[", line.count <= 100, !line.contains("\n"), !line.contains("{") { return line }
        return "\(first)"
            + (items.isEmpty ? "" : "\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n\(indent)")
            + close
    }

    /// A scalar as it is written in a snapshot.
    private func shown(_ value: String, at path: [String]) -> String {
        for (pattern, kind) in varying where kind.matches(value) {
            let end = path.suffix(pattern.count)
            if end.count == pattern.count, zip(pattern, end).allSatisfy({ $0 == "*" || $0 == $1 }) {
                return "\"<\(kind.rawValue)>\""
            }
        }
        // Eight digits are enough, and are the same on all processors and for all versions of PROJ.
        guard value.contains(where: { ".eE".contains($0) }), let number = Double(value) else { return value }
        return String(format: "%.8g", number)
    }

    private mutating func skipBlanks() { rest = rest.drop { $0.isWhitespace } }

    /// Takes a string with its quotes, a number or a word.
    private mutating func scalar() -> String {
        var isEscaped = false
        var end = rest.startIndex
        if rest.first == "\"" {
            end = rest.index(after: end)
            while end < rest.endIndex, isEscaped || rest[end] != "\"" {
                isEscaped = !isEscaped && rest[end] == "\\"
                end = rest.index(after: end)
            }
            if end < rest.endIndex { end = rest.index(after: end) }
        } else {
            end = rest.firstIndex { $0.isWhitespace || ",:]}".contains($0) } ?? rest.endIndex
        }
        defer { rest = rest[end...] }
        return String(rest[..<end])
    }
}

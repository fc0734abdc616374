// What goes to stdout and stderr, and how the program ends.
import ArgumentParser
import Foundation
import Telemetry

/// The version of the program, as recorded in what it writes.
let geodinoVersion = "0.1.0"

/// Writes a line to stderr, without secrets.
func printToStandardError(_ text: String) {
    FileHandle.standardError.write(Data((Redaction.text(text) + "\n").utf8))
}

extension ExitCode {
    /// Interrupted by Ctrl-C, after a clean save.
    static let interrupted = ExitCode(130)
}

/// Prints a value as JSON on stdout, its keys in snake case as in all our files.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Prints a line on stdout, without secrets; in this module it takes the place of Swift's own.
func print(_ text: String) { Swift.print(Redaction.text(text)) }

/// Rounds for display: four significant digits without an exponent where that is short.
func shown(_ value: Double?, digits: Int = 3) -> String {
    guard let value else { return "-" }
    return String(format: "%.\(digits)f", value)
}

extension CommandLine {
    /// What was typed, so that a shell would take it again; without secrets.
    static var asTyped: String { asTyped(without: []) }

    /// The same without some options that have no values.
    static func asTyped(without options: Set<String>) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+%@")
        let words = Redaction.arguments(Array(arguments.dropFirst())).filter { !options.contains($0) }.map { word in
            !word.isEmpty && word.allSatisfy(plain.contains) ? word : "'\(word.replacing("'", with: #"'\''"#))'"
        }
        return (["geodino"] + words).joined(separator: " ")
    }
}

// YAML into a Codable value, strictly: unknown and duplicate keys, aliases and huge files are errors with a line number.
import Foundation
import Telemetry
import Yams

/// Reads profiles, recipes and workspace files.
enum StrictYAML {
    static let largestFile = 1 << 20

    /// Decodes a document; every key of the document must be one that the type asks for.
    static func decode<T: Decodable>(_ type: T.Type, path: String) throws -> (value: T, text: String) {
        let text = try contents(of: path)
        return (try decode(type, text: text, path: path), text)
    }

    static func decode<T: Decodable>(_ type: T.Type, text: String, path: String) throws -> T {
        let root: Node
        do {
            let parser = try Yams.Parser(yaml: text)
            guard let node = try parser.singleRoot() else {
                throw CommandError(.badDocument, "the document is empty", in: path)
            }
            // Nodes know their anchors only as long as the parser lives.
            try withExtendedLifetime(parser) { try refuseAnchors(node, path: path) }
            root = node
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(
                .badDocument, "cannot read the YAML document", in: path,
                why: "\(error)".split(separator: "\n").map(String.init), try: remedy(for: error))
        }
        do {
            return try NodeDecoder.decode(type, from: root, path: [], file: path)
        } catch let DecodingError.dataCorrupted(context) {
            throw CommandError(
                .badDocument, "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' has an invalid value",
                in: path, why: [context.debugDescription])
        }
    }

    /// What mends a document that is no YAML.
    private static func remedy(for error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(context: _, problem: _, let mark, yaml: _)?, .parser(context: _, problem: _, let mark, yaml: _)?,
            .composer(context: _, problem: _, let mark, yaml: _)?:
            return "check brackets, quotes, colons and indentation in line \(mark.line) and above it"
        case .duplicatedKeysInMapping(let keys, context: _)?:
            return "keep one of each: \(keys.sorted().joined(separator: ", "))"
        default: return "save the document as UTF-8 text without control characters"
        }
    }

    private static func contents(of path: String) throws -> String {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            throw CommandError(
                .notFound, "no such file", in: path, try: "ls recipes tiles    (the documents shipped with geodino)")
        }
        guard attributes[.type] as? FileAttributeType != .typeDirectory else {
            throw CommandError(.badDocument, "this is a folder; expected a YAML document", in: path)
        }
        let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        guard size <= largestFile else {
            throw CommandError(
                .badDocument, "the document has \(size) bytes; the limit is \(largestFile)",
                in: path)
        }
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw CommandError(.badDocument, "the document is not UTF-8 text", in: path)
        }
        return text
    }

    // Anchors come before the aliases that name them, so this walk ends before a nest of aliases grows.
    private static func refuseAnchors(_ node: Node, path: String) throws {
        if node.anchor != nil {
            throw CommandError(
                .badDocument, "line \(node.mark?.line ?? 0): anchors and aliases are not allowed", in: path,
                try: "write out the value where it is needed")
        }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                try refuseAnchors(key, path: path)
                try refuseAnchors(value, path: path)
            }
        case .sequence(let sequence):
            for value in sequence { try refuseAnchors(value, path: path) }
        default: break
        }
    }
}

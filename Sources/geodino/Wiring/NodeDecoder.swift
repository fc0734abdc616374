// A Decoder over YAML nodes that remembers which keys were asked for, so that all others can be refused.
import Foundation
import Telemetry
import Yams

final class NodeDecoder: Decoder {
    let node: Node
    let codingPath: [any CodingKey]
    let file: String
    let userInfo: [CodingUserInfoKey: Any] = [:]
    /// Keys that the type asked for, in order; `nil` while it has asked for no keyed container.
    var asked: [String]?

    init(node: Node, path: [any CodingKey], file: String) {
        self.node = node
        self.codingPath = path
        self.file = file
    }

    static func decode<T: Decodable>(_ type: T.Type, from node: Node, path: [any CodingKey], file: String) throws -> T {
        let decoder = NodeDecoder(node: node, path: path, file: file)
        let value: T
        do { value = try T(from: decoder) } catch let error as DecodingError {
            throw decoder.wrongChoice(of: type) ?? error
        }
        if let asked = decoder.asked, case .mapping(let mapping) = node {
            for (key, _) in mapping {
                let name = key.string ?? "?"
                guard !asked.contains(name) else { continue }
                let full = (path.map(\.stringValue) + [name]).joined(separator: ".")
                let near = Spelling.nearest(to: name, among: asked)
                throw CommandError(
                    .badDocument, "line \(key.mark?.line ?? 0): unknown key '\(full)'", in: file,
                    why: near == nil ? ["known keys: \(asked.sorted().joined(separator: ", "))"] : [],
                    try: near.map { "did you mean '\($0)'?" })
            }
        }
        return value
    }

    func wrong(_ node: Node, _ expected: String, path: [any CodingKey]? = nil) -> CommandError {
        let name = (path ?? codingPath).map(\.stringValue).joined(separator: ".")
        let found =
            switch node {
            case .scalar(let scalar): "'\(scalar.string)'"
            case .mapping: "a mapping"
            case .sequence: "a list"
            default: "an alias"
            }
        return CommandError(
            .badDocument, "line \(node.mark?.line ?? 0): '\(name)' must be \(expected), found \(found)", in: file)
    }

    /// That a text is none of those that a type knows; `nil` where the type has no such list, or the text is in it.
    private func wrongChoice(of type: Any.Type) -> (any Error)? {
        guard case .scalar(let scalar) = node, let listed = type as? any CaseIterable.Type else { return nil }
        let choices = Self.choices(listed)
        guard let last = choices.last, !choices.contains(scalar.string) else { return nil }
        let words = choices.count == 1 ? last : choices.dropLast().joined(separator: ", ") + " or " + last
        let error = wrong(node, words)
        return CommandError(
            error.code, error.what, in: error.place,
            try: Spelling.nearest(to: scalar.string, among: choices).map { "did you mean '\($0)'?" })
    }

    /// The texts of an enumeration; empty for types whose cases are not texts.
    private static func choices<Listed: CaseIterable>(_ type: Listed.Type) -> [String] {
        type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .mapping(let mapping) = node else { throw wrong(node, "a mapping of keys to values") }
        asked = asked ?? []
        return KeyedDecodingContainer(Keyed<Key>(decoder: self, mapping: mapping))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .sequence(let sequence) = node else { throw wrong(node, "a list") }
        return Unkeyed(decoder: self, nodes: Array(sequence))
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self, node: node) }

    struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: NodeDecoder
        let mapping: Node.Mapping
        var codingPath: [any CodingKey] { decoder.codingPath }
        var allKeys: [Key] { mapping.keys.compactMap { $0.string.flatMap(Key.init(stringValue:)) } }

        func value(_ key: Key) -> Node? {
            if decoder.asked?.contains(key.stringValue) == false { decoder.asked?.append(key.stringValue) }
            return mapping.first { $0.key.string == key.stringValue }?.value
        }
        func contains(_ key: Key) -> Bool { value(key) != nil }
        func decodeNil(forKey key: Key) throws -> Bool { value(key).map(NodeDecoder.isNull) ?? true }
        func required(_ key: Key) throws -> Node {
            guard let node = value(key) else {
                let full = (codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: ".")
                // A misspelt key is missing under its right name: say which one it was.
                let given = Array(mapping.keys.compactMap(\.string))
                if let near = Spelling.nearest(to: key.stringValue, among: given),
                    decoder.asked?.contains(near) != true
                {
                    let line = mapping.keys.first { $0.string == near }?.mark?.line ?? 0
                    throw CommandError(
                        .badDocument, "line \(line): unknown key '\(near)', and '\(full)' is missing", in: decoder.file,
                        try: "did you mean '\(key.stringValue)'?")
                }
                throw CommandError(
                    .badDocument, "the key '\(full)' is missing", in: decoder.file,
                    try: "write every key: recipes and profiles are complete documents")
            }
            return node
        }
        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            try Single(decoder: decoder, node: required(key), extra: key).decode(type)
        }
        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try NodeDecoder(node: required(key), path: codingPath + [key], file: decoder.file).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try NodeDecoder(node: required(key), path: codingPath + [key], file: decoder.file).unkeyedContainer()
        }
        func superDecoder() throws -> any Decoder { decoder }
        func superDecoder(forKey key: Key) throws -> any Decoder {
            try NodeDecoder(node: required(key), path: codingPath + [key], file: decoder.file)
        }
    }

    struct Index: CodingKey {
        let intValue: Int?
        var stringValue: String { "\(intValue ?? 0)" }
        init(_ index: Int) { intValue = index }
        init?(intValue: Int) { self.intValue = intValue }
        init?(stringValue: String) { return nil }
    }

    struct Unkeyed: UnkeyedDecodingContainer {
        let decoder: NodeDecoder
        let nodes: [Node]
        var currentIndex = 0
        var codingPath: [any CodingKey] { decoder.codingPath }
        var count: Int? { nodes.count }
        var isAtEnd: Bool { currentIndex >= nodes.count }

        init(decoder: NodeDecoder, nodes: [Node]) {
            self.decoder = decoder
            self.nodes = nodes
        }
        func peek() throws -> Node {
            guard currentIndex < nodes.count else { throw decoder.wrong(decoder.node, "a longer list") }
            return nodes[currentIndex]
        }
        mutating func decodeNil() throws -> Bool {
            guard NodeDecoder.isNull(try peek()) else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            let value = try Single(decoder: decoder, node: peek(), extra: Index(currentIndex)).decode(type)
            currentIndex += 1
            return value
        }
        mutating func inner() throws -> NodeDecoder {
            let node = try peek()
            defer { currentIndex += 1 }
            return NodeDecoder(node: node, path: codingPath + [Index(currentIndex)], file: decoder.file)
        }
        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> { try inner().container(keyedBy: type) }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try inner().unkeyedContainer() }
        mutating func superDecoder() throws -> any Decoder { try inner() }
    }

    static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    struct Single: SingleValueDecodingContainer {
        let decoder: NodeDecoder
        let node: Node
        var extra: (any CodingKey)?
        var codingPath: [any CodingKey] { decoder.codingPath + (extra.map { [$0] } ?? []) }

        func decodeNil() -> Bool { NodeDecoder.isNull(node) }

        func decode<T: Decodable>(_ type: T.Type) throws -> T {
            func cast(_ value: Any?, _ words: String) throws -> T {
                guard let value = value as? T else { throw decoder.wrong(node, words, path: codingPath) }
                return value
            }
            switch type {
            case is String.Type: return try cast(node.scalar?.string, "a text")
            case is Bool.Type:
                return try cast(node.scalar.flatMap { ["true": true, "false": false][$0.string] }, "true or false")
            case is Double.Type: return try cast(number(), "a number")
            case is Float.Type: return try cast(number().map { Float($0) }, "a number")
            case is any FixedWidthInteger.Type: return try cast(integer(type), "a whole number")
            default: return try NodeDecoder.decode(type, from: node, path: codingPath, file: decoder.file)
            }
        }

        private func number() -> Double? {
            node.scalar.flatMap { Double($0.string.filter { $0 != "_" }) }.flatMap { $0.isFinite ? $0 : nil }
        }

        private func integer(_ type: Any.Type) -> Any? {
            // What stands in quotes is text, whatever it looks like.
            guard let scalar = node.scalar, ![.singleQuoted, .doubleQuoted].contains(scalar.style) else { return nil }
            let text = scalar.string.filter { $0 != "_" }
            func read<I: FixedWidthInteger>(_ type: I.Type) -> Any? { I(text) }
            guard let kind = type as? any FixedWidthInteger.Type else { return nil }
            return read(kind)
        }
    }
}

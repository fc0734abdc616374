// What Python's unpickler and NumPy find in pickles and files, and the words in which it is said.
import Files
import Foundation

/// What `Tests/Golden/plain_pickles.py` wrote.
struct PlainPickleGolden: Decodable {
    struct Good: Decodable {
        let name: String
        let bytes: Data
        /// Index of its value.
        let value: Int
    }
    struct Bad: Decodable {
        let name: String
        let bytes: Data
        let words: String
    }
    struct Repr: Decodable {
        let text: String
        let bytes: Data
    }
    struct Single: Decodable {
        let name: String
        let bytes: Data
        /// With an exclamation mark, words of the complaint.
        let value: String
    }
    struct Archive: Decodable {
        let name: String
        let bytes: Data
        let values: [String: String]
    }
    let values: [String]
    let good: [Good]
    let bad: [Bad]
    let attacks: [Bad]
    let reprs: [Repr]
    let npy: [Single]
    let npz: [Archive]

    static func load() throws -> PlainPickleGolden {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appendingPathComponent("Golden/plain_pickles.json")
        return try JSONDecoder().decode(PlainPickleGolden.self, from: Data(contentsOf: file))
    }
}

private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// A number in double precision by its bits.
private func bits(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    return "f" + hex((0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (56 - 8 * UInt64($0))) })
}

/// A value in one line, as the script's `describe` has it.
func describe(_ value: PlainValue) -> String {
    switch value {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return "\(value)"
    case .float(let value): return bits(value)
    case .text(let text): return "t" + hex(text.utf8)
    case .bytes(let bytes): return "b" + hex(bytes)
    case .list(let items): return "[" + items.map(describe).joined(separator: ",") + "]"
    case .map(let entries):
        return "{" + entries.map { "\(describe($0.key)):\(describe($0.value))" }.joined(separator: ",") + "}"
    case .array(let array): return describe(array)
    case .opaque(let object):
        var text = "\(object.name)(\(object.arguments.map(describe).joined(separator: ",")))"
        if let state = object.state, state != .null { text += "=" + describe(state) }
        if let contents = object.contents { text += "+" + describe(contents) }
        return text
    }
}

/// An array in one line, as the script's `describe` has it.
func describe(_ array: NumberArray) -> String {
    let element =
        switch array.element {
        case .number(let type): type.rawValue
        case .bytes(let width): "S\(width)"
        case .text(let width): "U\(width)"
        }
    return "a(\(element)|\(array.shape.map { "\($0)" }.joined(separator: ","))|\(hex(array.bytes)))"
}

// JSON with the keys in one order, for files that should be equal when their content is.

/// A JSON value.
enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The value as indented text, keys sorted; arrays of numbers on one line.
    var text: String {
        var out = ""
        write(to: &out, indent: 0)
        return out + "\n"
    }

    private func write(to out: inout String, indent: Int) {
        let inner = String(repeating: "  ", count: indent + 1)
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .number(let value): out += value.isFinite ? Mapping.number(value) : "null"
        case .string(let value): out += Self.quoted(value)
        case .array(let values):
            let flat = values.allSatisfy {
                if case .array = $0 { false } else if case .object = $0 { false } else { true }
            }
            if flat || values.isEmpty {
                out += "["
                for (place, value) in values.enumerated() {
                    if place > 0 { out += ", " }
                    value.write(to: &out, indent: indent)
                }
                out += "]"
                return
            }
            out += "[\n"
            for (place, value) in values.enumerated() {
                out += inner
                value.write(to: &out, indent: indent + 1)
                out += place < values.count - 1 ? ",\n" : "\n"
            }
            out += String(repeating: "  ", count: indent) + "]"
        case .object(let values):
            if values.isEmpty {
                out += "{}"
                return
            }
            out += "{\n"
            for (place, key) in values.keys.sorted().enumerated() {
                out += inner + Self.quoted(key) + ": "
                values[key]?.write(to: &out, indent: indent + 1)
                out += place < values.count - 1 ? ",\n" : "\n"
            }
            out += String(repeating: "  ", count: indent) + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 32:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

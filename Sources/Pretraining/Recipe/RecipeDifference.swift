// Whether two recipes are the same, and where they first differ.
import FoundationEssentials

/// The first place where two recipes differ.
public struct RecipeDifference: Sendable, Equatable {
    /// Path of the key, such as `crops.local.count`.
    public let key: String
    /// The run's value, as JSON; `none` where it has no such key.
    public let old: String
    /// The other value.
    public let new: String

    /// Makes a difference.
    public init(key: String, old: String, new: String) {
        self.key = key
        self.old = old
        self.new = new
    }
}

extension PretrainingRecipe {
    /// The first key, in the order of the alphabet, whose value differs; `nil` where only the number of steps may differ.
    public func difference(from run: PretrainingRecipe) throws -> RecipeDifference? {
        var (mine, other) = (self, run)
        // In a run of several phases the end of the first is where the second begins.
        if (then ?? []).isEmpty, (run.then ?? []).isEmpty { (mine.steps, other.steps) = (1, 1) }
        guard mine != other else { return nil }
        return JSONValue.firstDifference(try JSONValue(other), try JSONValue(mine), path: "")
    }
}

/// Any JSON value; for comparing, and for the metrics log.
package enum JSONValue: Codable, Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(_ value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// One line of JSON with sorted keys.
    package var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(self) else { return "?" }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func firstDifference(_ old: JSONValue?, _ new: JSONValue?, path: String) -> RecipeDifference? {
        guard old != new else { return nil }
        if case .object(let a) = old, case .object(let b) = new {
            for key in Set(a.keys).union(b.keys).sorted() {
                let inner = path.isEmpty ? key : "\(path).\(key)"
                if let found = firstDifference(a[key], b[key], path: inner) { return found }
            }
            return nil
        }
        return RecipeDifference(key: path, old: old?.text ?? "none", new: new?.text ?? "none")
    }
}

// What a pickle of plain data holds, as values of Swift.

/// A value of a pickle: plain data, an array, or something that is only named.
package enum PlainValue: Sendable, Equatable {
    /// Python's `None`.
    case null
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(String)
    /// `bytes` and `bytearray`.
    case bytes([UInt8])
    /// A list, a tuple, or a set in the order in which it was written.
    case list([PlainValue])
    /// A dictionary in its order; text and whole-numbered keys occur once.
    case map([PlainEntry])
    /// An array of NumPy.
    case array(NumberArray)
    /// Anything else: a class, an object, the result of a call. Nothing of it was run.
    indirect case opaque(PlainObject)

    /// The value of a text key: of a dictionary, or of the state of an object.
    package subscript(key: String) -> PlainValue? {
        switch self {
        case .map(let entries): entries.first { $0.key.string == key }?.value
        case .opaque(let object): object.state?[key]
        default: nil
        }
    }

    /// The text; `nil` for anything else.
    package var string: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    /// The whole number, truth values as 0 and 1; `nil` for anything else.
    package var integer: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The number, whether it is whole or not; `nil` for anything else.
    package var number: Double? {
        if case .float(let value) = self { return value }
        return integer.map { Double($0) }
    }

    /// The items of a list; `nil` for anything else.
    package var items: [PlainValue]? {
        guard case .list(let values) = self else { return nil }
        return values
    }

    /// Keys and values of a dictionary; `nil` for anything else.
    package var entries: [PlainEntry]? {
        guard case .map(let entries) = self else { return nil }
        return entries
    }
}

/// A key of a dictionary and its value.
package struct PlainEntry: Sendable, Equatable {
    /// What the value is found by.
    package let key: PlainValue
    /// What is found.
    package let value: PlainValue
}

/// Something of a pickle that is not plain data: what it calls itself, and what it was to be made of.
package struct PlainObject: Sendable, Equatable {
    /// The dotted name of the class or function, such as `rasterio.crs.CRS`.
    package let name: String
    /// What it was to be called with; the last may be a dictionary of named arguments.
    package let arguments: [PlainValue]
    /// Its attributes as a dictionary, or what else was laid onto it.
    package let state: PlainValue?
    /// The items of a list or a dictionary that it is besides.
    package let contents: PlainValue?

    init(name: String, arguments: [PlainValue] = [], state: PlainValue? = nil, contents: PlainValue? = nil) {
        self.name = name
        self.arguments = arguments
        self.state = state
        self.contents = contents
    }
}

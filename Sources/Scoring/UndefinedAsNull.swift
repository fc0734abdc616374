// Figures that may be undefined, in JSON.

/// A figure that is written as `null` where it is not defined, so that a reader can tell it from a forgotten one.
@propertyWrapper
public struct UndefinedAsNull<Value: Codable & Sendable & Hashable>: Codable, Sendable, Hashable {
    /// The figure.
    public var wrappedValue: Value?

    /// Wraps a figure.
    public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    /// Reads a figure or `null`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    /// Writes the figure or `null`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension KeyedDecodingContainer {
    /// Reads a figure; `nil` also where its key is absent.
    func decode<Value>(
        _ type: UndefinedAsNull<Value>.Type, forKey key: Key
    ) throws -> UndefinedAsNull<Value> {
        try decodeIfPresent(type, forKey: key) ?? UndefinedAsNull(wrappedValue: nil)
    }
}

// Whether two recipes are the same, and where they first differ.
internal import Files

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

extension RecipeDifference {
    /// The first key, in the order of the alphabet, whose value differs; `nil` where none does.
    package init?<Recipe: Encodable & Equatable>(from old: Recipe, to new: Recipe) throws {
        guard old != new,
            let found = JSONValue.firstDifference(try JSONValue(old), try JSONValue(new), path: "")
        else { return nil }
        self = found
    }
}

extension JSONValue {
    fileprivate static func firstDifference(_ old: JSONValue?, _ new: JSONValue?, path: String) -> RecipeDifference? {
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

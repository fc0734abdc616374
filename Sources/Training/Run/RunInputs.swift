// What a run learns from, by name and fingerprint.
internal import Files

/// What a run was started with besides its recipe, such as its corpus; a resumed run must have the same.
///
/// In JSON its names stand among the other keys of `run.json` and of a checkpoint's manifest.
package struct RunInputs: Sendable, Equatable {
    /// Names and fingerprints.
    package var values: [String: String]

    /// Makes a list.
    package init(_ values: [String: String]) { self.values = values }

    /// What differs from other inputs, in words; empty where nothing does.
    package func differences(from other: RunInputs) -> [String] {
        Set(values.keys).union(other.values.keys).sorted().compactMap { name in
            let (mine, theirs) = (values[name], other.values[name])
            return mine == theirs
                ? nil : "\(name.replacing("_", with: " ")): \(mine ?? "none"); now \(theirs ?? "none")"
        }
    }

    /// A key that is only known when the program runs.
    struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Writes the names next to the keys that the encoder already has.
    func encode(alongside encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (name, value) in values { try container.encode(value, forKey: Name(stringValue: name)) }
    }

    /// Reads all texts but those of some keys.
    init(from decoder: any Decoder, except known: Set<String>) throws {
        let container = try decoder.container(keyedBy: Name.self)
        values = [:]
        for key in container.allKeys where !known.contains(key.stringValue) {
            if let value = try? container.decode(String.self, forKey: key) { values[key.stringValue] = value }
        }
    }
}

// What the words of a command line are: addresses, settings of GDAL, or neither.

/// A word of a command line.
struct CommandWord {
    enum Kind: Hashable {
        /// `NAME=VALUE` for GDAL; the value is the end of the word.
        case setting(name: String, value: String)
        /// An address or a connection string, also behind the name of an option.
        case address
        /// Names of options, paths of this machine, numbers.
        case plain
    }

    let text: String
    let kind: Kind

    /// The words after the name of the program.
    static func all(_ words: [String]) -> [CommandWord] {
        words.indices.map { index in
            // As GDAL's own programs take it: `--config NAME VALUE`.
            if index > 1, words[index - 2] == "--config", !words[index - 1].contains("="), !words[index].hasPrefix("-")
            {
                return CommandWord(text: words[index], kind: .setting(name: words[index - 1], value: words[index]))
            }
            return CommandWord(words[index], isSetting: index > 0 && words[index - 1] == "--config")
        }
    }

    private init(text: String, kind: Kind) {
        self.text = text
        self.kind = kind
    }

    /// - Parameter isSetting: Whether the word follows `--config`.
    private init(_ text: String, isSetting: Bool) {
        self.text = text
        if isSetting {
            let (name, value) = Self.pair(text[...])
            kind = .setting(name: name, value: value)
        } else if text.hasPrefix("--config=") {
            let (name, value) = Self.pair(text.dropFirst("--config=".count))
            kind = .setting(name: name, value: value)
        } else if let equals = text.firstIndex(of: "="), Self.isSetting(String(text[..<equals])) {
            // Where `--config` was forgotten.
            let (name, value) = Self.pair(text[...])
            kind = .setting(name: name, value: value)
        } else {
            let lower = text.lowercased()
            let isAddress =
                lower.contains("://") || lower.contains("%3a%2f%2f") || ConnectionString(text) != nil
                || lower.contains("/vsicurl") || lower.hasPrefix("<")
            kind = isAddress ? .address : .plain
        }
    }

    /// Name and value; whatever stands between them, where the setting is written wrongly.
    private static func pair(_ text: Substring) -> (name: String, value: String) {
        guard let cut = text.firstIndex(of: "=") ?? text.firstIndex(where: { ": ".contains($0) }) else {
            return ("", String(text))
        }
        return (String(text[..<cut]), String(text[text.index(after: cut)...]))
    }

    /// Whether a name is one of those that GDAL's settings have.
    static func isSetting(_ name: String) -> Bool {
        [
            "AWS_", "AZURE_", "CPL_", "GDAL_", "GOA2_", "GS_", "OS_", "OSS_", "SWIFT_", "WEBHDFS_", "OGR_", "PL_",
            "PGPASS", "EEDA_", "VSI_", "AMIGOCLOUD_", "CARTO_",
        ].contains { name.hasPrefix($0) }
    }
}

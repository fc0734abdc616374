// The secrets in connection strings of the databases and services that GDAL opens by a name such as `PG:host=...`.

/// A name that GDAL opens through a driver for a database or a service.
///
/// `PG:dbname=trees password=x`, `PLMosaic:api_key=x,mosaic=m`, `MSSQL:server=s;pwd=x`: pairs of which some are secret by
/// their name. `OCI:user/password@database`: a password before the place.
struct ConnectionString {
    /// The string with a mark in the place of each secret.
    private(set) var marked: String
    /// The string without its secrets and their names.
    private(set) var cut: String
    private(set) var secrets: [(name: String, value: String)] = []
    /// Whether blanks alone separate pairs, so that a value may hold commas.
    private var isBlankSeparated = false

    private static let drivers: Set<String> = [
        "amigocloud", "carto", "couchdb", "db2odbc", "elastic", "es", "geor", "georaster", "hana", "idb", "ingres",
        "mongodb",
        "mongodbv3", "mssql", "mysql", "ngw", "oci", "odbc", "pg", "plmosaic", "plscenes", "postgresql", "sde",
    ]
    /// Drivers whose strings begin with `user/password@place`, where the place may be missing.
    private static let withUser: Set<String> = ["oci", "odbc", "georaster", "geor"]
    /// Drivers whose strings are a list, and the place of the password in it.
    private static let lists = ["georaster": 1, "geor": 1, "sde": 4]

    /// - Returns: `nil` for what is not a connection string.
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), Self.drivers.contains(text[..<colon].lowercased()),
            !text[colon...].hasPrefix("://")
        else { return nil }
        marked = String(text[...colon])
        cut = marked
        let driver = text[..<colon].lowercased()
        var rest = text[text.index(after: colon)...]
        isBlankSeparated = ["pg", "postgresql"].contains(driver)
        if Self.withUser.contains(driver), let slash = rest.firstIndex(of: "/"),
            !rest[..<slash].contains(where: { "=;,".contains($0) })
        {
            let end =
                rest[slash...].lastIndex(of: "@") ?? rest[slash...].firstIndex(of: ",") ?? rest.endIndex
            add("password", rest[rest.index(after: slash)..<end])
            marked += rest[...slash] + SecretNames.mark
            cut += rest[..<slash]
            rest = rest[end...]
        } else if let place = Self.lists[driver] {
            let parts = rest.split(separator: ",", maxSplits: place + 1, omittingEmptySubsequences: false)
            if parts.count > place {
                add("password", parts[place])
                let before = parts[..<place].joined(separator: ",")
                marked += before + ",\(SecretNames.mark)"
                cut += before
                rest = parts.count > place + 1 ? rest[rest.index(before: parts[place + 1].startIndex)...] : ""
            }
        }
        pairs(rest)
    }

    /// A text with the secrets of the connection strings in it marked; each ends with its line or its quotes.
    static func marked(in text: String) -> String {
        guard text.contains(":") else { return text }
        var out = ""
        var done = text.startIndex
        var place = text.startIndex
        while let colon = text[place...].firstIndex(of: ":") {
            place = text.index(after: colon)
            let name = text[done..<colon].reversed().prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
            guard drivers.contains(String(name.reversed()).lowercased()) else { continue }
            let start = text.index(colon, offsetBy: -name.count)
            let quote = start > text.startIndex ? text[text.index(before: start)] : "\n"
            let end =
                text[place...].firstIndex { $0.isNewline || ("'\"`".contains(quote) && $0 == quote) } ?? text.endIndex
            guard let connection = ConnectionString(String(text[start..<end])) else { continue }
            out += text[done..<start] + connection.marked
            (done, place) = (end, end)
        }
        return out + text[done...]
    }

    private mutating func add(_ name: String, _ value: Substring) {
        if !value.isEmpty, value != SecretNames.mark { secrets.append((name, String(value))) }
    }

    /// Goes through `name=value` pairs, with blanks around the sign or not; a value in quotes or braces may hold what
    /// separates them.
    private mutating func pairs(_ text: Substring) {
        var rest = text
        while !rest.isEmpty {
            let gap = rest.prefix(while: separates)
            marked += gap
            rest = rest[gap.endIndex...]
            let name = rest.prefix { $0 != "=" && !separates($0) }
            let sign = rest[name.endIndex...].drop { $0.isWhitespace }
            guard sign.first == "=" else {
                marked += name
                cut += gap + name
                rest = rest[name.endIndex...]
                continue
            }
            let value = sign.dropFirst().drop { $0.isWhitespace }
            let end = end(ofValue: value)
            let whole = value[..<end]
            if SecretNames.soundsSecret(String(name)), !whole.isEmpty {
                let bare = whole.filter { !"'\"{}".contains($0) }
                add(String(name), Substring(bare))
                marked += rest[..<value.startIndex] + SecretNames.mark
            } else {
                marked += rest[..<end]
                cut += gap + rest[..<end]
            }
            rest = rest[end...]
        }
    }

    /// Whether a character stands between pairs.
    private func separates(_ character: Character) -> Bool {
        character.isWhitespace || !isBlankSeparated && ",;&".contains(character)
    }

    /// Where a value ends; within quotes or braces, a doubled closing one and one behind a backslash are parts of it.
    private func end(ofValue text: Substring) -> Substring.Index {
        guard let open = text.first, let quote = ["'": "'", "\"": "\"", "{": "}"][open] as Character? else {
            return text.firstIndex(where: separates) ?? text.endIndex
        }
        var place = text.index(after: text.startIndex)
        while place < text.endIndex {
            let next = text.index(after: place)
            if text[place] == quote {
                guard next < text.endIndex, text[next] == quote else { return next }
                place = text.index(after: next)
            } else if text[place] == "\\", next < text.endIndex {
                place = text.index(after: next)
            } else {
                place = next
            }
        }
        return place
    }
}

// Goes through the addresses in a text: finds where each begins and ends, and treats the parts that may be secret.

/// Rewrites the addresses in a text, and remembers the secrets that it met.
///
/// An address is `scheme://user:password@host/path?name=value&...`, alone, behind one of GDAL's prefixes
/// (`/vsicurl/`), as an option of one (`/vsicurl?header.X=...&url=...`), percent-encoded, or anywhere in a text, with
/// `&` as XML writes it too. User and password, and the value of every parameter that is not known to select data, are
/// secret: there are too many names for tokens to list them all.
struct AddressRewriter {
    /// What takes the place of a secret.
    enum Use {
        /// A mark; the name of its parameter stays.
        case mark
        /// Nothing: name and value are cut out, and what stays is put in order.
        case cut
        /// The same, but for parameters that are secret by their name alone, and those of signed addresses.
        case cutNamed
    }

    let use: Use
    /// How many addresses hold the one that is looked at.
    private var depth = 0
    /// The secrets that were met, as they stand there, each with the name of its parameter.
    private(set) var secrets: [(name: String, value: String)] = []

    init(_ use: Use) { self.use = use }

    /// Rewrites what is an address or a connection string and nothing else, so that quotes and blanks do not end it.
    mutating func rewrite(whole address: String) -> String {
        if let connection = ConnectionString(address) {
            for secret in connection.secrets { secrets.append(secret) }
            return rewrite(use == .mark ? connection.marked : connection.cut, isAddress: true)
        }
        return rewrite(address, isAddress: true)
    }

    /// Rewrites the addresses in a text.
    mutating func rewrite(in text: String) -> String { rewrite(text, isAddress: false) }

    private mutating func rewrite(_ text: String, isAddress: Bool) -> String {
        let bytes = Array(text.utf8)[...]
        // Whatever holds no address stays as it is, byte for byte.
        guard holdsAddress(bytes) else { return text }
        return String(decoding: rewrite(bytes, isAddress: isAddress), as: UTF8.self)
    }

    /// Whether an address may be in there.
    private func holdsAddress(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.indices.contains {
            Self.isSeparator(bytes, $0) || Self.isEncodedSeparator(bytes, $0) || Self.optionStart(bytes, $0) != nil
        }
    }

    private mutating func rewrite(_ bytes: ArraySlice<UInt8>, isAddress: Bool) -> [UInt8] {
        let whole = isAddress && !bytes.contains(UInt8(ascii: "\n")) && Self.beginsWithAddress(bytes)
        var out: [UInt8] = []
        var done = bytes.startIndex
        var place = bytes.startIndex
        func end(from start: Int) -> Int {
            if whole { return bytes.endIndex }
            return Self.endOfQuoted(bytes, from: start) ?? Self.end(bytes, from: start)
        }
        while place < bytes.endIndex {
            if let start = Self.optionStart(bytes, place) {
                let stop = end(from: start)
                out += bytes[done..<start]
                out += options(bytes[start..<stop])
                (done, place) = (stop, stop)
            } else if Self.isSeparator(bytes, place), let start = Self.schemeStart(bytes, place, from: done) {
                let stop = end(from: start)
                out += bytes[done..<start]
                out += address(bytes[start..<stop], path: place + 3)
                (done, place) = (stop, stop)
            } else if Self.isEncodedSeparator(bytes, place), let start = Self.schemeStart(bytes, place, from: done) {
                let stop = end(from: start)
                out += bytes[done..<start]
                out += encoded(bytes[start..<stop])
                (done, place) = (stop, stop)
            } else {
                place += 1
            }
        }
        return out + bytes[done...]
    }

    // MARK: - Parts

    /// `scheme://user:password@host/path?query#fragment`; `path` is where the host begins.
    private mutating func address(_ bytes: ArraySlice<UInt8>, path start: Int) -> [UInt8] {
        var out = Array(bytes[..<start])
        let host = bytes[start...].prefix { !Self.endsHost.contains($0) }
        if let at = host.lastIndex(of: UInt8(ascii: "@")) {
            meet("password", host[..<at])
            // Alone it is quoted too.
            if let colon = host[..<at].firstIndex(of: UInt8(ascii: ":")) { meet("password", host[(colon + 1)..<at]) }
            if use == .mark { out += Self.mark + [UInt8(ascii: "@")] }
            out += host[(at + 1)...]
        } else {
            out += host
        }
        let path = bytes[host.endIndex...].prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        // `vrt:///vsicurl/http://...`, or a proxy that takes the address as its path.
        let holdsMore = path.indices.contains { Self.isSeparator(path, $0) || Self.isEncodedSeparator(path, $0) }
        out += holdsMore ? nested(path) : self.path(path)
        var rest = bytes[path.endIndex...]
        if rest.first == UInt8(ascii: "?") {
            let query = rest.dropFirst().prefix { $0 != UInt8(ascii: "#") }
            out += parameters(query, opening: "?", keeping: { [use] name in Self.keeps(name, use) })
            rest = bytes[query.endIndex...]
        }
        guard rest.first == UInt8(ascii: "#") else { return out }
        let fragment = rest.dropFirst()
        if fragment.contains(UInt8(ascii: "=")) {
            return out + parameters(fragment, opening: "#", keeping: { _ in false })
        }
        return use == .mark ? out + rest : out
    }

    /// Whether the value of a parameter stays.
    ///
    /// Static, since a closure that held the rewriter would make each secret that is met copy all before it.
    private static func keeps(_ name: String, _ use: Use) -> Bool {
        if SecretNames.selectors.contains(name) { return true }
        return use == .cutNamed && !SecretNames.soundsSecret(name) && !SecretNames.publicParameters.contains(name)
    }

    /// A path, without the values of parameters such as `;jsessionid=`.
    private mutating func path(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard bytes.contains(UInt8(ascii: ";")) else { return Array(bytes) }
        var out: [UInt8] = []
        for (number, piece) in bytes.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).enumerated()
        {
            let stop = piece.firstIndex(of: UInt8(ascii: "/")) ?? piece.endIndex
            guard number > 0, let equals = piece[..<stop].firstIndex(of: UInt8(ascii: "=")),
                SecretNames.soundsSecret(Self.name(piece[..<equals]))
            else {
                out += (number > 0 ? [UInt8(ascii: ";")] : []) + piece
                continue
            }
            meet(Self.name(piece[..<equals]), piece[(equals + 1)..<stop])
            if use == .mark { out += [UInt8(ascii: ";")] + piece[...equals] + Self.mark }
            out += piece[stop...]
        }
        return out
    }

    /// What follows `/vsicurl?`: options, of which `url` is the address.
    private mutating func options(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let harmless: Set = ["use_head", "list_dir", "empty_dir", "max_retry", "retry_delay", "pc_url_signing"]
        let isMarked = use == .mark
        return parameters(bytes, opening: "", keeping: { $0 == "url" || (isMarked && harmless.contains($0)) })
    }

    /// `name=value&name=value`.
    private mutating func parameters(
        _ bytes: ArraySlice<UInt8>, opening: String, keeping: (String) -> Bool
    ) -> [UInt8] {
        let separator = UInt8(ascii: "&")
        var parts: [[UInt8]] = []
        for (number, part) in bytes.split(separator: separator, omittingEmptySubsequences: false).enumerated() {
            // As XML writes the separator; whatever became of the parts before it.
            let escape = part.starts(with: "amp;".utf8) && number > 0 ? part.prefix(4) : part.prefix(0)
            let pair = part[escape.endIndex...]
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else {
                if use == .cutNamed {
                    parts.append(Array(escape + pair))
                    continue
                }
                meet("token", pair)
                if use == .mark { parts.append(escape + (pair.isEmpty ? [] : Self.mark)) }
                continue
            }
            let name = Self.name(pair[..<equals])
            let value = pair[(equals + 1)...]
            if keeping(name), let mark = value.firstIndex(of: UInt8(ascii: "?")),
                value[mark...].contains(UInt8(ascii: "=")),
                !value.indices.contains(where: { Self.isSeparator(value, $0) })
            {
                // A second query, which is what comes of a token that is put behind a query with `?`.
                parts.append(
                    escape + pair[...equals] + value[..<mark]
                        + parameters(value[(mark + 1)...], opening: "?", keeping: keeping))
            } else if keeping(name) {
                parts.append(escape + pair[...equals] + nested(value))
            } else {
                meet(name, value)
                if use == .mark { parts.append(escape + pair[...equals] + (value.isEmpty ? [] : Self.mark)) }
            }
        }
        if use != .mark {
            // However a server puts them, they are the same.
            // By their names alone: where one is repeated, the order of its values counts.
            let plain = parts.map { $0.starts(with: "amp;".utf8) ? Array($0.dropFirst(4)) : $0 }
            let named = plain.enumerated().map {
                (name: Array($0.element.prefix { $0 != UInt8(ascii: "=") }), place: $0.offset, part: $0.element)
            }
            parts =
                named.sorted { a, b in
                    a.name == b.name ? a.place < b.place : a.name.lexicographicallyPrecedes(b.name)
                }.map(\.part)
            if parts.isEmpty { return [] }
        }
        return Array(opening.utf8) + parts.joined(separator: [separator])
    }

    /// A value that may be an address itself.
    private mutating func nested(_ value: ArraySlice<UInt8>) -> [UInt8] {
        // Addresses within addresses within ...: whoever writes that means to exhaust the stack.
        guard depth < 8 else {
            meet("token", value)
            return use == .mark ? Self.mark : []
        }
        depth += 1
        defer { depth -= 1 }
        if value.indices.contains(where: { Self.isEncodedSeparator(value, $0) }) { return encoded(value) }
        return rewrite(value, isAddress: true)
    }

    /// An address that is percent-encoded as a whole.
    private mutating func encoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let plain = Percent.decoded(bytes)
        let changed = rewrite(plain[...], isAddress: true)
        return changed == plain ? Array(bytes) : Percent.encoded(changed)
    }

    private mutating func meet(_ name: String, _ value: ArraySlice<UInt8>) {
        guard !value.isEmpty, !value.elementsEqual(Self.mark) else { return }
        secrets.append((name, String(decoding: value, as: UTF8.self)))
    }

    // MARK: - Bytes

    private static let mark = Array(SecretNames.mark.utf8)
    private static let endsHost = Set("/?#".utf8)
    static let endsAddress = Set(" \t\r\n\"'<>`\\|{}^".utf8)
    private static let punctuation = Set(".,;:!)]".utf8)

    private static func name(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: Percent.decoded(bytes), as: UTF8.self).lowercased()
    }

    /// Whether a text stands at a place, in lower case letters there or here.
    private static func stands(_ text: StaticString, in bytes: ArraySlice<UInt8>, at place: Int) -> Bool {
        text.withUTF8Buffer { text in
            place + text.count <= bytes.endIndex
                && text.indices.allSatisfy { lowercase(bytes[place + $0]) == text[$0] }
        }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }

    private static func isSeparator(_ bytes: ArraySlice<UInt8>, _ place: Int) -> Bool {
        stands("://", in: bytes, at: place)
    }

    private static func isEncodedSeparator(_ bytes: ArraySlice<UInt8>, _ place: Int) -> Bool {
        stands("%3a%2f%2f", in: bytes, at: place)
    }

    /// Where the options behind `/vsicurl?` begin.
    private static func optionStart(_ bytes: ArraySlice<UInt8>, _ place: Int) -> Int? {
        guard bytes[place] == UInt8(ascii: "/") else { return nil }
        if stands("/vsicurl?", in: bytes, at: place) { return place + 9 }
        return stands("/vsicurl_streaming?", in: bytes, at: place) ? place + 19 : nil
    }

    /// Where the scheme before `://` begins; `nil` where there is none.
    private static func schemeStart(_ bytes: ArraySlice<UInt8>, _ separator: Int, from first: Int) -> Int? {
        var start = separator
        while start > first, isScheme(bytes[start - 1]) { start -= 1 }
        while start < separator, !(97...122).contains(lowercase(bytes[start])) { start += 1 }
        return start < separator ? start : nil
    }

    private static func isScheme(_ byte: UInt8) -> Bool {
        (97...122).contains(lowercase(byte)) || (48...57).contains(byte) || "+-.".utf8.contains(byte)
    }

    /// Whether a text begins with an address, behind any number of GDAL's prefixes.
    private static func beginsWithAddress(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while stands("/vsi", in: rest, at: rest.startIndex) {
            if optionStart(rest, rest.startIndex) != nil { return true }
            guard let slash = rest.dropFirst().firstIndex(of: UInt8(ascii: "/")) else { return false }
            rest = rest[(slash + 1)...]
            // `/vsizip//vsicurl/...`: the slash that ends one prefix may be that of the next.
            if slash + 1 < bytes.endIndex, stands("vsi", in: bytes, at: slash + 1) { rest = bytes[slash...] }
        }
        let scheme = rest.prefix(while: isScheme)
        return !scheme.isEmpty && (isSeparator(rest, scheme.endIndex) || isEncodedSeparator(rest, scheme.endIndex))
    }

    /// Where an address that begins right behind a quote ends: at the closing one, whatever stands between.
    private static func endOfQuoted(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int? {
        var first = start
        // Behind the quote there may be prefixes of GDAL.
        while first > bytes.startIndex, isScheme(bytes[first - 1]) || "/_?=&%".utf8.contains(bytes[first - 1]) {
            first -= 1
        }
        guard first > bytes.startIndex else { return nil }
        let quote = bytes[first - 1]
        // The text of an element of XML.
        if quote == UInt8(ascii: ">") { return bytes[start...].prefix(longestQuoted).firstIndex(of: UInt8(ascii: "<")) }
        guard "'\"`".utf8.contains(quote) else { return nil }
        let isEscaped = first - 1 > bytes.startIndex && bytes[first - 2] == UInt8(ascii: "\\")
        var place = start
        while place < min(bytes.endIndex, start + longestQuoted), bytes[place] != UInt8(ascii: "\n") {
            let next = place + 1
            if isEscaped, bytes[place] == UInt8(ascii: "\\"), next < bytes.endIndex, bytes[next] == quote {
                return place
            }
            // An apostrophe within a word closes nothing.
            if !isEscaped, bytes[place] == quote,
                next == bytes.endIndex || !(isScheme(bytes[next]) && !"+-.".utf8.contains(bytes[next]))
            {
                return place
            }
            place = next
        }
        return nil
    }

    /// No address is longer; without a limit, a text full of quotes would be searched to its end once for each of them.
    private static let longestQuoted = 8192

    /// Where an address in a text ends.
    private static func end(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int {
        var stop = start
        while stop < bytes.endIndex, !endsAddress.contains(bytes[stop]) {
            // A quote as XML writes it.
            if bytes[stop] == UInt8(ascii: "&"),
                ["&quot;", "&apos;", "&lt;", "&gt;"].contains(where: { stands($0, in: bytes, at: stop) })
            {
                break
            }
            stop += 1
        }
        while stop > start, punctuation.contains(bytes[stop - 1]) { stop -= 1 }
        return stop
    }
}

/// Percent-encoding of bytes (RFC 3986).
enum Percent {
    /// Bytes with every `%XX` replaced by the byte that it stands for.
    static func decoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        func digit(_ place: Int) -> UInt8? {
            guard place < bytes.endIndex else { return nil }
            switch bytes[place] {
            case 48...57: return bytes[place] - 48
            case 65...70: return bytes[place] - 55
            case 97...102: return bytes[place] - 87
            default: return nil
            }
        }
        var out: [UInt8] = []
        var place = bytes.startIndex
        while place < bytes.endIndex {
            if bytes[place] == UInt8(ascii: "%"), let high = digit(place + 1), let low = digit(place + 2) {
                out.append(high << 4 | low)
                place += 3
            } else {
                out.append(bytes[place])
                place += 1
            }
        }
        return out
    }

    /// Bytes with all but letters, digits and `-._~` replaced.
    static func encoded(_ bytes: [UInt8], uppercase: Bool = true) -> [UInt8] {
        let digits = Array((uppercase ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        return bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: [byte]
            default: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }
}

// Keeps secrets out of whatever is written or printed: the one place that knows what is secret in addresses and settings.
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// Secrets in addresses of files (`https://host/scene.tif?token=...`) and in settings (`AWS_SECRET_ACCESS_KEY`).
///
/// What is stored goes through `address(_:)`: the same address without its secrets. What is printed goes through
/// `text(_:)`, which also knows every secret that this program was given so far, in whatever form a library quotes it.
/// Two addresses are those of one file when their `identity(of:)` is the same: a renewed token changes nothing.
public enum Redaction {
    /// What stands in the place of a secret.
    public static let mark = "REDACTED"

    // MARK: - Writing

    /// An address without its secrets: user and password, and the value of every parameter that is not known to select data.
    ///
    /// What is no address, such as the path of a file, stays as it is.
    public static func address(_ address: String) -> String {
        var rewriter = AddressRewriter(.mark)
        return rewriter.rewrite(address, isAddress: true)
    }

    /// Whether an address has lost its secrets, so that nothing can be read there any more.
    public static func isRedacted(_ address: String) -> Bool {
        ["=", "%3D", "?", "&", "//"].contains { address.contains($0 + mark) }
    }

    /// A text for people, without any secret that is known and without those of the addresses in it.
    public static func text(_ text: String) -> String {
        let known = secrets.withLock { $0 }
        var bytes = Array(text.utf8)
        for secret in known { bytes = bytes.replacing(secret, with: Array(mark.utf8)) }
        var rewriter = AddressRewriter(.mark)
        return rewriter.rewrite(String(decoding: bytes, as: UTF8.self), isAddress: false)
    }

    /// The last part of an address or a path, without parameters: what a file is called.
    public static func fileName(_ address: String) -> String {
        var path = identity(of: address)
        let options = path.split(separator: "url=", maxSplits: 1)
        if path.hasPrefix("/vsicurl"), options.count == 2 {
            path = String(decoding: Percent.decoded(Array(options[1].utf8)[...]), as: UTF8.self)
        }
        if path.contains("://") { path = String(path.prefix { $0 != "?" }) }
        return path.split(separator: "/").last.map(String.init) ?? address
    }

    /// A word of a command line without its secrets: an address, or a setting `NAME=VALUE`, also behind `--config=`.
    public static func argument(_ word: String) -> String {
        for (name, value) in settings(in: word) where soundsSecret(name) { return word[..<value.startIndex] + mark }
        return address(word)
    }

    /// The readings of a word as a setting, with the value where it stands in the word.
    private static func settings(in word: String) -> [(name: String, value: Substring)] {
        [word[...], word.hasPrefix("--") ? word.drop { $0 != "=" }.dropFirst() : ""].compactMap { part in
            guard let equals = part.firstIndex(of: "="), equals > part.startIndex,
                part[..<equals].utf8.allSatisfy({ isLetterOrDigit($0) || "_.-".utf8.contains($0) })
            else { return nil }
            return (String(part[..<equals]), part[part.index(after: equals)...])
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    // MARK: - Identity

    /// What two addresses of one file have in common: the address without secrets and their names, its parameters in order.
    public static func identity(of address: String) -> String {
        var rewriter = AddressRewriter(.cut)
        return rewriter.rewrite(address, isAddress: true)
    }

    /// What two versions of a small document that names addresses (a virtual raster, XML) have in common.
    ///
    /// Bytes of any other kind, and documents without secrets, stay as they are.
    public static func identity(ofDocument bytes: [UInt8]) -> [UInt8] {
        guard let first = bytes.first(where: { !" \t\r\n\u{FEFF}".utf8.contains($0) }), first == UInt8(ascii: "<"),
            let text = String(validating: bytes, as: UTF8.self)
        else { return bytes }
        var looker = AddressRewriter(.mark)
        _ = looker.rewrite(text, isAddress: false)
        guard !looker.secrets.isEmpty else { return bytes }
        var rewriter = AddressRewriter(.cut)
        return Array(rewriter.rewrite(text, isAddress: false).utf8)
    }

    // MARK: - Learning

    /// Known secrets in every form that they may be quoted in, the longest first.
    private static let secrets = Mutex<[[UInt8]]>([])

    /// Remembers the secrets of an address, or of the addresses in a document.
    public static func learn(address: String) {
        var rewriter = AddressRewriter(.mark)
        _ = rewriter.rewrite(address, isAddress: true)
        for secret in rewriter.secrets where isWorthKnowing(secret.name, secret.value) { remember(secret.value) }
    }

    /// Remembers the value of a setting, if it is secret.
    public static func learn(setting name: String, value: String) {
        guard soundsSecret(name) else { return learn(address: value) }
        // The whole, and what may be quoted alone: one of several headers, the token behind `Bearer`, the password
        // behind the user, the key inside a connection string.
        var pieces = [value]
        for line in value.split(whereSeparator: { $0.isNewline || $0 == "," || $0 == ";" }) {
            pieces.append(String(line))
            if let colon = line.firstIndex(of: ":") { pieces.append(String(line[line.index(after: colon)...])) }
            if let equals = line.firstIndex(of: "=") { pieces.append(String(line[line.index(after: equals)...])) }
        }
        pieces += pieces.flatMap { $0.split(separator: " ").suffix(1).map(String.init) }
        for piece in pieces.map({ $0.filter { !$0.isNewline } }) {
            let bare = piece.drop { $0 == " " }
            if isWorthKnowing(name, String(bare)) { remember(String(bare)) }
        }
    }

    /// Remembers the secrets of a command line: addresses, and settings `NAME=VALUE`.
    public static func learn(arguments: [String]) {
        for argument in arguments {
            learn(address: argument)
            for (name, value) in settings(in: argument) { learn(setting: name, value: String(value)) }
        }
    }

    /// Remembers the secret settings of the environment: those that GDAL reads.
    ///
    /// Others sound secret too and hold common words, such as `DESKTOP_SESSION`.
    public static func learn(environment: [String: String]) {
        let prefixes = ["AWS_", "AZURE_", "CPL_", "GDAL_", "GOA2_", "GS_", "OS_", "OSS_", "SWIFT_", "WEBHDFS_"]
        for (name, value) in environment {
            if prefixes.contains(where: name.hasPrefix) {
                learn(setting: name, value: value)
            } else if name.lowercased().hasSuffix("_proxy") {
                learn(address: value)
            }
        }
    }

    private static func remember(_ secret: String) {
        let raw = Array(secret.utf8)
        let plain = Percent.decoded(raw[...])
        let once = [true, false].map { Percent.encoded(plain, uppercase: $0) }
        let forms = [raw, plain, plain.replacing([32], with: [43])] + once + once.map { Percent.encoded($0) }
        secrets.withLock { known in
            for form in forms where !form.isEmpty && !known.contains(form) { known.append(form) }
            known.sort { $0.count > $1.count }
        }
    }

    /// Whether a secret can be told from ordinary text: replacing every `host` or `2024` would spoil all messages.
    ///
    /// Short ones are still taken out of addresses.
    private static func isWorthKnowing(_ name: String, _ value: String) -> Bool {
        guard !publicParameters.contains(name.lowercased()) else { return false }
        let count = value.utf8.count
        if soundsSecret(name) { return count >= 8 || (count >= 6 && !value.allSatisfy(\.isLetter)) }
        return count >= 16 || (count >= 8 && value.contains(where: \.isLetter) && value.contains(where: \.isNumber))
    }

    // MARK: - Names

    /// Whether a parameter or a setting is secret by its name.
    static func soundsSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        // Where a secret is kept is none: `AWS_WEB_IDENTITY_TOKEN_FILE`.
        guard !name.hasSuffix("file") else { return false }
        return [
            "secret", "token", "passw", "pwd", "key", "auth", "bearer", "header", "cookie", "credential", "sig", "sas",
            "session", "connection_string", "login",
        ].contains { name.contains($0) }
    }

    /// Parameters that say which data are meant; their values stay.
    static let selectors: Set<String> = [
        "asset", "assets", "band", "bands", "bbox", "bidx", "bounds", "bucket", "collection", "collections", "coverage",
        "coverageid", "crs", "dataset", "date", "datetime", "expression", "f", "file", "filename", "format", "height",
        "id", "ids", "item", "items", "layer", "layers", "level", "name", "nodata", "page", "path", "prefix", "product",
        "region", "request", "resampling", "resolution", "scale", "scene", "service", "size", "srs", "style", "styles",
        "subset", "tilecol", "tilematrix", "tilematrixset", "tilerow", "tilesize", "time", "typename", "typenames",
        "url", "version", "versionid", "width", "x", "y", "z", "zoom",
    ]

    /// Parameters of signed addresses that are no secret by themselves, and common words or dates.
    private static let publicParameters: Set<String> = [
        "x-amz-algorithm", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-goog-algorithm", "x-goog-date",
        "x-goog-expires", "x-goog-signedheaders", "expires", "sv", "sr", "sp", "se", "st", "spr", "skt", "ske", "sks",
        "skv", "sip",
    ]
}

extension [UInt8] {
    /// These bytes with every run that equals `part` replaced.
    fileprivate func replacing(_ part: [UInt8], with other: [UInt8]) -> [UInt8] {
        guard let first = part.first, count >= part.count else { return self }
        var out: [UInt8] = []
        var done = 0
        var place = 0
        while place + part.count <= count {
            if self[place] == first, self[place..<place + part.count].elementsEqual(part) {
                out += self[done..<place] + other
                place += part.count
                done = place
            } else {
                place += 1
            }
        }
        return done == 0 ? self : out + self[done...]
    }
}

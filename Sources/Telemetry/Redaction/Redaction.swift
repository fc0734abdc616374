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
///
/// The same goes for the connection strings of databases and services that GDAL knows (`PG:host=... password=...`).
public enum Redaction {
    /// What stands in the place of a secret.
    public static let mark = SecretNames.mark

    // MARK: - Writing

    /// An address without its secrets: user and password, and the value of every parameter that is not known to select data.
    ///
    /// What is not an address, such as the path of a file, stays as it is.
    public static func address(_ address: String) -> String {
        var rewriter = AddressRewriter(.mark)
        return rewriter.rewrite(whole: MarkedElements(address).marked)
    }

    /// Whether an address has lost its secrets, so that nothing can be read there any more.
    public static func isRedacted(_ address: String) -> Bool {
        address.contains(mark)
    }

    /// A text for people, without any secret that is known and without those of the addresses in it.
    public static func text(_ text: String) -> String {
        let (addresses, secrets) = known.withLock { ($0.addresses, $0.secrets) }
        var bytes = Array(text.utf8)
        // Where an address ends cannot be seen if it holds blanks or quotes: those that were given are known as a whole.
        for (given, kept) in addresses { bytes = bytes.replacing(given, with: kept) }
        for secret in secrets { bytes = bytes.replacing(secret, with: Array(mark.utf8)) }
        var rewriter = AddressRewriter(.mark)
        let text = ConnectionString.marked(in: String(decoding: bytes, as: UTF8.self))
        return rewriter.rewrite(in: MarkedElements(text).marked)
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

    /// A command line without its secrets: those of addresses, and the values of secret settings.
    ///
    /// - Parameter words: The words after the name of the program.
    public static func arguments(_ words: [String]) -> [String] {
        CommandWord.all(words).map { word in
            guard case .setting(let name, let value) = word.kind else { return address(word.text) }
            return SecretNames.soundsSecret(name) ? String(word.text.dropLast(value.count)) + mark : address(word.text)
        }
    }

    // MARK: - Identity

    /// What two addresses of one file have in common: the address without secrets and their names, its parameters in order.
    public static func identity(of address: String) -> String {
        var rewriter = AddressRewriter(.cut)
        return rewriter.rewrite(whole: address)
    }

    /// What two addresses of one service have in common: the address without what is secret by its name.
    ///
    /// Use it where nothing else names the content: an unknown parameter may be what selects it.
    public static func identity(ofService address: String) -> String {
        var rewriter = AddressRewriter(.cutNamed)
        return rewriter.rewrite(whole: address)
    }

    // MARK: - Learning

    private struct Known {
        /// Secrets in every form that they may be quoted in, the longest first.
        var secrets: [[UInt8]] = []
        /// Addresses with secrets and what is written in their place, the longest first.
        var addresses: [(given: [UInt8], kept: [UInt8])] = []
        /// Words of the command line that are neither addresses nor settings, such as the names of outputs.
        var ownWords: [String] = []
    }

    private static let known = Mutex(Known())

    /// Remembers the secrets of an address.
    public static func learn(address: String) {
        let elements = MarkedElements(address)
        var rewriter = AddressRewriter(.mark)
        let kept = Array(rewriter.rewrite(whole: elements.marked).utf8)
        let secrets = elements.secrets + rewriter.secrets
        guard !secrets.isEmpty else { return }
        let given = Array(address.utf8)
        let words = known.withLock { known in
            // Others are recognised wherever they stand. A command that is advised quotes them for the shell.
            if given.contains(where: AddressRewriter.endsAddress.contains),
                !known.addresses.contains(where: { $0.given == given })
            {
                let (quote, escaped) = (Array("'".utf8), Array(#"'\''"#.utf8))
                known.addresses.append((given, kept))
                known.addresses.append(
                    (given.replacing(quote, with: escaped), kept.replacing(quote, with: escaped)))
                known.addresses.sort { $0.given.count > $1.given.count }
            }
            return known.ownWords
        }
        for (name, secret) in secrets {
            // A library that meets a blank or a line break within one quotes a part of it.
            let parts = secret.split(whereSeparator: \.isWhitespace).map(String.init)
            for value in parts.count > 1 ? [secret] + parts : [secret] where isWorthKnowing(name, value) {
                // A word that is also part of an output's name need not be hidden.
                if !words.contains(where: { $0.contains(value) }) { remember(value) }
            }
        }
    }

    /// Remembers the value of a setting, if it is secret.
    public static func learn(setting name: String, value: String) {
        guard SecretNames.soundsSecret(name) else { return learn(address: value) }
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
    ///
    /// - Parameter words: The words after the name of the program.
    public static func learn(arguments words: [String]) {
        let words = CommandWord.all(words)
        known.withLock { known in known.ownWords += words.filter { $0.kind == .plain }.map(\.text) }
        for word in words {
            switch word.kind {
            case .setting(let name, let value): learn(setting: name, value: value)
            case .address: learn(address: word.text)
            case .plain: break
            }
        }
    }

    /// Remembers the secret settings of the environment: those that GDAL reads.
    ///
    /// Others sound secret too and hold common words, such as `DESKTOP_SESSION`.
    public static func learn(environment: [String: String]) {
        for (name, value) in environment {
            if CommandWord.isSetting(name) {
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
        known.withLock { known in
            for form in forms where !form.isEmpty && !known.secrets.contains(form) { known.secrets.append(form) }
            known.secrets.sort { $0.count > $1.count }
        }
    }

    /// Whether a secret can be told from ordinary text: replacing every `host` or `2024` would spoil all messages.
    ///
    /// Short ones are still taken out of addresses.
    private static func isWorthKnowing(_ name: String, _ value: String) -> Bool {
        guard !SecretNames.publicParameters.contains(name.lowercased()) else { return false }
        let count = value.utf8.count
        if SecretNames.soundsSecret(name) { return count >= 8 || (count >= 6 && !value.allSatisfy(\.isLetter)) }
        return looksRandom(value)
    }

    /// Whether a value is a key rather than a word, a date or the name of a scene: 20 letters and digits in a row, of
    /// both kinds, or a UUID.
    private static func looksRandom(_ value: String) -> Bool {
        if value.split(separator: "-", omittingEmptySubsequences: false).map(\.count) == [8, 4, 4, 4, 12],
            value.allSatisfy({ $0.isHexDigit || $0 == "-" })
        {
            return true
        }
        return Percent.decoded(Array(value.utf8)[...]).split(whereSeparator: { !isLetterOrDigit($0) }).contains { run in
            run.count >= 20 && run.contains { $0 <= 57 } && run.contains { $0 > 57 }
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
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

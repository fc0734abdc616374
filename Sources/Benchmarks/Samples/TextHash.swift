// A digest of lists of texts.
internal import Files

/// SHA-256 of texts, each with its length, so that no two lists of texts are taken for one.
struct TextHash {
    private var hash = SHA256()

    /// Adds texts.
    mutating func add(_ texts: [String]) {
        for text in texts { hash.update(Array("\(text.utf8.count):\(text),".utf8)) }
        hash.update([0])
    }

    /// The digest in hexadecimal digits.
    var text: String { hash.finalize() }
}

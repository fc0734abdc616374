// What two versions of a document that names addresses have in common: a virtual raster, a list of items.
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#endif

extension Redaction {
    /// What two versions of a document that names addresses (XML such as a virtual raster, JSON) have in common: all but
    /// the secrets of its addresses.
    ///
    /// Only what is secret by its name is left out, since an unknown parameter may select the data. Bytes of any
    /// other kind, and documents without secrets, stay as they are.
    public static func identity(ofDocument bytes: [UInt8]) -> [UInt8] {
        guard let first = firstLetter(bytes), "<{".utf8.contains(first),
            var text = String(validating: bytes, as: UTF8.self)
        else { return bytes }
        // As some writers of JSON escape addresses.
        if first == UInt8(ascii: "{") { text = text.replacing(#"\/"#, with: "/").replacing(#"\u0026"#, with: "&") }
        var rewriter = AddressRewriter(.cutNamed)
        let same = rewriter.rewrite(in: text)
        return rewriter.secrets.isEmpty ? bytes : Array(same.utf8)
    }

    /// The same for a file; `nil` if its bytes can be compared as they are: it is not such a document, holds no secrets, or is
    /// too large to be one (more than 64 MB).
    public static func identity(ofDocumentAt path: String) -> [UInt8]? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= mostDocumentBytes,
            let file = fopen(path, "rb")
        else { return nil }
        var head = [UInt8](repeating: 0, count: 64)
        head.removeLast(head.count - fread(&head, 1, head.count, file))
        fclose(file)
        guard let first = firstLetter(head), "<{".utf8.contains(first),
            let content = FileManager.default.contents(atPath: path).map({ [UInt8]($0) })
        else { return nil }
        let same = identity(ofDocument: content)
        return same == content ? nil : same
    }

    private static func firstLetter(_ bytes: [UInt8]) -> UInt8? {
        bytes.first { !" \t\r\n\u{FEFF}".utf8.contains($0) }
    }

    /// The largest document whose addresses are looked at, in bytes: a mosaic of a hundred thousand files has less.
    private static let mostDocumentBytes = 64 << 20
}

// What a file is that is not what its name says: pages, pointers, leftovers of downloads, other programs' formats.
internal import Telemetry

/// Says what a file is by its first bytes, before a parser says what it stumbled over.
///
/// Every reader of weights asks here first, and so may readers of the small JSON files next to them. Readers of other files ask where
/// they cannot read one, and take only what `isReplacement`.
public struct FileNature: Sendable, Equatable {
    /// What the file is, such as "a web page".
    public let what: String
    /// What its content says, such as a page's title.
    public let details: [String]
    /// What to do.
    public let remedy: String
    /// Whether it stands in the place of the file that was meant, whatever that was: a page, a pointer, a message, an unfinished
    /// download, nothing at all.
    public let isReplacement: Bool

    /// Whether the file is a JSON text, which an index or a configuration is rightly.
    public var isJSON: Bool { what == Self.json }
    private static let json = "a JSON text"

    /// The nature of a file; `nil` where it may be weights.
    ///
    /// - Parameters:
    ///   - bytes: All of the file, or its first 64 KiB.
    ///   - path: Its name, which tells the files of a distributed checkpoint.
    public init?(_ bytes: UnsafeRawBufferPointer, path: String) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let start = UnsafeRawBufferPointer(rebasing: bytes.prefix(1 << 16))
        // A length that may be one and the brace of a header: any first byte may begin a safetensors file.
        if start.count > 8, start[8] == UInt8(ascii: "{"),
            UInt64(littleEndian: start.loadUnaligned(as: UInt64.self)) <= UInt64(SafetensorsHeader.limit)
        {
            return nil
        }
        guard
            let found = Self.distributed(start, path: path, name: name) ?? Self.text(start)
                ?? Self.binary(start, name: name)
        else {
            return nil
        }
        self = found
    }

    /// The sentence that says so of a file that should have been something else, such as "a raster".
    public func sentence(insteadOf wanted: String) -> String {
        self == .empty ? "the file is empty" : "the file is \(what), not \(wanted)"
    }

    /// A file without a byte.
    public static let empty = FileNature("empty", isReplacement: true, try: "download or write it again")

    /// The remedy for all parts of a `torch.distributed.checkpoint` in a folder.
    public static func distributedRemedy(folder: String) -> String {
        "merge the folder into one file: python -m torch.distributed.checkpoint.format_utils dcp_to_torch \(shellQuoted(folder)) weights.pth"
    }

    private init(_ what: String, _ details: [String] = [], isReplacement: Bool = false, try remedy: String) {
        self.what = what
        self.details = details
        self.remedy = remedy
        self.isReplacement = isReplacement
    }

    // MARK: Parts of a distributed checkpoint

    private static func distributed(_ start: UnsafeRawBufferPointer, path: String, name: String) -> FileNature? {
        let parent = path.dropLast(name.count)
        let folder = parent.isEmpty ? "." : parent == "/" ? "/" : String(parent.dropLast())
        if name.hasSuffix(".distcp") {
            return FileNature(
                "one part of a distributed checkpoint of PyTorch", try: distributedRemedy(folder: folder))
        }
        let mark = "torch.distributed.checkpoint.metadata"
        guard start.first == 0x80, contains(start.prefix(512), mark) else { return nil }
        return FileNature("the index of a distributed checkpoint of PyTorch", try: distributedRemedy(folder: folder))
    }

    // MARK: Texts

    private static func text(_ start: UnsafeRawBufferPointer) -> FileNature? {
        // A byte order mark and white space may stand before a page.
        var rest = start[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        rest = rest.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let text = String(decoding: rest.prefix(4096), as: UTF8.self)
        let lower = text.lowercased()
        if text.hasPrefix("version https://git-lfs.github.com/spec/") { return pointer(text) }
        if lower.hasPrefix("<!doctype html") || lower.hasPrefix("<html") || lower.hasPrefix("<head") {
            return FileNature(
                "a web page", element("title", of: text).map { ["its title is '\($0)'"] } ?? [],
                isReplacement: true,
                try: "download the file itself: log in, accept the terms if there are any, and follow the file's link"
            )
        }
        if lower.hasPrefix("<?xml") || lower.hasPrefix("<error") {
            let said = ["Code", "Message"].compactMap { element($0, of: text) }
            return FileNature(
                "an XML message from a server", said.isEmpty ? [] : ["it says: \(said.joined(separator: ": "))"],
                // Areas are XML too.
                isReplacement: !said.isEmpty || lower.hasPrefix("<error"),
                try: "download it again; if a signed link has expired, request a new one")
        }
        if text.hasPrefix("{") || text.hasPrefix("[") {
            return FileNature(
                json, ["it begins with \(excerpt(text))"],
                try: "give the weights file; JSON files next to it are found automatically")
        }
        // Words: what a server says in place of a file. A pickle of text has none in its first line.
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        let isText = text.utf8.prefix(512).allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
        if isText, line.contains(" "), line.first?.isLetter == true, !text.unicodeScalars.contains("\u{FFFD}") {
            return FileNature(
                "a text file", ["it begins with \(excerpt(text))"],
                try: "download the file itself; if the server refuses, its message says why")
        }
        return nil
    }

    private static func pointer(_ text: String) -> FileNature {
        func value(_ key: String) -> String? {
            text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(key) ") }.map {
                String($0.dropFirst(key.count + 1))
            }
        }
        let details = ["size", "oid"].compactMap { key in
            value(key).map { key == "size" ? "it stands for a file of \($0) bytes" : "the file's hash is \($0)" }
        }
        return FileNature(
            "a pointer of git-lfs", details, isReplacement: true,
            try:
                "fetch the file that it stands for: install git-lfs, then run 'git lfs pull' in the clone; or download the file itself"
        )
    }

    /// The text of the first element of a name in a page.
    private static func element(_ name: String, of text: String) -> String? {
        // Lower case of ASCII alone, so that places in one text are places in the other.
        let lower = String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
        let name = name.lowercased()
        guard let open = lower.firstRange(of: "<\(name)"),
            let begin = lower[open.upperBound...].firstIndex(of: ">"),
            let end = lower[begin...].firstRange(of: "</\(name)")
        else { return nil }
        func place(_ index: String.Index) -> String.Index {
            text.utf8.index(text.startIndex, offsetBy: lower.utf8.distance(from: lower.startIndex, to: index))
        }
        let inner = text[place(lower.index(after: begin))..<place(end.lowerBound)]
        let words = inner.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? nil : excerpt(words)
    }

    private static func excerpt(_ text: String) -> String {
        let line = String(text.prefix(80)).split(whereSeparator: \.isNewline).joined(separator: " ")
        return String(line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.map(Character.init))
    }

    // MARK: Other formats

    private static let magic: [(bytes: [UInt8], what: String, remedy: String)] = [
        ([0x1F, 0x8B], "compressed with gzip", "unpack it first: gunzip, or tar -xzf"),
        ([0x42, 0x5A, 0x68], "compressed with bzip2", "unpack it first: bunzip2, or tar -xjf"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "compressed with xz", "unpack it first: unxz, or tar -xJf"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", "unpack it first: unzstd"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-zip archive", "unpack it first: 7z x"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file, as Keras writes", pytorch),
        ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "a NumPy array", pytorch),
        ([0x47, 0x47, 0x55, 0x46], "a GGUF file of llama.cpp", pytorch),
        ([0x89, 0x50, 0x4E, 0x47], "a PNG image", "give a weights file; images are inputs"),
        ([0xFF, 0xD8, 0xFF], "a JPEG image", "give a weights file; images are inputs"),
        ([0x49, 0x49, 0x2A, 0x00], "a TIFF image", "give a weights file; images are inputs"),
        ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF image", "give a weights file; images are inputs"),
        ([0x49, 0x49, 0x2B, 0x00], "a BigTIFF image", "give a weights file; images are inputs"),
        ([0x25, 0x50, 0x44, 0x46], "a PDF document", "give the weights file"),
    ]

    private static let pytorch = "give the model's PyTorch weights: a .pth or a .safetensors file"

    private static func binary(_ start: UnsafeRawBufferPointer, name: String) -> FileNature? {
        if name.lowercased().hasSuffix(".onnx") { return FileNature("an ONNX model", try: pytorch) }
        if name.lowercased().hasSuffix(".npz") { return FileNature("an archive of NumPy arrays", try: pytorch) }
        // POSIX tar has its name in the first member's header.
        if start.count >= 263, start[257..<262].elementsEqual("ustar".utf8) {
            return FileNature("a tar archive", try: "unpack it first: tar -xf")
        }
        for (bytes, what, remedy) in magic where start.starts(with: bytes) {
            return FileNature(what, try: remedy)
        }
        if start.count >= 16, start.allSatisfy({ $0 == 0 }) {
            return FileNature(
                "an unfinished download", ["it begins with \(start.count) zero bytes"],
                isReplacement: true, try: "download it again completely")
        }
        return nil
    }

    /// Whether some bytes hold a plain text.
    private static func contains(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: String) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(text)
    }
}

// The members of a tar archive by any writer: where each begins, from its headers. geodino's own shards are simpler (`Tar`).
internal import Files
internal import Telemetry

/// Walks the headers of a tar archive: ustar, and what Python and GNU put before a header for long names and exact dates.
///
/// Format: POSIX.1-2001, "pax Interchange Format"; GNU tar's manual, "Basic Tar Format".
struct TarMembers {
    /// A plain file in the archive.
    struct Member: Equatable {
        let name: String
        /// Its first byte in the archive.
        let offset: Int
        /// Its bytes.
        let size: Int
    }

    /// The most bytes of a long name or a list of attributes.
    private static let attributeLimit = 1 << 20

    private let file: RangedFile<BenchmarksFailure>
    private var place = 0

    /// Lists the plain files of an archive in their order; folders are passed over.
    ///
    /// - Throws: `BenchmarksError`: `badForm` for what is not a tar archive, is damaged or ends within a member; `readFailed`.
    static func list(_ file: RangedFile<BenchmarksFailure>) throws(BenchmarksError) -> [Member] {
        var walk = TarMembers(file: file)
        var members: [Member] = []
        while let member = try walk.next() { members.append(member) }
        return members
    }

    private init(file: RangedFile<BenchmarksFailure>) { self.file = file }

    /// The next plain file; `nil` at the end.
    private mutating func next() throws(BenchmarksError) -> Member? {
        var longName: String?
        var statedSize: Int?
        while place < file.length {
            guard place <= file.length - Tar.blockSize else { throw broken("it ends within a header") }
            let block = try file.read(at: place, count: Tar.blockSize)
            if block.allSatisfy({ $0 == 0 }) { return nil }
            guard let header = TarHeader(block) else { throw broken("there is no header of a member") }
            let isFile = header.type == 0 || header.type == UInt8(ascii: "0")
            let size = isFile ? statedSize ?? header.size : header.size
            let start = place + Tar.blockSize
            guard size <= file.length - start else {
                throw broken(
                    "the member \(quoted(longName ?? header.name)) claims \(size) bytes, but the file ends before that")
            }
            let member = Member(name: longName ?? header.name, offset: start, size: size)
            // The padding of the last member may be missing.
            let end = min(start + Tar.padded(size), file.length)
            switch header.type {
            case 0, UInt8(ascii: "0"):
                place = end
                return member
            case UInt8(ascii: "x"):
                let attributes = try attributes(member)
                longName = attributes["path"] ?? longName
                if let text = attributes["size"] {
                    guard let size = Int(text), size >= 0 else { throw broken("a size is \(quoted(text))") }
                    statedSize = size
                }
            case UInt8(ascii: "L"):
                longName = String(decoding: try data(member).prefix { $0 != 0 }, as: UTF8.self)
            case UInt8(ascii: "g"): break
            case UInt8(ascii: "5"): (longName, statedSize) = (nil, nil)
            default: throw broken("the member \(quoted(member.name)) is not a plain file")
            }
            place = end
        }
        return nil
    }

    /// The attributes before a header: lines of a length, a blank, a name, an equals sign and a value.
    private func attributes(_ member: Member) throws(BenchmarksError) -> [String: String] {
        var rest = try data(member)[...]
        var attributes: [String: String] = [:]
        while let blank = rest.firstIndex(of: UInt8(ascii: " ")) {
            guard let length = Int(String(decoding: rest[..<blank], as: UTF8.self)),
                length > blank - rest.startIndex + 1,
                length <= rest.count
            else { throw broken("the attributes of a member are damaged") }
            let line = rest[(blank + 1)..<(rest.startIndex + length - 1)]
            let pair = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { throw broken("the attributes of a member are damaged") }
            attributes[String(decoding: pair[0], as: UTF8.self)] = String(decoding: pair[1], as: UTF8.self)
            rest = rest[(rest.startIndex + length)...]
        }
        return attributes
    }

    private func data(_ member: Member) throws(BenchmarksError) -> [UInt8] {
        guard member.size <= Self.attributeLimit else {
            throw broken("the attributes of a member claim \(member.size) bytes")
        }
        return try file.read(at: member.offset, count: member.size)
    }

    private func broken(_ cause: String) -> BenchmarksError {
        BenchmarksError(
            .badForm, "the file is not a complete tar archive", in: file.path, why: ["at byte \(place): \(cause)"],
            try: "get the file again; it may be damaged or cut off")
    }
}

/// A header of a tar archive, whose checksum is right.
private struct TarHeader {
    let name: String
    let size: Int
    let type: UInt8

    /// Reads a block of 512 bytes; `nil` where it is not a header.
    init?(_ block: [UInt8]) {
        guard block.count == Tar.blockSize, block[257..<262].elementsEqual("ustar".utf8),
            let sum = Self.octal(block[148..<156]), let size = Self.octal(block[124..<136])
        else { return nil }
        // The checksum is of a block with blanks in its own place.
        let actual = block.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }
        guard sum == actual else { return nil }
        self.size = size
        type = block[156]
        let own = Self.text(block[..<100])
        // GNU keeps dates where POSIX has the beginning of a long name; its "ustar" ends with a blank.
        let start = block[262] == 0 ? Self.text(block[345..<500]) : ""
        name = start.isEmpty ? own : "\(start)/\(own)"
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// An octal number with leading blanks or zeros, and a blank or a zero byte behind; at most 12 digits fit.
    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        guard digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }
}

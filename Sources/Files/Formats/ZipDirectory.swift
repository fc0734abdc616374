// The directory of a zip archive, read with suspicion: where each stored member lies.

/// The members of a zip archive whose contents are stored as they are, as `torch.save` writes them; deflated ones only on request.
///
/// Format: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (64-bit sizes). Otherwise compressed, encrypted and split archives are
/// refused, and so are members that overlap or reach outside.
package struct ZipDirectory {
    /// One member.
    package struct Member {
        /// Its name.
        package let name: String
        /// The byte range of its stored contents in the file.
        package let range: Range<Int>
        /// How many bytes they are once they are inflated; `nil` where they are stored as they are.
        package let inflatedCount: Int?
        /// The checksum of the contents (`CRC32`) that the directory states; it was not checked.
        package let checksum: UInt32
    }

    /// No honest archive of weights has more members.
    static let limit = 1_000_000
    /// DEFLATE makes at most 1032 bytes of one (a bit for a copy of 258 bytes, and one for its distance).
    private static let largestRatio = 1032

    /// In the order of their data.
    package private(set) var members: [Member] = []
    private var places: [String: Int] = [:]

    /// The member of a name.
    package subscript(name: String) -> Member? { places[name].map { members[$0] } }

    /// Reads the directory at the end of an archive.
    ///
    /// - Parameters:
    ///   - bytes: All of the archive.
    ///   - deflated: Whether members may be deflated; their readers inflate them.
    package init(_ bytes: UnsafeRawBufferPointer, deflated: Bool = false) throws(FileComplaint) {
        let reader = LittleEndianBytes(bytes)
        let (count, start, size) = try Self.directory(reader)
        guard count <= Self.limit else {
            throw FileComplaint("its directory claims \(count) members; the limit is \(Self.limit)")
        }
        guard start >= 0, size >= 0, start <= bytes.count, size <= bytes.count - start else {
            throw FileComplaint(
                "its directory claims the bytes from \(start) on, \(size) of them; the file has \(bytes.count)")
        }
        var place = start
        var found: [Member] = []
        for _ in 0..<count {
            found.append(try Self.member(reader, &place, directory: start, end: start + size, deflated))
        }
        members = found.sorted { ($0.range.lowerBound, $0.name) < ($1.range.lowerBound, $1.name) }
        for (a, b) in zip(members, members.dropFirst()) where a.range.upperBound > b.range.lowerBound {
            throw FileComplaint("its members \(quoted(a.name)) and \(quoted(b.name)) overlap")
        }
        for (index, member) in members.enumerated() {
            guard places.updateValue(index, forKey: member.name) == nil else {
                throw FileComplaint("the member \(quoted(member.name)) occurs twice")
            }
        }
    }

    /// Number of members, first byte and size of the directory.
    private static func directory(_ reader: LittleEndianBytes) throws(FileComplaint) -> (Int, Int, Int) {
        let length = reader.bytes.count
        var end = length - 22
        // The record ends with a comment of up to 65535 bytes.
        while end >= max(0, length - 22 - 65535) {
            if try reader.uint32(end) == 0x0605_4B50, try reader.uint16(end + 20) == length - end - 22 { break }
            end -= 1
        }
        guard end >= max(0, length - 22 - 65535) else {
            throw FileComplaint(
                "it begins like a zip archive, but has no directory at its end: it is truncated", isTruncation: true)
        }
        let count = try reader.uint16(end + 10)
        let size = try reader.uint32(end + 12)
        let start = try reader.uint32(end + 16)
        guard count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF else { return (count, start, size) }
        guard end >= 20, try reader.uint32(end - 20) == 0x0706_4B50 else {
            throw FileComplaint("the position of its 64-bit directory is missing")
        }
        let wide = try reader.uint64(end - 12)
        guard try reader.uint32(wide) == 0x0606_4B50 else {
            throw FileComplaint("its 64-bit directory is not at byte \(wide), where it should be")
        }
        return (try reader.uint64(wide + 32), try reader.uint64(wide + 48), try reader.uint64(wide + 40))
    }

    /// Reads one entry of the directory and moves on to the next.
    private static func member(
        _ reader: LittleEndianBytes, _ place: inout Int, directory: Int, end: Int, _ deflated: Bool
    ) throws(FileComplaint) -> Member {
        guard place <= end - 46, try reader.uint32(place) == 0x0201_4B50 else {
            throw FileComplaint("its directory is damaged at byte \(place)")
        }
        let flags = try reader.uint16(place + 8)
        let method = try reader.uint16(place + 10)
        let checksum = UInt32(truncatingIfNeeded: try reader.uint32(place + 16))
        var packed = try reader.uint32(place + 20)
        var size = try reader.uint32(place + 24)
        let nameLength = try reader.uint16(place + 28)
        let extraLength = try reader.uint16(place + 30)
        let commentLength = try reader.uint16(place + 32)
        var local = try reader.uint32(place + 42)
        guard nameLength + extraLength + commentLength <= end - place - 46,
            let name = String(
                validating: UnsafeRawBufferPointer(
                    rebasing: reader.bytes[place + 46..<place + 46 + nameLength]), as: UTF8.self)
        else { throw FileComplaint("its directory is damaged at byte \(place)") }
        var extra = place + 46 + nameLength
        let extraEnd = extra + extraLength
        while extra + 4 <= extraEnd {
            let length = try reader.uint16(extra + 2)
            if try reader.uint16(extra) == 1 {
                // Present in this order, each only where the field of 32 bits is full.
                var field = extra + 4
                func wide(_ value: inout Int) throws(FileComplaint) {
                    guard value == 0xFFFF_FFFF else { return }
                    guard field + 8 <= min(extra + 4 + length, extraEnd) else {
                        throw FileComplaint("the 64-bit sizes of \(quoted(name)) are truncated", isTruncation: true)
                    }
                    value = try reader.uint64(field)
                    field += 8
                }
                try wide(&size)
                try wide(&packed)
                try wide(&local)
            }
            extra += 4 + length
        }
        place = extraEnd + commentLength
        let isDeflated = deflated && method == 8
        guard isDeflated || method == 0 && size == packed else {
            throw FileComplaint(
                "its member \(quoted(name)) is compressed (method \(method)); only members that are stored as they are can be read"
            )
        }
        guard !isDeflated || size / largestRatio <= packed else {
            throw FileComplaint(
                "its member \(quoted(name)) claims \(size) bytes in \(packed) compressed ones, which cannot be")
        }
        guard flags & 1 == 0 else { throw FileComplaint("its member \(quoted(name)) is encrypted") }
        guard local <= directory - 30, try reader.uint32(local) == 0x0403_4B50 else {
            throw FileComplaint("its member \(quoted(name)) is not at byte \(local), where it should be")
        }
        let start = local + 30 + (try reader.uint16(local + 26)) + (try reader.uint16(local + 28))
        guard start <= directory, packed <= directory - start else {
            throw FileComplaint(
                "its member \(quoted(name)) claims \(packed) bytes from byte \(start) on; the file is truncated",
                isTruncation: true)
        }
        return Member(
            name: name, range: start..<start + packed, inflatedCount: isDeflated ? size : nil, checksum: checksum)
    }
}

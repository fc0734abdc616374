// The tar archives that shards are: plain files in ustar headers (POSIX.1-1988), nothing else.

/// Headers of 512 bytes, data padded to 512, two empty blocks at the end.
package enum Tar {
    /// Bytes of a block.
    package static let blockSize = 512
    /// What ends an archive.
    package static let trailer = [UInt8](repeating: 0, count: 2 * blockSize)

    /// A member has fewer bytes than this.
    package static let sizeLimit = 1 << 33

    /// Bytes of data and padding together.
    package static func padded(_ count: Int) -> Int { (count + blockSize - 1) / blockSize * blockSize }

    /// The header of a plain file; time, owner and group are 0, so that equal members are equal bytes.
    ///
    /// The name has at most 100 bytes and the file less than 8 GB: both are ours to choose.
    package static func header(name: String, size: Int) -> [UInt8] {
        precondition(name.utf8.count <= 100, "a tar name has at most 100 bytes, got '\(name)'")
        precondition((0..<sizeLimit).contains(size), "a tar member has less than 8 GB, got \(size)")
        var block = [UInt8](repeating: 0, count: blockSize)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(size, digits: 11), at: 124)
        put("00000000000", at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(sum, digits: 6) + "\0 ", at: 148)
        return block
    }

    /// What a block of 512 bytes is.
    package enum Block: Equatable {
        /// The header of a plain file.
        case member(name: String, size: Int)
        /// One of those at the end.
        case empty
        /// Anything else, in words.
        case broken(String)
    }

    /// Reads a header block.
    package static func parse(_ block: some RandomAccessCollection<UInt8>) -> Block {
        let bytes = Array(block)
        guard bytes.count == blockSize else { return .broken("a header of \(bytes.count) bytes") }
        if bytes.allSatisfy({ $0 == 0 }) { return .empty }
        guard let sum = number(bytes[148..<156]) else { return .broken("a header without checksum") }
        let actual = bytes.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }
        guard sum == actual else { return .broken("a header whose checksum is \(actual), not \(sum)") }
        guard Array(bytes[257..<262]) == Array("ustar".utf8) else { return .broken("a header that is not ustar") }
        guard bytes[156] == UInt8(ascii: "0") || bytes[156] == 0 else {
            return .broken("a member that is not a regular file")
        }
        guard let size = number(bytes[124..<136]) else { return .broken("a header without size") }
        let name = String(decoding: bytes[..<100].prefix { $0 != 0 }, as: UTF8.self)
        return .member(name: name, size: size)
    }

    /// An octal number with leading blanks or zeros and a blank or zero byte behind.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        var value = 0
        var digits = 0
        for byte in field.drop(while: { $0 == 32 }) {
            guard byte != 0, byte != 32 else { break }
            guard (48...55).contains(byte) else { return nil }
            value = value * 8 + Int(byte - 48)
            digits += 1
        }
        return digits > 0 && digits <= 12 ? value : nil
    }
}

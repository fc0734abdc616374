// Bytes that Python wrote as a text, as in the attributes of GEO-Bench's HDF5 files.

/// How Python shows a `bytes` object: `b'\x80\x04...'`.
///
/// Facts of the form: "String and Bytes literals" in Python's language reference, of which `repr` uses a part.
package enum PythonBytes {
    /// The bytes of such a text: one literal with either kind of quotes, and the escapes that `repr` writes.
    ///
    /// - Throws: What is wrong, with the place in the text.
    package static func bytes(of text: String) throws(FileComplaint) -> [UInt8] {
        let signs = Array(text.utf8)
        guard signs.count >= 3, signs[0] == UInt8(ascii: "b"), "'\"".utf8.contains(signs[1]) else {
            throw FileComplaint("the text \(quoted(String(text.prefix(20)))) is not that of a bytes object of Python")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(signs.count)
        var place = 2
        while place < signs.count {
            let sign = signs[place]
            if sign == signs[1] {
                guard place == signs.count - 1 else {
                    throw FileComplaint("the text of a bytes object has more text after its end, at byte \(place)")
                }
                return bytes
            }
            guard (0x20...0x7E).contains(sign) else {
                throw FileComplaint(
                    "the text of a bytes object has a character at byte \(place) that is not printable ASCII")
            }
            if sign != UInt8(ascii: "\\") {
                bytes.append(sign)
                place += 1
                continue
            }
            guard let (byte, length) = escape(signs[(place + 1)...]) else {
                throw FileComplaint("the text of a bytes object has an unknown escape at byte \(place)")
            }
            bytes.append(byte)
            place += 1 + length
        }
        throw FileComplaint("the text of a bytes object has no end", isTruncation: true)
    }

    /// The byte of what follows a backslash, and how many characters that takes.
    private static func escape(_ rest: ArraySlice<UInt8>) -> (byte: UInt8, length: Int)? {
        guard let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "n"): return (0x0A, 1)
        case UInt8(ascii: "t"): return (0x09, 1)
        case UInt8(ascii: "r"): return (0x0D, 1)
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): return (first, 1)
        case UInt8(ascii: "x"):
            let digits = rest.dropFirst().prefix(2)
            // Not `UInt8(_:radix:)` alone, which also takes a sign.
            guard digits.count == 2, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            return (byte, 3)
        default: return nil
        }
    }
}

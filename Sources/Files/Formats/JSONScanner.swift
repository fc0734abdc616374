// Just enough JSON for safetensors headers: objects, strings, lists of whole numbers. Unlike a general decoder it
// reports names that occur twice, and never recurses into what it does not expect.

package struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Reads an object, handing each key to a body that reads the value.
    package mutating func object(
        _ body: (inout JSONScanner, String) throws(FileComplaint) -> Void
    ) throws(FileComplaint) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try body(&self, key)
        } while take(",")
        try expect("}")
    }

    /// Reads a list of whole numbers that are not negative.
    package mutating func integers(of name: String) throws(FileComplaint) -> [Int] {
        try expect("[")
        if take("]") { return [] }
        var values: [Int] = []
        repeat { values.append(try integer(of: name)) } while take(",")
        try expect("]")
        return values
    }

    /// Checks that only blanks follow.
    package mutating func end() throws(FileComplaint) {
        skipBlanks()
        guard position == bytes.count else { throw complaint("text after the object") }
    }

    /// Reads a string.
    package mutating func string() throws(FileComplaint) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw complaint("a string that is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): text.append(contentsOf: try escaped().utf8)
            case 0..<0x20: throw complaint("a control character in a string")
            default: text.append(byte)
            }
        }
        throw complaint("an unterminated string")
    }

    private mutating func integer(of name: String) throws(FileComplaint) -> Int {
        skipBlanks()
        var value = 0
        var digits = 0
        while position < bytes.count, case let digit = Int(bytes[position]) - 48, (0...9).contains(digit) {
            let (tens, first) = value.multipliedReportingOverflow(by: 10)
            let (sum, second) = tens.addingReportingOverflow(digit)
            guard !first, !second else { throw FileComplaint("'\(name)' has a number that does not fit 63 bits") }
            value = sum
            digits += 1
            position += 1
        }
        guard digits > 0 else {
            throw FileComplaint("'\(name)' has something other than a whole number from 0 in a list")
        }
        return value
    }

    private mutating func escaped() throws(FileComplaint) -> String {
        guard position < bytes.count else { throw complaint("an unterminated string") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "u"): return try unicode()
        default: throw complaint("an unknown escape in a string")
        }
    }

    private mutating func unicode() throws(FileComplaint) -> String {
        let first = try hexadecimal()
        if let scalar = UnicodeScalar(first) { return String(Character(scalar)) }
        // Characters beyond 16 bits come as two halves.
        guard (0xD800..<0xDC00).contains(first), take("\\", skippingBlanks: false),
            take("u", skippingBlanks: false)
        else { throw complaint("half of a surrogate pair in a string") }
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = UnicodeScalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw complaint("half of a surrogate pair in a string") }
        return String(Character(scalar))
    }

    private mutating func hexadecimal() throws(FileComplaint) -> UInt32 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw complaint("a bad \\u escape in a string") }
        position += 4
        return value
    }

    private mutating func take(_ character: Unicode.Scalar, skippingBlanks: Bool = true) -> Bool {
        if skippingBlanks { skipBlanks() }
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(FileComplaint) {
        guard take(character) else { throw complaint("no '\(character)' where one is expected") }
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private func complaint(_ fault: String) -> FileComplaint {
        FileComplaint("the header has \(fault), at byte \(position)")
    }
}

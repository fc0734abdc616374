// Reads numbers and names from the bytes of an untrusted file.

/// Whole numbers out of bytes, checked against their end.
package struct LittleEndianBytes {
    /// All bytes.
    package let bytes: UnsafeRawBufferPointer

    /// Reads from bytes.
    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// A number of 16 bits.
    package func uint16(_ place: Int) throws(FileComplaint) -> Int { Int(try load(place, as: UInt16.self)) }

    /// A number of 32 bits.
    package func uint32(_ place: Int) throws(FileComplaint) -> Int { Int(try load(place, as: UInt32.self)) }

    /// A number of 64 bits that must be a place or a size: below 2 to the 62nd.
    package func uint64(_ place: Int) throws(FileComplaint) -> Int {
        let value = try load(place, as: UInt64.self)
        guard value < 1 << 62 else { throw FileComplaint("the number at byte \(place) is not a size") }
        return Int(value)
    }

    private func load<Number: FixedWidthInteger>(_ place: Int, as: Number.Type) throws(FileComplaint) -> Number {
        guard place >= 0, place <= bytes.count - MemoryLayout<Number>.size else {
            throw FileComplaint(
                "it is truncated: a number at byte \(place) is outside its \(bytes.count) bytes", isTruncation: true)
        }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Number.self))
    }
}

/// A name from a file in quotation marks, shortened and without control characters.
package func quoted(_ name: String) -> String {
    let plain = String(String.UnicodeScalarView(name.unicodeScalars.prefix(120).map { $0.value < 0x20 ? "?" : $0 }))
    return "'\(plain)\(name.unicodeScalars.count > 120 ? "..." : "")'"
}

/// The bytes of a number, the lowest first.
package func littleEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

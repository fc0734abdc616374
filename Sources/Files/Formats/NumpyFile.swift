// NumPy's own files: one array (.npy).

/// A file of one array, `.npy` of the versions 1.0 to 3.0.
///
/// Format: NumPy's documentation, `numpy.lib.format`. Arrays of Python objects, which only a pickle can hold, of records and of complex
/// numbers are refused.
package enum NumpyFile {
    /// What such a file begins with.
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// No honest header is longer.
    private static let headerLimit = 1 << 16

    /// The array of a file; bytes after its elements are passed over.
    ///
    /// - Throws: What is wrong with it.
    package static func array(_ bytes: UnsafeRawBufferPointer) throws(FileComplaint) -> NumberArray {
        guard bytes.starts(with: magic) else { throw FileComplaint("it does not begin like a .npy file") }
        let reader = LittleEndianBytes(bytes)
        let version = try reader.uint16(6)  // major, then minor
        guard version == 1 || version == 2 || version == 3 else {
            throw FileComplaint("it is a .npy file of version \(version & 0xFF).\(version >> 8); expected 1.0 to 3.0")
        }
        let start = version == 1 ? 10 : 12
        let length = try version == 1 ? reader.uint16(8) : reader.uint32(8)
        guard length <= headerLimit else {
            throw FileComplaint("its .npy header has \(length) bytes; the limit is \(headerLimit)")
        }
        guard length <= bytes.count - start else {
            throw FileComplaint("its .npy header is truncated", isTruncation: true)
        }
        let header = try NumpyHeader(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
        guard let type = NumpyType(header.description) else {
            throw FileComplaint("its elements are of the type \(quoted(header.description)), which is not supported")
        }
        let held = bytes.count - start - length
        guard let needed = type.byteCount(header.shape) else {
            throw FileComplaint("its array claims the shape \(header.shape), which is impossible")
        }
        guard needed <= held else {
            throw FileComplaint(
                "its array of the shape \(header.shape) needs \(needed) bytes; the file has \(held) for it",
                isTruncation: true)
        }
        let data = UnsafeRawBufferPointer(rebasing: bytes[start + length..<start + length + needed])
        guard let array = type.array(data, shape: header.shape, isFortran: header.isFortran) else {
            throw FileComplaint("its array claims the shape \(header.shape), which is impossible")
        }
        return array
    }
}

/// The header of a `.npy` file: a dictionary as Python writes it.
private struct NumpyHeader {
    private(set) var description = ""
    private(set) var isFortran = false
    private(set) var shape: [Int] = []

    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) throws(FileComplaint) {
        self.bytes = bytes
        var keys: Set<String> = []
        try expect("{")
        while !take("}") {
            let key = try text()
            guard keys.insert(key).inserted else { throw complaint() }
            try expect(":")
            switch key {
            case "descr":
                guard next() != UInt8(ascii: "[") else {
                    throw FileComplaint("its elements are records, which are not supported")
                }
                description = try text()
            case "fortran_order": isFortran = try truth()
            case "shape": shape = try sizes()
            default: throw complaint()
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        guard next() == nil, keys.count == 3 else { throw complaint() }
    }

    private func complaint() -> FileComplaint { FileComplaint("its .npy header is damaged at byte \(place)") }

    /// The next sign that is not a blank, which is not taken.
    private mutating func next() -> UInt8? {
        while place < bytes.count, bytes[place] == 0x20 || bytes[place] == 0x0A { place += 1 }
        return place < bytes.count ? bytes[place] : nil
    }

    private mutating func take(_ sign: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: sign) else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ sign: Unicode.Scalar) throws(FileComplaint) {
        guard take(sign) else { throw complaint() }
    }

    /// A text in either kind of quotes, without escapes.
    private mutating func text() throws(FileComplaint) -> String {
        guard let quote = next(), "'\"".utf8.contains(quote) else { throw complaint() }
        place += 1
        let start = place
        while place < bytes.count, bytes[place] != quote, bytes[place] != UInt8(ascii: "\\") { place += 1 }
        guard place < bytes.count, bytes[place] == quote,
            let text = String(validating: bytes[start..<place], as: UTF8.self)
        else { throw complaint() }
        place += 1
        return text
    }

    private mutating func truth() throws(FileComplaint) -> Bool {
        _ = next()
        for (word, value) in [("True", true), ("False", false)] where bytes[place...].starts(with: word.utf8) {
            place += word.utf8.count
            return value
        }
        throw complaint()
    }

    /// A tuple of sizes, which an old Python may have ended with an L.
    private mutating func sizes() throws(FileComplaint) -> [Int] {
        var sizes: [Int] = []
        try expect("(")
        while !take(")") {
            _ = next()
            let start = place
            while place < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place]) { place += 1 }
            guard let size = Int(String(decoding: bytes[start..<place], as: UTF8.self)) else { throw complaint() }
            sizes.append(size)
            _ = take("L")
            if !take(",") {
                try expect(")")
                break
            }
        }
        return sizes
    }
}

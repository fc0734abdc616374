// How NumPy describes the elements of an array, and how such an array's bytes are put in order.

/// The type of elements in NumPy's words, such as `<f8` for little-endian doubles.
///
/// Facts of the descriptions: NumPy's "array interface" protocol. Complex numbers, dates, Python objects and records are not known.
struct NumpyType: Equatable {
    /// What an element is.
    var element: NumberArray.Element
    /// Whether the bytes of a number or a character begin with the highest.
    var isBigEndian: Bool

    /// The type of a description, with or without the sign of its byte order; `nil` for a type that is not known.
    init?(_ description: String) {
        guard (2...11).contains(description.utf8.count) else { return nil }
        var rest = Array(description.utf8)[...]
        isBigEndian = rest.first == UInt8(ascii: ">")
        if let sign = rest.first, "<>|=".utf8.contains(sign) { rest = rest.dropFirst() }
        guard let kind = rest.popFirst(), (1...9).contains(rest.count),
            rest.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let size = Int(String(decoding: rest, as: UTF8.self))
        else { return nil }
        switch (kind, size) {
        case (UInt8(ascii: "b"), 1): element = .number(.bool)
        case (UInt8(ascii: "u"), 1): element = .number(.uint8)
        case (UInt8(ascii: "u"), 2): element = .number(.uint16)
        case (UInt8(ascii: "u"), 4): element = .number(.uint32)
        case (UInt8(ascii: "u"), 8): element = .number(.uint64)
        case (UInt8(ascii: "i"), 1): element = .number(.int8)
        case (UInt8(ascii: "i"), 2): element = .number(.int16)
        case (UInt8(ascii: "i"), 4): element = .number(.int32)
        case (UInt8(ascii: "i"), 8): element = .number(.int64)
        case (UInt8(ascii: "f"), 2): element = .number(.float16)
        case (UInt8(ascii: "f"), 4): element = .number(.float32)
        case (UInt8(ascii: "f"), 8): element = .number(.float64)
        case (UInt8(ascii: "S"), _): element = .bytes(size)
        case (UInt8(ascii: "U"), _): element = .text(size)
        default: return nil
        }
    }

    /// Number of bytes of all elements of a shape; `nil` where the shape is impossible.
    func byteCount(_ shape: [Int]) -> Int? {
        guard shape.count <= NumberArray.rankLimit, let count = NumberArray.count(of: shape) else { return nil }
        let (total, overflows) = count.multipliedReportingOverflow(by: element.byteCount)
        return overflows ? nil : total
    }

    /// The array of a shape in stored bytes; `nil` where they do not fit each other.
    ///
    /// - Parameters:
    ///   - stored: All elements, in the byte order of the file.
    ///   - shape: Elements along each dimension.
    ///   - isFortran: Whether the first index runs fastest.
    func array(_ stored: UnsafeRawBufferPointer, shape: [Int], isFortran: Bool) -> NumberArray? {
        guard byteCount(shape) == stored.count else { return nil }
        var bytes = isFortran && shape.count > 1 ? rowMajor(stored, shape) : Array(stored)
        let unit = unitCount
        if isBigEndian, unit > 1 {
            for start in stride(from: 0, to: bytes.count - unit + 1, by: unit) {
                for byte in 0..<unit / 2 { bytes.swapAt(start + byte, start + unit - 1 - byte) }
            }
        }
        return NumberArray(element, shape: shape, bytes: bytes)
    }

    /// Bytes of what the byte order turns.
    private var unitCount: Int {
        switch element {
        case .number(let type): type.byteCount
        case .bytes: 1
        case .text: 4
        }
    }

    /// Elements whose first index runs fastest, put so that the last one does.
    private func rowMajor(_ stored: UnsafeRawBufferPointer, _ shape: [Int]) -> [UInt8] {
        let width = element.byteCount
        var bytes = [UInt8](repeating: 0, count: stored.count)
        guard !bytes.isEmpty else { return bytes }
        var strides: [Int] = []
        var step = 1
        for size in shape {
            strides.append(step)
            step *= size
        }
        var index = [Int](repeating: 0, count: shape.count)
        var source = 0
        for target in 0..<stored.count / width {
            for byte in 0..<width { bytes[target * width + byte] = stored[source * width + byte] }
            // The next place in row-major order: the last dimension that is not at its end goes on, those after it
            // start again.
            var axis = shape.count - 1
            while axis >= 0 {
                index[axis] += 1
                source += strides[axis]
                if index[axis] < shape[axis] { break }
                source -= index[axis] * strides[axis]
                index[axis] = 0
                axis -= 1
            }
        }
        return bytes
    }
}

// Numbers or short texts in an array of any shape, as files of NumPy, pickles and HDF5 files hold them.

/// An array of numbers or of texts of fixed width, with the bytes that were stored.
///
/// The last index runs fastest (row-major), and numbers are little-endian, whatever their file had.
package struct NumberArray: Sendable, Equatable {
    /// What an element is.
    package enum Element: Sendable, Equatable {
        /// A number or a truth value.
        case number(ElementType)
        /// So many bytes, filled up with zeros.
        case bytes(Int)
        /// So many characters of 32 bits, filled up with zeros.
        case text(Int)

        /// Bytes per element; 0 for empty texts.
        package var byteCount: Int {
            switch self {
            case .number(let type): type.byteCount
            case .bytes(let count): count
            case .text(let count): count * 4
            }
        }
    }

    /// The most dimensions that an array has, as in NumPy.
    static let rankLimit = 64

    /// What each element is.
    package let element: Element
    /// Number of elements along each dimension; empty for a single value.
    package let shape: [Int]
    /// All elements, one after the other.
    package let bytes: [UInt8]

    /// Makes an array; `nil` where the bytes are not those of the shape.
    package init?(_ element: Element, shape: [Int], bytes: [UInt8]) {
        guard let count = Self.count(of: shape), shape.count <= Self.rankLimit else { return nil }
        let (total, overflows) = count.multipliedReportingOverflow(by: element.byteCount)
        // Elements without a byte could be any number.
        guard !overflows, total == bytes.count, element.byteCount > 0 || count <= 1 else { return nil }
        self.element = element
        self.shape = shape
        self.bytes = bytes
    }

    /// Number of elements of a shape; `nil` where a size is negative or the product does not fit.
    package static func count(of shape: [Int]) -> Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        if shape.contains(0) { return 0 }
        var total = 1
        for size in shape {
            let (product, overflows) = total.multipliedReportingOverflow(by: size)
            guard !overflows else { return nil }
            total = product
        }
        return total
    }

    /// Number of elements.
    package var count: Int { Self.count(of: shape) ?? 0 }

    // MARK: Values

    /// All numbers in double precision, truth values as 0 and 1; `nil` for texts.
    ///
    /// Whole numbers beyond 2^53 are rounded.
    package func doubles() -> [Double]? { numbers(Double.self) }

    /// All numbers in single precision, rounded; `nil` for texts.
    package func floats() -> [Float]? { numbers(Float.self) }

    /// All numbers as whole ones; `nil` where one is not whole or does not fit, and for texts.
    package func integers() -> [Int]? {
        guard case .number(let type) = element else { return nil }
        switch type {
        case .bool: return map(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .uint8: return map(UInt8.self) { Int($0) }
        case .int8: return map(Int8.self) { Int($0) }
        case .uint16: return map(UInt16.self) { Int($0) }
        case .int16: return map(Int16.self) { Int($0) }
        case .uint32: return map(UInt32.self) { Int($0) }
        case .int32: return map(Int32.self) { Int($0) }
        case .int64: return map(Int64.self) { Int($0) }
        case .uint64: return whole(map(UInt64.self) { Int(exactly: $0) })
        case .float16, .bfloat16, .float32, .float64: return whole((doubles() ?? []).map { Int(exactly: $0) })
        }
    }

    /// All numbers as whole ones of 32 bits, which labels are; `nil` where one is not whole or does not fit, and for texts.
    package func int32s() -> [Int32]? { integers().flatMap { whole($0.map { Int32(exactly: $0) }) } }

    /// All texts without the zeros at their ends; `nil` for numbers.
    package func texts() -> [String]? {
        switch element {
        case .number: return nil
        case .bytes(let width):
            return (0..<count).map { place in
                let all = bytes[place * width..<(place + 1) * width]
                let end = all.lastIndex { $0 != 0 }.map { $0 + 1 } ?? all.startIndex
                return String(decoding: all[..<end], as: UTF8.self)
            }
        case .text(let width):
            let units = bytes.withUnsafeBytes { buffer in
                (0..<buffer.count / 4).map {
                    UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
                }
            }
            return (0..<count).map { place in
                let all = units[place * width..<(place + 1) * width]
                let end = all.lastIndex { $0 != 0 }.map { $0 + 1 } ?? all.startIndex
                return String(decoding: all[..<end], as: UTF32.self)
            }
        }
    }

    private func numbers<Number: BinaryFloatingPoint>(_: Number.Type) -> [Number]? {
        guard case .number(let type) = element else { return nil }
        switch type {
        case .bool: return map(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .uint8: return map(UInt8.self) { Number($0) }
        case .int8: return map(Int8.self) { Number($0) }
        case .uint16: return map(UInt16.self) { Number($0) }
        case .int16: return map(Int16.self) { Number($0) }
        case .uint32: return map(UInt32.self) { Number($0) }
        case .int32: return map(Int32.self) { Number($0) }
        case .uint64: return map(UInt64.self) { Number($0) }
        case .int64: return map(Int64.self) { Number($0) }
        case .float16: return map(UInt16.self) { Number(Self.half($0)) }
        case .bfloat16: return map(UInt16.self) { Number(Float(bitPattern: UInt32($0) << 16)) }
        case .float32: return map(UInt32.self) { Number(Float(bitPattern: $0)) }
        case .float64: return map(UInt64.self) { Number(Double(bitPattern: $0)) }
        }
    }

    /// Every stored number, changed.
    private func map<Stored: FixedWidthInteger, Value>(_: Stored.Type, _ body: (Stored) -> Value) -> [Value] {
        let width = MemoryLayout<Stored>.size
        return bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / width).map {
                body(Stored(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * width, as: Stored.self)))
            }
        }
    }

    /// The value of a number of IEEE half precision: 1 bit of sign, 5 of exponent, 10 of fraction.
    private static func half(_ bits: UInt16) -> Float {
        let sign: Float = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 0x1F)
        let fraction = Float(bits & 0x3FF)
        if exponent == 0x1F { return fraction == 0 ? sign * .infinity : .nan }
        // Both factors are exact in single precision.
        if exponent == 0 { return sign * fraction * 0x1p-24 }
        return sign * (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
    }
}

/// All of a list; `nil` where one is missing.
private func whole<Value>(_ values: [Value?]) -> [Value]? {
    let found = values.compactMap { $0 }
    return found.count == values.count ? found : nil
}

// Arrays of numbers as one band of pixels.
package import Files
package import Geo

extension NumberArray {
    /// The array as one band; `nil` for texts and for more than two dimensions.
    ///
    /// One dimension becomes a row, and a single value one pixel. 8-bit numbers and 16-bit ones keep their type (8 bits with sign become
    /// 16); all others become single precision, rounded to the nearest. Where a number in floating point is no measurement (not a
    /// number, infinite, or a fill at the end of the range) the pixel is not valid.
    package func pixels() -> PixelBuffer? {
        guard shape.count <= 2, case .number(let type) = element else { return nil }
        let (height, width) = (shape.count == 2 ? shape[0] : 1, shape.last ?? 1)
        guard let samples = samples(type) else { return nil }
        var validity: [Bool]?
        if case .float32(let values) = samples, values.contains(where: { !$0.isMeasurement }) {
            validity = values.map(\.isMeasurement)
        }
        return PixelBuffer(bands: 1, height: height, width: width, samples: samples, validity: validity)
    }

    private func samples(_ type: ElementType) -> PixelBuffer.Samples? {
        switch type {
        case .uint8: return .uint8(bytes)
        case .bool: return .uint8(bytes.map { $0 == 0 ? 0 : 1 })
        case .uint16:
            guard let values = integers() else { return nil }
            return .uint16(values.map { UInt16(truncatingIfNeeded: $0) })
        case .int8, .int16:
            guard let values = integers() else { return nil }
            return .int16(values.map { Int16(truncatingIfNeeded: $0) })
        case .uint32, .int32, .uint64, .int64, .float16, .bfloat16, .float32, .float64:
            guard let values = floats() else { return nil }
            return .float32(values)
        }
    }
}

// Values out of tensors, and pixels in.
internal import CTorchAPI
public import Geo

extension Tensor {
    /// The values in row-major order as float32; they are copied, converted where need be.
    public func floats() -> [Float] { copied(.float32, Float(0)) }

    /// The values in row-major order as float64.
    public func doubles() -> [Double] { copied(.float64, 0.0) }

    /// The values in row-major order as integers, fractions cut off.
    public func ints() -> [Int] { copied(.int64, 0) }

    /// The bytes of the elements in row-major order, in the tensor's own type.
    public func bytes() -> [UInt8] {
        let total = count * dtype.byteCount
        return copied(dtype, UInt8(0), elements: total)
    }

    /// The value of a tensor with one element.
    public func item() -> Double {
        var value = Double.nan
        perform("item", [self]) { ct.pointee.item(handle, &value) }
        return value
    }

    /// Whether no element is infinite or NaN.
    public var isAllFinite: Bool {
        var answer: Int32 = 0
        perform("isAllFinite", [self]) { ct.pointee.is_all_finite(handle, &answer) }
        return answer != 0
    }

    /// Reads the elements in place; the tensor must be contiguous on the CPU.
    public func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        var pointer: UnsafeMutableRawPointer?
        perform("withBytes", [self]) { ct.pointee.data(handle, &pointer) }
        let total = pointer == nil ? 0 : count * dtype.byteCount
        return try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: pointer, count: total))
        }
    }

    /// Writes the elements in place; the tensor must be contiguous on the CPU.
    func withMutableBytes<Value>(_ body: (UnsafeMutableRawBufferPointer) throws -> Value) rethrows
        -> Value
    {
        var pointer: UnsafeMutableRawPointer?
        perform("withMutableBytes", [self]) { ct.pointee.data(handle, &pointer) }
        let total = pointer == nil ? 0 : count * dtype.byteCount
        return try withExtendedLifetime(self) {
            try body(UnsafeMutableRawBufferPointer(start: pointer, count: total))
        }
    }

    private func copied<Value>(_ type: DType, _ zero: Value, elements: Int? = nil) -> [Value] {
        let elements = elements ?? count
        guard elements > 0 else { return [] }
        // Of an undefined tensor there is nothing to copy.
        return [Value](unsafeUninitializedCapacity: elements) { buffer, initialized in
            var done = false
            perform("copying values", [self]) {
                let status = ct.pointee.copy_out(
                    handle, type.rawValue, buffer.baseAddress, elements * MemoryLayout<Value>.stride)
                done = status == CT_OK
                return status
            }
            initialized = done ? elements : 0
        }
    }
}

extension Tensor {
    /// The samples of pixels as `[bands, height, width]`: 8-bit ones as uint8, all others as float32.
    public convenience init(_ pixels: PixelBuffer) {
        let shape = [pixels.bands, pixels.height, pixels.width]
        let made: Tensor =
            switch pixels.samples {
            case .uint8(let samples): Tensor(samples, shape: shape)
            case .float32(let samples): Tensor(samples, shape: shape)
            case .uint16, .int16: Tensor(pixels.floats(), shape: shape)
            }
        self.init(owning: made.retained())
    }
}

// New tensors from values, and of one value.
internal import CTorchAPI

extension Tensor {
    /// A float32 tensor from values in row-major order.
    public convenience init(_ values: [Float], shape: [Int], device: Device = .cpu) {
        self.init(copying: values, shape: shape, dtype: .float32, device: device)
    }

    /// A float64 tensor from values in row-major order.
    @_disfavoredOverload  // number literals make float32
    public convenience init(_ values: [Double], shape: [Int], device: Device = .cpu) {
        self.init(copying: values, shape: shape, dtype: .float64, device: device)
    }

    /// An int64 tensor from values in row-major order.
    @_disfavoredOverload  // number literals make float32
    public convenience init(_ values: [Int], shape: [Int], device: Device = .cpu) {
        self.init(copying: values, shape: shape, dtype: .int64, device: device)
    }

    /// A uint8 tensor from values in row-major order.
    @_disfavoredOverload  // number literals make float32
    package convenience init(_ values: [UInt8], shape: [Int], device: Device = .cpu) {
        self.init(copying: values, shape: shape, dtype: .uint8, device: device)
    }

    /// A boolean tensor from values in row-major order.
    @_disfavoredOverload  // number literals make float32
    public convenience init(_ values: [Bool], shape: [Int], device: Device = .cpu) {
        self.init(copying: values, shape: shape, dtype: .bool, device: device)
    }

    /// A vector of float32.
    package convenience init(_ values: [Float]) { self.init(values, shape: [values.count]) }

    /// A vector of int64.
    @_disfavoredOverload  // number literals make float32
    public convenience init(_ values: [Int]) { self.init(values, shape: [values.count]) }

    /// A tensor without dimensions.
    public convenience init(_ value: Double, dtype: DType = .float32, device: Device = .cpu) {
        let made = Tensor.full([], value, dtype: dtype, device: device)
        self.init(owning: made.retained())
    }

    private convenience init<Value>(copying values: [Value], shape: [Int], dtype: DType, device: Device) {
        precondition(
            values.count == shape.reduce(1, *), "the shape \(shape) does not hold \(values.count) values")
        let made = values.withUnsafeBytes { Tensor.copying($0, shape: shape, dtype: dtype) }
        let placed = device == .cpu ? made : made.to(device)
        self.init(owning: placed.retained())
    }

    /// A second reference to the same libtorch tensor.
    func retained() -> ct_tensor? {
        if let handle { ct.pointee.retain(handle) }
        return handle
    }

    /// A tensor with a copy of the bytes of its elements, in row-major order and the machine's byte order.
    static func copying(_ bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) -> Tensor {
        make("copying", []) {
            ct.pointee.from_bytes(bytes.baseAddress, bytes.count, shape, shape.count, dtype.rawValue, $0)
        }
    }

    /// A tensor over memory of someone else, without a copy.
    ///
    /// The owner is kept alive until libtorch lets go of the memory. The memory must be writable, or nobody
    /// may write to the tensor.
    public static func wrapping(
        _ bytes: UnsafeRawBufferPointer, owner: AnyObject, shape: [Int], dtype: DType
    ) -> Tensor {
        let needed = shape.reduce(dtype.byteCount, *)
        precondition(bytes.count == needed, "\(shape) \(dtype) needs \(needed) bytes, got \(bytes.count)")
        guard let base = bytes.baseAddress, bytes.count > 0 else { return zeros(shape, dtype: dtype) }
        let context = Unmanaged.passRetained(owner)
        let tensor = make("wrapping", []) {
            ct.pointee.from_buffer(
                UnsafeMutableRawPointer(mutating: base), shape, shape.count, dtype.rawValue,
                { if let context = $0 { Unmanaged<AnyObject>.fromOpaque(context).release() } },
                context.toOpaque(), $0)
        }
        if !tensor.isDefined { context.release() }
        return tensor
    }

    /// A tensor of one value.
    public static func full(
        _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        make("full", []) {
            ct.pointee.full(shape, shape.count, value, dtype.rawValue, device.kind, device.index, $0)
        }
    }

    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(shape, 0, dtype: dtype, device: device)
    }

    /// A tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(shape, 1, dtype: dtype, device: device)
    }

    /// A tensor of whatever was in the memory; to be written to before it is read.
    static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        make("empty", []) {
            ct.pointee.empty(shape, shape.count, dtype.rawValue, device.kind, device.index, $0)
        }
    }

    /// The unit matrix `[size, size]`.
    public static func eye(_ size: Int, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        make("eye", []) { ct.pointee.eye(size, size, dtype.rawValue, device.kind, device.index, $0) }
    }

    /// Zeros of the shape, type and device of this tensor.
    public func zerosLike() -> Tensor { make("zerosLike", [self]) { ct.pointee.zeros_like(handle, $0) } }

    /// The values as another type; the tensor itself where it has that type.
    public func to(_ dtype: DType) -> Tensor { to(dtype, device) }

    /// The values on another device; the tensor itself where it is there.
    public func to(_ device: Device) -> Tensor { to(dtype, device) }

    private func to(_ dtype: DType, _ device: Device) -> Tensor {
        make("to", [self]) { ct.pointee.to(handle, dtype.rawValue, device.kind, device.index, $0) }
    }

    /// A copy in memory of its own, with the same gradients.
    public func cloned() -> Tensor { make("cloned", [self]) { ct.pointee.clone(handle, $0) } }

    /// The values in order and without gaps; the tensor itself where it is so already.
    public func contiguous() -> Tensor { make("contiguous", [self]) { ct.pointee.contiguous(handle, $0) } }

    /// Takes the values of another tensor, converted and broadcast where need be.
    ///
    /// Where the tensor's history counts for gradients this is an error; state and weights are changed inside `withoutGradient`.
    @discardableResult
    public func copy_(_ other: Tensor) -> Tensor {
        perform("copy_", [self, other]) { ct.pointee.copy_(handle, other.handle) }
        return self
    }
}

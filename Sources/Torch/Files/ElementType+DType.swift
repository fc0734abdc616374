// Which tensors stored elements become.
public import Files

extension ElementType {
    /// The type of a tensor of such elements; `nil` where tensors have none.
    public var dtype: DType? {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        case .int8, .uint16, .int16, .uint32, .uint64: nil
        }
    }

    /// How a tensor's elements are stored.
    public init(_ dtype: DType) {
        switch dtype {
        case .bool: self = .bool
        case .uint8: self = .uint8
        case .int32: self = .int32
        case .int64: self = .int64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .float32: self = .float32
        case .float64: self = .float64
        }
    }
}

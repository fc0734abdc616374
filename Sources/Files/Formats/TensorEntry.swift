// What a file of weights lists: names, element types and shapes; and the sentence that says why a file is no such file.

/// The type of stored elements, by the names of the safetensors format.
public enum ElementType: String, Sendable, CaseIterable {
    /// True or false, one byte.
    case bool = "BOOL"
    /// 8 bits without sign.
    case uint8 = "U8"
    /// 8 bits with sign.
    case int8 = "I8"
    /// 16 bits without sign.
    case uint16 = "U16"
    /// 16 bits with sign.
    case int16 = "I16"
    /// 32 bits without sign.
    case uint32 = "U32"
    /// 32 bits with sign.
    case int32 = "I32"
    /// 64 bits without sign.
    case uint64 = "U64"
    /// 64 bits with sign.
    case int64 = "I64"
    /// IEEE half precision.
    case float16 = "F16"
    /// The upper half of single precision.
    case bfloat16 = "BF16"
    /// IEEE single precision.
    case float32 = "F32"
    /// IEEE double precision.
    case float64 = "F64"

    /// Bytes per element.
    public var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        }
    }
}

/// One named array of a file of weights.
public struct TensorEntry: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Type of the elements.
    public let type: ElementType
    /// Number of elements along each dimension.
    public let shape: [Int]

    /// Makes an entry.
    public init(name: String, type: ElementType, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Bytes of all elements; `nil` where a size is negative or the product does not fit.
    public var byteCount: Int? {
        var total = type.byteCount
        for size in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { return nil }
            total = product
        }
        return total
    }
}

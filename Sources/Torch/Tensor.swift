// The tensor: one handle of libtorch's, released when nobody holds it any more.
internal import CTorchAPI

/// The type of a tensor's elements.
public enum DType: Int32, Sendable, CaseIterable, Codable {
    /// 8 bits without sign.
    case uint8 = 0
    /// 32 bits with sign.
    case int32 = 3
    /// 64 bits with sign.
    case int64 = 4
    /// IEEE half precision.
    case float16 = 5
    /// IEEE single precision.
    case float32 = 6
    /// IEEE double precision.
    case float64 = 7
    /// True or false, one byte.
    case bool = 11
    /// The upper half of single precision.
    case bfloat16 = 15

    /// Bytes per element.
    public var byteCount: Int {
        switch self {
        case .uint8, .bool: 1
        case .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// Whether it is one of the floating-point types.
    var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        case .uint8, .int32, .int64, .bool: false
        }
    }
}

/// Where a tensor's elements lie.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    /// Main memory.
    case cpu
    /// The memory of a GPU, by its index.
    case cuda(Int)

    /// Index of the NVIDIA card; `nil` for the processor.
    package var card: Int? { if case .cuda(let index) = self { index } else { nil } }

    /// `cpu` or `cuda:0`.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// Reads `cpu`, `cuda` or `cuda:N`; `nil` for anything else.
    public init?(_ text: String) {
        switch text {
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), (0..<1024).contains(index)
            else { return nil }
            self = .cuda(index)
        }
    }

    var kind: Int32 { self == .cpu ? Int32(CT_CPU) : Int32(CT_CUDA) }

    var index: Int32 {
        guard case .cuda(let index) = self else { return 0 }
        return Int32(index)
    }
}

/// An array of numbers of any rank, with gradients.
///
/// A reference: two names of one tensor see each other's in-place changes, whose names end in `_`. Not
/// Sendable: a tensor lives on one thread, and loader threads hand over bytes. Dimensions below 0 count from
/// the last. Operations do not throw; see `catchingTorchErrors`.
public final class Tensor {
    /// libtorch's own tensor; `nil` is the undefined tensor, which failed operations return.
    let handle: ct_tensor?

    /// Takes over a handle.
    init(owning handle: ct_tensor?) {
        self.handle = handle
    }

    /// The undefined tensor, which inside a scope every operation passes on.
    package static var undefined: Tensor { Tensor(owning: nil) }

    deinit {
        if let handle { ct.pointee.release(handle) }
    }

    /// False for what a failed operation returned.
    public var isDefined: Bool { handle != nil }

    /// Number of elements along each dimension.
    public var shape: [Int] {
        let rank = ct.pointee.rank(handle)
        return [Int](unsafeUninitializedCapacity: rank) { buffer, count in
            ct.pointee.sizes(handle, buffer.baseAddress)
            count = rank
        }
    }

    /// Number of dimensions.
    var rank: Int { ct.pointee.rank(handle) }

    /// Number of elements.
    public var count: Int { ct.pointee.count(handle) }

    /// Type of the elements.
    public var dtype: DType {
        let number = ct.pointee.dtype(handle)
        if number == -1 { return .float32 }  // undefined: an error is on its way
        guard let dtype = DType(rawValue: number) else {
            fatalError("a tensor has libtorch's scalar type \(number), which this program does not use")
        }
        return dtype
    }

    /// Where the elements lie.
    public var device: Device {
        var index: Int32 = 0
        return ct.pointee.device(handle, &index) == CT_CUDA ? .cuda(Int(index)) : .cpu
    }

    /// Shape, type and device for messages, such as `[2, 3] float32`.
    var summary: String {
        guard isDefined else { return "undefined" }
        let place = device == .cpu ? "" : " on \(device)"
        return "\(shape) \(dtype)\(place)"
    }
}

extension Tensor: CustomStringConvertible {
    /// Shape, type and the first values.
    public var description: String {
        guard isDefined else { return "Tensor(undefined)" }
        let first = flattened().narrow(dim: 0, start: 0, length: Swift.min(count, 6))
        let values = dtype.isFloatingPoint ? first.doubles().map { "\($0)" } : first.ints().map { "\($0)" }
        return "Tensor(\(summary): \(values.joined(separator: ", "))\(count > 6 ? ", ..." : ""))"
    }
}

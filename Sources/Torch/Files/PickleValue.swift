// What the restricted unpickler knows: plain values, containers, and tensors by the place of their storage.
internal import Files

/// A value of a pickle.
///
/// Containers live in the machine's arena and are named by their index, so that no nesting is
/// too deep and no cycle keeps memory.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(String)
    /// A text of bytes; its contents are of no use here.
    case bytes
    /// A global of the allowed list, such as `torch.FloatStorage`.
    case global(PickleGlobal)
    /// A container, a storage or a tensor.
    case node(Int)
}

/// What a `PickleValue.node` names.
enum PickleNode {
    case list([PickleValue])
    case tuple([PickleValue])
    case dictionary([(key: PickleValue, value: PickleValue)])
    case storage(PickleStorage)
    case tensor(PickleTensor)
}

/// The only globals that a pickle of weights may name; nothing else is looked up, and none of these is Python.
enum PickleGlobal: Hashable {
    /// A dictionary that keeps its order.
    case orderedDictionary
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    case rebuildTensor
    /// `torch._utils._rebuild_tensor_v3`, with an element type of its own.
    case rebuildTensorOfType
    /// `torch._utils._rebuild_parameter`.
    case rebuildParameter
    /// `torch.Size`.
    case size
    /// The storage of an element type.
    case storage(ElementType)
    /// A storage of bytes; the tensor tells the type.
    case untypedStorage
    /// An element type, such as `torch.bfloat16`.
    case type(ElementType)

    /// The global of a module and a name; `nil` for all others.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorOfType
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", "Size"): self = .size
        case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .untypedStorage
        case ("torch", _):
            if let type = Self.storages[name] {
                self = .storage(type)
            } else if let type = Self.types[name] {
                self = .type(type)
            } else {
                return nil
            }
        default: return nil
        }
    }

    private static let storages: [String: ElementType] = [
        "BoolStorage": .bool, "ByteStorage": .uint8, "CharStorage": .int8, "ShortStorage": .int16, "IntStorage": .int32,
        "LongStorage": .int64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "FloatStorage": .float32,
        "DoubleStorage": .float64,
    ]
    private static let types: [String: ElementType] = [
        "bool": .bool, "uint8": .uint8, "int8": .int8, "uint16": .uint16, "int16": .int16, "uint32": .uint32,
        "int32": .int32, "uint64": .uint64, "int64": .int64, "float16": .float16, "bfloat16": .bfloat16,
        "float32": .float32, "float64": .float64,
    ]
}

/// Memory that tensors lie in.
struct PickleStorage {
    /// The name of its bytes in the file.
    let key: String
    /// The type of its elements; `nil` for plain bytes.
    let type: ElementType?
    /// Number of elements, or of bytes where there is no type.
    let count: Int
}

/// A view of a storage.
struct PickleTensor {
    let storage: PickleStorage
    let type: ElementType
    /// First element.
    let offset: Int
    let shape: [Int]
    /// Elements from one place to the next along each dimension.
    let strides: [Int]

    /// Number of elements; the unpickler has checked that the storage holds them.
    var count: Int { shape.contains(0) ? 0 : shape.reduce(1, *) }

    /// Whether the elements lie in row-major order without gaps.
    var isContiguous: Bool {
        if shape.contains(0) { return true }
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            if stride != expected { return false }
            expected *= size
        }
        return true
    }
}

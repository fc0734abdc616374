// The pickles that PyTorch writes: dictionaries of tensors, by the place of their storage.
internal import Files

/// What a pickle of weights may name.
enum TensorPickle: PickleVocabulary {
    typealias Name = PickleGlobal

    static let purpose = "rebuilding tensors"
    /// No honest pickle of weights is longer, as the weights themselves lie elsewhere.
    static let limit = 64_000_000
    /// The most dimensions that a tensor has.
    private static let rankLimit = 16

    /// What is rebuilt.
    enum Object {
        case storage(PickleStorage)
        case tensor(PickleTensor)
    }

    static func name(module: String, _ name: String) -> PickleGlobal? { PickleGlobal(module: module, name: name) }

    static func call(
        _ function: PickleGlobal, _ arguments: [Value], in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self> {
        switch function {
        case .orderedDictionary: return arguments.isEmpty ? .node(.dictionary([])) : .misfit("a dictionary")
        case .size: return arguments.count == 1 ? .value(arguments[0]) : .misfit("a size")
        case .rebuildParameter:
            guard let data = arguments.first, case .node(let index) = data,
                case .object(.tensor) = machine.nodes[index]
            else { return .misfit("a parameter") }
            return .value(data)
        case .rebuildTensor, .rebuildTensorOfType:
            guard let tensor = try tensor(arguments, typed: function == .rebuildTensorOfType, machine) else {
                return .misfit("a tensor")
            }
            return .node(.object(.tensor(tensor)))
        case .storage, .untypedStorage, .type: return .refused("calls a type, which")
        }
    }

    /// `("storage", type, key, location, count)`, with a sixth item in files of the old format.
    static func object(named name: Value, in machine: PickleMachine<Self>) -> PickleAnswer<Self> {
        guard let items = machine.tuple(name), (5...6).contains(items.count), case .text("storage") = items[0],
            case .global(let kind) = items[1], case .text(let key) = items[2], case .int(let count) = items[4],
            count >= 0
        else { return .refused("names something other than a storage, which") }
        if items.count == 6 {
            guard case .none = items[5] else { return .refused("names a part of a storage, which") }
        }
        switch kind {
        case .storage(let type):
            return .node(.object(.storage(PickleStorage(key: key, type: type, count: count))))
        case .untypedStorage: return .node(.object(.storage(PickleStorage(key: key, type: nil, count: count))))
        default: return .refused("names a storage without a type, which")
        }
    }

    /// `(storage, offset, size, stride, ...)`; `nil` where the arguments do not fit.
    private static func tensor(
        _ arguments: [Value], typed: Bool, _ machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleTensor? {
        guard arguments.count >= (typed ? 7 : 4), case .node(let index) = arguments[0],
            case .object(.storage(let storage)) = machine.nodes[index], case .int(let offset) = arguments[1],
            let shape = sizes(arguments[2], machine), let strides = sizes(arguments[3], machine),
            shape.count == strides.count,
            shape.count <= rankLimit, offset >= 0
        else { return nil }
        let type: ElementType
        if typed {
            guard case .global(.type(let given)) = arguments[6] else { return nil }
            type = given
        } else {
            guard let given = storage.type else { return nil }
            type = given
        }
        // A file must hold what it claims: views that repeat elements could claim any amount of memory.
        let held = storage.byteCount == .max ? 0 : storage.byteCount / type.byteCount
        var elements = 1
        var last = offset
        var overflows = false
        for (size, stride) in zip(shape, strides) {
            let (product, first) = elements.multipliedReportingOverflow(by: size)
            let (reach, second) = max(size - 1, 0).multipliedReportingOverflow(by: stride)
            let (sum, third) = last.addingReportingOverflow(reach)
            overflows = overflows || first || second || third
            (elements, last) = (product, sum)
        }
        guard !overflows, offset <= held, elements <= held, elements == 0 || last < held else {
            throw FileComplaint(
                """
                a tensor of the shape \(shape) with the strides \(strides) from element \(offset) on is not inside \
                its storage \(quoted(storage.key)) of \(held) elements
                """)
        }
        return PickleTensor(storage: storage, type: type, offset: offset, shape: shape, strides: strides)
    }

    /// Whole numbers from 0 of a tuple or a list.
    private static func sizes(_ value: Value, _ machine: PickleMachine<Self>) -> [Int]? {
        guard case .node(let index) = value else { return nil }
        let items: [Value]
        switch machine.nodes[index] {
        case .tuple(let values), .list(let values): items = values
        default: return nil
        }
        var sizes: [Int] = []
        for case .int(let size) in items where size >= 0 { sizes.append(size) }
        return sizes.count == items.count ? sizes : nil
    }
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

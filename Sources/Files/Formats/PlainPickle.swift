// Pickles of plain data and arrays of NumPy: anything else that they name stays a name.

/// What a pickle of plain data is made of.
///
/// Classes, functions and objects are kept by their names with what they were to be made of; none is looked up and none is run.
/// Values are only referred to here, never copied, so that a pickle takes no more memory than its bytes allow.
enum PlainPickle: PickleVocabulary {
    typealias Name = PlainName

    static let purpose = "plain data"
    /// Enough for what describes one image, with a mask of 500 pixels squared.
    static let limit = 4_000_000
    static let hasObjects = true

    /// What is made besides plain data.
    enum Object {
        /// Anything that is only named.
        case opaque(PlainRecord)
        /// A `numpy.dtype`.
        case type(NumpyType)
        /// An array whose contents are still to come.
        case unfilled
        /// An array.
        indirect case array(PlainArray)
        /// A single value of a `numpy.dtype`.
        indirect case scalar(type: Value, data: Value)
        /// Bytes as a text, one a character (Latin-1), which is how protocols 0 to 2 write them.
        case latin(String)
        /// The set of a list's items.
        case set(Value)
    }

    /// The longest name that a class or a function has, in bytes.
    private static let nameLimit = 200

    static func name(module: String, _ name: String) -> PlainName? {
        guard module.utf8.count + name.utf8.count <= nameLimit else { return nil }
        return PlainName(module: module, name: name)
    }

    static func call(
        _ function: PlainName, _ arguments: [Value], in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self> {
        made(function, arguments, machine) ?? opaque(function, arguments)
    }

    static func called(
        _ function: Value, _ arguments: [Value], named: Value?, in machine: PickleMachine<Self>
    ) -> PickleAnswer<Self>? {
        switch function {
        case .global(let name): return opaque(name, arguments, named: named)
        case .node(let index):
            if case .object(.opaque(let record)) = machine.nodes[index] {
                return opaque(record.name, arguments, named: named)
            }
            return nil
        default: return nil
        }
    }

    static func extend(_ object: Object, with items: [Value], arePairs: Bool) -> Bool {
        guard case .opaque(let record) = object else { return false }
        // As Python has it, whatever was put in first decides what the object is.
        if record.items.isEmpty { record.arePairs = arePairs }
        if record.arePairs == arePairs { record.items += items }
        return true
    }

    static func object(
        named name: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self> { .refused("names data outside the file, which") }

    static func built(
        _ object: Object, from state: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> Object? {
        switch object {
        case .opaque(let record):
            record.state = state
            return object
        case .type(let type): return described(type, by: state, machine)
        case .unfilled:
            // (version, shape, type, whether the first index runs fastest, data)
            guard let items = machine.tuple(state), items.count == 5, let shape = sizes(items[1], machine),
                case .bool(let isFortran) = items[3]
            else { return .opaque(PlainRecord(.array, state: state)) }
            return .array(PlainArray(type: items[2], shape: shape, isFortran: isFortran, data: items[4]))
        case .array, .scalar, .latin, .set: return nil
        }
    }

    // MARK: What is known

    /// What a known function makes; `nil` for an unknown one, and for arguments that are not the usual ones.
    private static func made(
        _ function: PlainName, _ arguments: [Value], _ machine: PickleMachine<Self>
    ) -> PickleAnswer<Self>? {
        guard let role = function.role else { return nil }
        switch (role, arguments.count) {
        case (.dictionary, 0), (.dictionaryWithDefault, 0...1): return .node(.dictionary([]))
        case (.set, 0): return .node(.list([]))
        case (.set, 1): return .node(.object(.set(arguments[0])))
        case (.bytes, 0): return .value(.bytes(0..<0))
        case (.bytes, 1):
            switch arguments[0] {
            case .bytes: return .value(arguments[0])
            case .node(let index):
                guard case .object(.latin) = machine.nodes[index] else { return nil }
                return .value(arguments[0])
            default: return nil
            }
        case (.encode, 2), (.bytes, 2):
            guard case .text(let text) = arguments[0], case .text(let encoding) = arguments[1],
                encoding == "latin1" || encoding == "latin-1"
            else { return nil }
            return .node(.object(.latin(text)))
        case (.attribute, 2):
            guard case .global(let owner) = arguments[0], case .text(let attribute) = arguments[1],
                owner.module.utf8.count + owner.name.utf8.count + attribute.utf8.count < nameLimit
            else { return nil }
            return .value(.global(PlainName(module: owner.module, name: "\(owner.name).\(attribute)")))
        case (.reconstruct, 3):
            guard case .global(let kind) = arguments[0], kind.role == .arrayClass else { return nil }
            return .node(.object(.unfilled))
        case (.fromBuffer, 4):
            // (data, type, shape, order)
            guard let shape = sizes(arguments[2], machine), case .text(let order) = arguments[3],
                order == "C" || order == "F"
            else { return nil }
            let array = PlainArray(type: arguments[1], shape: shape, isFortran: order == "F", data: arguments[0])
            return .node(.object(.array(array)))
        case (.type, 1...):
            guard case .text(let description) = arguments[0], let type = NumpyType(description) else { return nil }
            return .node(.object(.type(type)))
        case (.scalar, 2): return .node(.object(.scalar(type: arguments[0], data: arguments[1])))
        default: return nil
        }
    }

    private static func opaque(
        _ name: PlainName, _ arguments: [Value], named: Value? = nil
    ) -> PickleAnswer<Self> { .node(.object(.opaque(PlainRecord(name, arguments, named: named)))) }

    /// A type with its state: (version, byte order, type of parts, names of parts, parts, size, alignment, flags).
    private static func described(_ type: NumpyType, by state: Value, _ machine: PickleMachine<Self>) -> Object {
        guard let items = machine.tuple(state), items.count >= 5, case .text(let order) = items[1],
            case .none = items[2], case .none = items[3], case .none = items[4]
        else { return .opaque(PlainRecord(.type, state: state)) }
        var type = type
        type.isBigEndian = order == ">"
        return .type(type)
    }

    /// The sizes of a shape; `nil` where they are none, or too many.
    private static func sizes(_ value: Value, _ machine: PickleMachine<Self>) -> [Int]? {
        guard let items = machine.tuple(value), items.count <= NumberArray.rankLimit else { return nil }
        var sizes: [Int] = []
        for case .int(let size) in items where size >= 0 { sizes.append(size) }
        return sizes.count == items.count ? sizes : nil
    }
}

/// The name of a class or a function, which is never looked up.
struct PlainName: Hashable {
    let module: String
    let name: String

    /// The class of arrays, where one has nothing but that name.
    static let array = PlainName(module: "numpy", name: "ndarray")
    /// The class of types, where one has nothing but that name.
    static let type = PlainName(module: "numpy", name: "dtype")

    /// What the names stand for that plain data and arrays need.
    enum Role {
        case dictionary, dictionaryWithDefault, set, bytes, encode, attribute
        case arrayClass, reconstruct, fromBuffer, type, scalar
    }

    /// The role of the name; `nil` for all others.
    var role: Role? {
        switch (module, name) {
        case ("collections", "OrderedDict"): .dictionary
        case ("collections", "defaultdict"): .dictionaryWithDefault
        case ("builtins", "set"), ("builtins", "frozenset"), ("__builtin__", "set"), ("__builtin__", "frozenset"): .set
        case ("builtins", "bytes"), ("builtins", "bytearray"), ("__builtin__", "bytes"), ("__builtin__", "bytearray"):
            .bytes
        case ("builtins", "getattr"), ("__builtin__", "getattr"): .attribute
        case ("_codecs", "encode"): .encode
        case ("numpy", "ndarray"): .arrayClass
        case ("numpy", "dtype"): .type
        case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"): .reconstruct
        case ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"): .scalar
        case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"): .fromBuffer
        default: nil
        }
    }
}

/// What a pickle says of something that is only named.
final class PlainRecord {
    let name: PlainName
    let arguments: [PickleValue<PlainName>]
    let named: PickleValue<PlainName>?
    var state: PickleValue<PlainName>?
    /// Items that were appended, or keys and values in turn.
    var items: [PickleValue<PlainName>] = []
    var arePairs = false

    init(
        _ name: PlainName, _ arguments: [PickleValue<PlainName>] = [], named: PickleValue<PlainName>? = nil,
        state: PickleValue<PlainName>? = nil
    ) {
        self.name = name
        self.arguments = arguments
        self.named = named
        self.state = state
    }
}

/// What a pickle says of an array.
struct PlainArray {
    /// Its `numpy.dtype`.
    let type: PickleValue<PlainName>
    let shape: [Int]
    /// Whether the first index runs fastest.
    let isFortran: Bool
    /// Its bytes.
    let data: PickleValue<PlainName>
}

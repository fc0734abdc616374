// A restricted unpickler: it rebuilds plain data, and of other things only what its vocabulary lists. Python's pickle is a
// program for a stack machine that may call any function; this machine knows no function, only the few steps of its list.

/// Reads one pickle (protocols 0 to 5).
///
/// Facts of the format: Python's pickletools. Whatever the vocabulary does not know is refused by its opcode, its
/// place and, where it has one, its name. Nothing is ever looked up or executed.
package struct PickleMachine<Vocabulary: PickleVocabulary> {
    /// A value on the machine's stack.
    package typealias Value = PickleValue<Vocabulary.Name>
    /// What a value of the kind `node` names.
    package typealias Node = PickleNode<Vocabulary>

    /// The contents of nodes.
    package private(set) var nodes: [Node] = []

    private let bytes: UnsafeRawBufferPointer
    private var place = 0
    private var stack: [Value] = []
    private var marks: [Int] = []
    private var memo: [Int: Value] = [:]

    /// Reads a pickle.
    ///
    /// - Returns: The machine with its nodes, the value at the top, and where the pickle ends.
    package static func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(FileComplaint) -> (machine: PickleMachine, value: Value, end: Int) {
        guard bytes.count <= Vocabulary.limit else {
            throw FileComplaint("its pickle has \(bytes.count) bytes; the limit is \(Vocabulary.limit)")
        }
        var machine = PickleMachine(bytes)
        let value = try machine.run()
        return (machine, value, machine.place)
    }

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Bytes of the pickle, such as those of a `PickleValue.bytes`.
    package func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// The items of a tuple; `nil` for anything else.
    package func tuple(_ value: Value) -> [Value]? {
        guard case .node(let index) = value, case .tuple(let items) = nodes[index] else { return nil }
        return items
    }

    // MARK: Opcodes

    private mutating func run() throws(FileComplaint) -> Value {
        while true {
            let start = place
            let code = try byte()
            switch code {
            case 0x2E: return try pop(start)  // STOP
            case 0x80:  // PROTO
                let version = try byte()
                guard version <= 5 else { throw refusal("PROTO", start, "of version \(version); expected 0 to 5") }
            case 0x95: _ = try take(8)  // FRAME
            case 0x28: marks.append(stack.count)  // MARK
            case 0x30: _ = try pop(start)  // POP
            case 0x31: _ = try popToMark(start)  // POP_MARK
            case 0x32: stack.append(try top(start))  // DUP
            case 0x4E: stack.append(.none)  // NONE
            case 0x88: stack.append(.bool(true))  // NEWTRUE
            case 0x89: stack.append(.bool(false))  // NEWFALSE
            case 0x4A: stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))  // BININT
            case 0x4B: stack.append(.int(try number(1)))  // BININT1
            case 0x4D: stack.append(.int(try number(2)))  // BININT2
            case 0x8A: stack.append(try long(count: try number(1)))  // LONG1
            case 0x8B: stack.append(try long(count: try number(4)))  // LONG4
            case 0x49, 0x4C: stack.append(try decimal(start))  // INT, LONG
            case 0x47:  // BINFLOAT, big-endian
                let bits = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                stack.append(.float(Double(bitPattern: bits)))
            case 0x46: stack.append(.float(Double(try line()) ?? .nan))  // FLOAT
            case 0x8C: stack.append(.text(try text(try number(1), start)))  // SHORT_BINUNICODE
            case 0x58: stack.append(.text(try text(try number(4), start)))  // BINUNICODE
            case 0x8D: stack.append(.text(try text(try number(8), start)))  // BINUNICODE8
            case 0x55: stack.append(.text(try text(try number(1), start)))  // SHORT_BINSTRING
            case 0x54: stack.append(.text(try text(try number(4), start)))  // BINSTRING
            case 0x56: stack.append(.text(try line()))  // UNICODE
            case 0x43: try skip(try number(1))  // SHORT_BINBYTES
            case 0x42: try skip(try number(4))  // BINBYTES
            case 0x8E: try skip(try number(8))  // BINBYTES8
            case 0x5D: push(.list([]))  // EMPTY_LIST
            case 0x29: push(.tuple([]))  // EMPTY_TUPLE
            case 0x7D: push(.dictionary([]))  // EMPTY_DICT
            case 0x6C: push(.list(try popToMark(start)))  // LIST
            case 0x74: push(.tuple(try popToMark(start)))  // TUPLE
            case 0x64: push(.dictionary(try pairs(try popToMark(start), start)))  // DICT
            case 0x85: push(.tuple(try pop(1, start)))  // TUPLE1
            case 0x86: push(.tuple(try pop(2, start)))  // TUPLE2
            case 0x87: push(.tuple(try pop(3, start)))  // TUPLE3
            case 0x61: try append([try pop(start)], start)  // APPEND
            case 0x65: try append(try popToMark(start), start)  // APPENDS
            case 0x73: try set(try pop(2, start), start)  // SETITEM
            case 0x75: try set(try popToMark(start), start)  // SETITEMS
            case 0x71: memo[try number(1)] = try top(start)  // BINPUT
            case 0x72: memo[try number(4)] = try top(start)  // LONG_BINPUT
            case 0x94: memo[memo.count] = try top(start)  // MEMOIZE
            case 0x70: memo[try index(start)] = try top(start)  // PUT
            case 0x68: stack.append(try remembered(try number(1), start))  // BINGET
            case 0x6A: stack.append(try remembered(try number(4), start))  // LONG_BINGET
            case 0x67: stack.append(try remembered(try index(start), start))  // GET
            case 0x63: try global("GLOBAL", module: try line(), name: try line(), start)  // GLOBAL
            case 0x93:  // STACK_GLOBAL
                let names = try pop(2, start)
                guard case .text(let module) = names[0], case .text(let name) = names[1] else {
                    throw refusal("STACK_GLOBAL", start, "without a module and a name")
                }
                try global("STACK_GLOBAL", module: module, name: name, start)
            case 0x52: try call(try pop(2, start), "REDUCE", start)  // REDUCE
            case 0x62: try build(start)  // BUILD
            case 0x51:  // BINPERSID
                let name = try pop(start)
                try take(Vocabulary.object(named: name, in: self), "BINPERSID", start)
            case 0x81 where Vocabulary.hasObjects: try call(try pop(2, start), "NEWOBJ", start)  // NEWOBJ
            case 0x92 where Vocabulary.hasObjects: try call(try pop(3, start), "NEWOBJ_EX", start)  // NEWOBJ_EX
            case 0x8F where Vocabulary.hasObjects: push(.list([]))  // EMPTY_SET
            case 0x90 where Vocabulary.hasObjects: try append(try popToMark(start), start)  // ADDITEMS
            case 0x91 where Vocabulary.hasObjects: push(.list(try popToMark(start)))  // FROZENSET
            case 0x96 where Vocabulary.hasObjects: try skip(try number(8))  // BYTEARRAY8
            default: throw refusal(Self.names[code] ?? "0x\(String(code, radix: 16))", start, nil)
            }
        }
    }

    /// Names of opcodes that exist and are never part of data, or only where the vocabulary has objects.
    private static var names: [UInt8: String] {
        [
            0x50: "PERSID", 0x69: "INST", 0x6F: "OBJ", 0x53: "STRING", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1",
            0x83: "EXT2", 0x84: "EXT4", 0x8F: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET", 0x96: "BYTEARRAY8",
            0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
        ]
    }

    private func refusal(_ opcode: String, _ start: Int, _ detail: String?) -> FileComplaint {
        FileComplaint(
            """
            the opcode \(opcode) at byte \(start) of its pickle\(detail.map { " " + $0 } ?? "") does not belong to \
            \(Vocabulary.purpose); nothing was run
            """)
    }

    // MARK: Bytes

    private mutating func byte() throws(FileComplaint) -> UInt8 { try take(1)[0] }

    private mutating func take(_ count: Int) throws(FileComplaint) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - place else {
            throw FileComplaint("its pickle is truncated at byte \(place) of \(bytes.count)", isTruncation: true)
        }
        defer { place += count }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
    }

    /// A little-endian number without sign.
    private mutating func number(_ count: Int) throws(FileComplaint) -> Int {
        Int(truncatingIfNeeded: try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    private mutating func skip(_ count: Int) throws(FileComplaint) {
        _ = try take(count)
        stack.append(.bytes(place - count..<place))
    }

    /// A little-endian number with sign; more than 8 bytes are kept as what they are, too large to be of use.
    private mutating func long(count: Int) throws(FileComplaint) -> Value {
        let digits = try take(count)
        guard count <= 8 else { return .large }
        guard let last = digits.last else { return .int(0) }
        let start: UInt64 = last & 0x80 == 0 ? 0 : .max
        return .int(Int(truncatingIfNeeded: digits.reversed().reduce(start) { $0 << 8 | UInt64($1) }))
    }

    private mutating func line() throws(FileComplaint) -> String {
        let start = place
        while try byte() != 0x0A {}
        guard let text = String(validating: bytes[start..<place - 1], as: UTF8.self) else {
            throw FileComplaint("its pickle has a line at byte \(start) that is not UTF-8")
        }
        return text
    }

    private mutating func text(_ count: Int, _ start: Int) throws(FileComplaint) -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw FileComplaint("its pickle has a text at byte \(start) that is not UTF-8")
        }
        return text
    }

    private mutating func decimal(_ start: Int) throws(FileComplaint) -> Value {
        let text = try line()
        if text == "00" || text == "01" { return .bool(text == "01") }
        guard let value = Int(text.hasSuffix("L") ? String(text.dropLast()) : text) else {
            throw FileComplaint("its pickle has no number at byte \(start), where one is expected")
        }
        return .int(value)
    }

    private mutating func index(_ start: Int) throws(FileComplaint) -> Int {
        guard case .int(let index) = try decimal(start), index >= 0 else {
            throw FileComplaint("its pickle has no index at byte \(start), where one is expected")
        }
        return index
    }

    // MARK: Stack

    private mutating func push(_ node: Node) {
        nodes.append(node)
        stack.append(.node(nodes.count - 1))
    }

    private func top(_ start: Int) throws(FileComplaint) -> Value {
        guard stack.count > (marks.last ?? 0), let value = stack.last else { throw underflow(start) }
        return value
    }

    private mutating func pop(_ start: Int) throws(FileComplaint) -> Value {
        let value = try top(start)
        stack.removeLast()
        return value
    }

    private mutating func pop(_ count: Int, _ start: Int) throws(FileComplaint) -> [Value] {
        guard stack.count - (marks.last ?? 0) >= count else { throw underflow(start) }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark(_ start: Int) throws(FileComplaint) -> [Value] {
        guard let mark = marks.popLast() else { throw underflow(start) }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private func underflow(_ start: Int) -> FileComplaint {
        FileComplaint("its pickle takes more from the stack than is there, at byte \(start)")
    }

    private func remembered(_ index: Int, _ start: Int) throws(FileComplaint) -> Value {
        guard let value = memo[index] else {
            throw FileComplaint("its pickle reads a memo that it never wrote, at byte \(start)")
        }
        return value
    }

    // MARK: Containers

    private func pairs(
        _ values: [Value], _ start: Int
    ) throws(FileComplaint) -> [(key: Value, value: Value)] {
        guard values.count % 2 == 0 else {
            throw FileComplaint("its pickle has a key without a value, at byte \(start)")
        }
        return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
    }

    private mutating func append(_ values: [Value], _ start: Int) throws(FileComplaint) {
        if extendObject(with: values, arePairs: false) { return }
        guard case .node(let index) = try top(start), case .list(var items) = nodes[index] else {
            throw FileComplaint("its pickle appends to something that is not a list, at byte \(start)")
        }
        nodes[index] = .list([])  // so that the items are not copied
        items += values
        nodes[index] = .list(items)
    }

    private mutating func set(_ values: [Value], _ start: Int) throws(FileComplaint) {
        let more = try pairs(values, start)
        if extendObject(with: values, arePairs: true) { return }
        guard case .node(let index) = try top(start), case .dictionary(var items) = nodes[index] else {
            throw FileComplaint("its pickle sets an item of something that is not a dictionary, at byte \(start)")
        }
        nodes[index] = .dictionary([])  // so that the items are not copied
        items += more
        nodes[index] = .dictionary(items)
    }

    /// Puts items into the object at the top of the stack; `false` where there is none that takes any.
    private func extendObject(with values: [Value], arePairs: Bool) -> Bool {
        guard stack.count > (marks.last ?? 0), case .node(let index)? = stack.last,
            case .object(let object) = nodes[index]
        else { return false }
        return Vocabulary.extend(object, with: values, arePairs: arePairs)
    }

    // MARK: Rebuilding

    private mutating func global(
        _ opcode: String, module: String, name: String, _ start: Int
    ) throws(FileComplaint) {
        guard let known = Vocabulary.name(module: module, name) else {
            throw refusal(opcode, start, "names \(quoted("\(module).\(name)")), which")
        }
        stack.append(.global(known))
    }

    /// A call: the function, its arguments as a tuple, and perhaps named arguments.
    private mutating func call(_ values: [Value], _ opcode: String, _ start: Int) throws(FileComplaint) {
        let arguments = tuple(values[1])
        if case .global(let function) = values[0], let arguments, values.count == 2 {
            try take(Vocabulary.call(function, arguments, in: self), opcode, start)
        } else if let arguments,
            let answer = Vocabulary.called(
                values[0], arguments, named: values.count > 2 ? values[2] : nil, in: self)
        {
            try take(answer, opcode, start)
        } else {
            throw refusal(opcode, start, "calls a function that is not on the allowed list, which")
        }
    }

    /// Puts on the stack what the vocabulary made.
    private mutating func take(_ answer: PickleAnswer<Vocabulary>, _ opcode: String, _ start: Int) throws(FileComplaint)
    {
        switch answer {
        case .value(let value): stack.append(value)
        case .node(let node): push(node)
        case .misfit(let what):
            throw FileComplaint("its pickle rebuilds \(what) from arguments that do not fit, at byte \(start)")
        case .refused(let detail): throw refusal(opcode, start, detail)
        }
    }

    /// State that is laid onto an object: dictionaries drop it, since it is notes; the vocabulary decides for its own objects.
    private mutating func build(_ start: Int) throws(FileComplaint) {
        let state = try pop(start)
        guard case .node(let index) = try top(start) else {
            throw refusal("BUILD", start, "changes an object that is not a dictionary, which")
        }
        switch nodes[index] {
        case .dictionary: break
        case .object(let object):
            guard let built = try Vocabulary.built(object, from: state, in: self) else { fallthrough }
            nodes[index] = .object(built)
        default: throw refusal("BUILD", start, "changes an object that is not a dictionary, which")
        }
    }
}

/// What a `PickleValue.node` names.
package enum PickleNode<Vocabulary: PickleVocabulary> {
    case list([PickleValue<Vocabulary.Name>])
    case tuple([PickleValue<Vocabulary.Name>])
    case dictionary([(key: PickleValue<Vocabulary.Name>, value: PickleValue<Vocabulary.Name>)])
    case object(Vocabulary.Object)
}

/// The list of what a kind of pickle may name, and what becomes of it; nothing else is looked up, and none of it is Python.
package protocol PickleVocabulary {
    /// A global that may be named.
    associatedtype Name: Hashable
    /// What is rebuilt besides plain data.
    associatedtype Object
    typealias Value = PickleValue<Name>

    /// What such a pickle is for, in words, such as `rebuilding tensors`.
    static var purpose: String { get }
    /// The most bytes that an honest pickle of this kind has.
    static var limit: Int { get }
    /// Whether there are sets, byte arrays, and objects that are made of classes; other pickles with such opcodes are refused.
    static var hasObjects: Bool { get }
    /// The global of a module and a name; `nil` for all that are not on the list.
    static func name(module: String, _ name: String) -> Name?
    /// What a function of the list makes of its arguments.
    static func call(
        _ function: Name, _ arguments: [Value], in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self>
    /// The result of a call with named arguments, or of a call of something other than a global; `nil` if not allowed.
    static func called(
        _ function: Value, _ arguments: [Value], named: Value?, in machine: PickleMachine<Self>
    ) -> PickleAnswer<Self>?
    /// Puts items into an object, or keys and values in turn; `false` where that is not allowed.
    static func extend(_ object: Object, with items: [Value], arePairs: Bool) -> Bool
    /// Resolves a persistent ID, which refers to data outside the pickle.
    static func object(named name: Value, in machine: PickleMachine<Self>) throws(FileComplaint) -> PickleAnswer<Self>
    /// An object with the state that is laid onto it; `nil` where that is not allowed.
    static func built(
        _ object: Object, from state: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> Object?
}

extension PickleVocabulary {
    /// Nothing but lists, tuples, dictionaries and what the functions of the list make.
    package static var hasObjects: Bool { false }

    /// Only functions of the list are called, and their arguments have no names.
    package static func called(
        _ function: Value, _ arguments: [Value], named: Value?, in machine: PickleMachine<Self>
    ) -> PickleAnswer<Self>? { nil }

    /// Objects take no items.
    package static func extend(_ object: Object, with items: [Value], arePairs: Bool) -> Bool { false }

    /// Objects are whole when they are made.
    package static func built(
        _ object: Object, from state: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> Object? { nil }
}

/// What a vocabulary answers.
package enum PickleAnswer<Vocabulary: PickleVocabulary> {
    /// A plain value.
    case value(PickleValue<Vocabulary.Name>)
    /// A container or an object.
    case node(PickleNode<Vocabulary>)
    /// The arguments do not fit what was to be rebuilt: `a tensor`.
    case misfit(String)
    /// It is not allowed; what it does, as a part of a sentence.
    case refused(String)
}

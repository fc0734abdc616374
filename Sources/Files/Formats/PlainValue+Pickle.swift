// Out of the unpickler's arena into plain values, with an eye on how much a small pickle may unfold to.

extension PlainValue {
    /// Reads a pickle of plain data (protocols 0 to 5); bytes after its end are passed over.
    ///
    /// What is not plain data becomes `opaque`: nothing is looked up or run. An object that refers to itself by way of its own state
    /// has only its name there.
    ///
    /// - Throws: What is wrong: the pickle is truncated or damaged, has an opcode that does not belong to data, holds a
    ///   list that holds itself, is nested more than 100 deep, or unfolds to more than a million values or 64 MiB.
    package init(pickle bytes: UnsafeRawBufferPointer) throws(FileComplaint) {
        let (machine, value, _) = try PickleMachine<PlainPickle>.read(bytes)
        var unfolding = PlainUnfolding(machine)
        self = try unfolding.unfold(value, depth: 0).value
    }

    /// Reads a pickle of plain data; see above.
    package init(pickle bytes: [UInt8]) throws(FileComplaint) {
        let result = bytes.withUnsafeBytes { buffer -> Result<PlainValue, FileComplaint> in
            do throws(FileComplaint) { return .success(try PlainValue(pickle: buffer)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }
}

/// How much there is below a value, all that is shared counted wherever it occurs.
private struct PlainExtent {
    /// The most values: lists that hold one list twice, and so on, would otherwise double with every few bytes.
    static let valueLimit = 1_000_000
    static let byteLimit = 64 << 20
    static let heightLimit = 100

    var values = 1
    var bytes = 0
    /// The longest way down.
    var height = 1

    /// Takes in what is below an item.
    mutating func add(_ item: PlainExtent) throws(FileComplaint) {
        values += item.values
        bytes += item.bytes
        height = max(height, item.height + 1)
        guard values <= Self.valueLimit else {
            throw FileComplaint("it unfolds to more than \(Self.valueLimit) values")
        }
        guard bytes <= Self.byteLimit else { throw FileComplaint("it unfolds to more than \(Self.byteLimit) bytes") }
        guard height <= Self.heightLimit else {
            throw FileComplaint("its values are nested more than \(Self.heightLimit) deep")
        }
    }
}

/// Makes plain values of what the machine has read, each node once.
private struct PlainUnfolding {
    typealias Stored = PickleValue<PlainName>
    /// A value and how much it is.
    struct Unfolded {
        var value: PlainValue
        var extent = PlainExtent()
    }

    private let machine: PickleMachine<PlainPickle>
    private var finished: [Int: Unfolded] = [:]
    private var unfinished: Set<Int> = []
    /// All that was made so far: items of containers, and bytes.
    private var made = PlainExtent()

    init(_ machine: PickleMachine<PlainPickle>) { self.machine = machine }

    mutating func unfold(_ stored: Stored, depth: Int) throws(FileComplaint) -> Unfolded {
        switch stored {
        case .none: return try leaf(.null)
        case .bool(let value): return try leaf(.bool(value))
        case .int(let value): return try leaf(.int(value))
        case .large: return try leaf(.opaque(PlainObject(name: "builtins.int")))
        case .float(let value): return try leaf(.float(value))
        case .text(let text): return try leaf(.text(text), bytes: text.utf8.count)
        case .bytes(let range): return try leaf(.bytes(Array(machine.slice(range))), bytes: range.count)
        case .global(let name): return try named(name)
        case .node(let index):
            if let before = finished[index] { return before }
            guard unfinished.insert(index).inserted else {
                guard case .object(.opaque(let record)) = machine.nodes[index] else {
                    throw FileComplaint("it has a list or a dictionary that holds itself")
                }
                return try named(record.name)
            }
            guard depth < PlainExtent.heightLimit else {
                throw FileComplaint("its values are nested more than \(PlainExtent.heightLimit) deep")
            }
            let result = try unfold(node: machine.nodes[index], depth: depth)
            unfinished.remove(index)
            finished[index] = result
            return result
        }
    }

    private mutating func unfold(node: PickleNode<PlainPickle>, depth: Int) throws(FileComplaint) -> Unfolded {
        switch node {
        case .list(let items), .tuple(let items): return try list(items, depth)
        case .dictionary(let items): return try map(items, depth)
        case .object(.opaque(let record)): return try object(record, depth)
        case .object(.type): return try named(.type)
        case .object(.unfilled): return try named(.array)
        case .object(.array(let array)):
            let found = try numbers(array.type, shape: array.shape, isFortran: array.isFortran, array.data)
            guard let values = found else { return try named(.array) }
            return try leaf(.array(values), bytes: values.bytes.count)
        case .object(.scalar(let type, let data)):
            guard let values = try numbers(type, shape: [], isFortran: false, data) else { return try named(.array) }
            return try leaf(single(values), bytes: values.bytes.count)
        case .object(.latin(let text)):
            let bytes = try latin(text)
            return try leaf(.bytes(bytes), bytes: bytes.count)
        case .object(.set(let items)):
            let unfolded = try unfold(items, depth: depth + 1)
            if case .list = unfolded.value { return unfolded }
            return try leaf(.opaque(PlainObject(name: "builtins.set")))
        }
    }

    /// A value that holds no others.
    private mutating func leaf(_ value: PlainValue, bytes: Int = 0) throws(FileComplaint) -> Unfolded {
        try count(values: 0, bytes: bytes)
        return Unfolded(value: value, extent: PlainExtent(bytes: bytes))
    }

    /// Something of which only the name is of use.
    private mutating func named(_ name: PlainName) throws(FileComplaint) -> Unfolded {
        try leaf(.opaque(PlainObject(name: name.dotted)), bytes: name.dotted.utf8.count)
    }

    /// Counts what is made, so that a pickle cannot make much before its end shows that it is too much.
    private mutating func count(values: Int, bytes: Int = 0) throws(FileComplaint) {
        try made.add(PlainExtent(values: values, bytes: bytes, height: 0))
    }

    // MARK: Containers

    private mutating func list(_ items: [Stored], _ depth: Int) throws(FileComplaint) -> Unfolded {
        var extent = PlainExtent()
        var values: [PlainValue] = []
        for item in items {
            let unfolded = try unfold(item, depth: depth + 1)
            try extent.add(unfolded.extent)
            try count(values: 1)
            values.append(unfolded.value)
        }
        return Unfolded(value: .list(values), extent: extent)
    }

    /// As in Python, a key that is set again keeps its place and has its last value.
    private mutating func map(
        _ items: [(key: Stored, value: Stored)], _ depth: Int
    ) throws(FileComplaint) -> Unfolded {
        var extent = PlainExtent()
        var entries: [PlainEntry] = []
        var texts: [String: Int] = [:]
        var numbers: [Int: Int] = [:]
        for item in items {
            let key = try unfold(item.key, depth: depth + 1)
            let value = try unfold(item.value, depth: depth + 1)
            try extent.add(key.extent)
            try extent.add(value.extent)
            try count(values: 2)
            var place: Int?
            switch key.value {
            case .text(let text): place = texts.updateValue(texts[text] ?? entries.count, forKey: text)
            case .int(let number): place = numbers.updateValue(numbers[number] ?? entries.count, forKey: number)
            default: break
            }
            let entry = PlainEntry(key: key.value, value: value.value)
            if let place { entries[place] = entry } else { entries.append(entry) }
        }
        return Unfolded(value: .map(entries), extent: extent)
    }

    private mutating func object(_ record: PlainRecord, _ depth: Int) throws(FileComplaint) -> Unfolded {
        let name = record.name.dotted
        var extent = PlainExtent(bytes: name.utf8.count)
        try count(values: 0, bytes: name.utf8.count)
        var arguments: [PlainValue] = []
        for argument in record.arguments {
            arguments.append(try part(argument, &extent, depth))
        }
        if let named = record.named { arguments.append(try part(named, &extent, depth)) }
        var state: PlainValue?
        if let stored = record.state { state = attributes(try part(stored, &extent, depth)) }
        var contents: PlainValue?
        if !record.items.isEmpty {
            let unfolded: Unfolded
            if record.arePairs {
                let pairs = stride(from: 0, to: record.items.count - 1, by: 2).map {
                    (key: record.items[$0], value: record.items[$0 + 1])
                }
                unfolded = try map(pairs, depth + 1)
            } else {
                unfolded = try list(record.items, depth + 1)
            }
            try extent.add(unfolded.extent)
            contents = unfolded.value
        }
        let object = PlainObject(name: name, arguments: arguments, state: state, contents: contents)
        return Unfolded(value: .opaque(object), extent: extent)
    }

    /// A part of an object, whose extent it adds to.
    private mutating func part(
        _ stored: Stored, _ extent: inout PlainExtent, _ depth: Int
    ) throws(FileComplaint) -> PlainValue {
        let unfolded = try unfold(stored, depth: depth + 1)
        try extent.add(unfolded.extent)
        try count(values: 1)
        return unfolded.value
    }

    /// The state of an object whose class has slots is a pair: its attributes or nothing, and those in slots.
    private func attributes(_ state: PlainValue) -> PlainValue {
        guard case .list(let parts) = state, parts.count == 2, case .map(let slots) = parts[1] else { return state }
        switch parts[0] {
        case .null: return parts[1]
        case .map(let others): return .map(others + slots)
        default: return state
        }
    }

    // MARK: Arrays

    /// The array of a type, a shape and bytes; `nil` where the type is not known.
    private func numbers(
        _ type: Stored, shape: [Int], isFortran: Bool, _ data: Stored
    ) throws(FileComplaint) -> NumberArray? {
        guard case .node(let index) = type, case .object(.type(let known)) = machine.nodes[index] else { return nil }
        let stored: UnsafeRawBufferPointer
        switch data {
        case .bytes(let range): stored = machine.slice(range)
        case .node(let index):
            guard case .object(.latin(let text)) = machine.nodes[index] else { return nil }
            // Each character is one byte, written in one or two.
            let length = text.utf8.count
            if let needed = known.byteCount(shape), needed <= length, length - needed <= needed {
                let bytes = try latin(text)
                if let array = bytes.withUnsafeBytes({ known.array($0, shape: shape, isFortran: isFortran) }) {
                    return array
                }
            }
            throw misfit(shape, known, length)
        default: return nil
        }
        guard let array = known.array(stored, shape: shape, isFortran: isFortran) else {
            throw misfit(shape, known, stored.count)
        }
        return array
    }

    private func misfit(_ shape: [Int], _ type: NumpyType, _ count: Int) -> FileComplaint {
        FileComplaint(
            "its array of the shape \(shape) with \(type.element.byteCount) bytes an element does not fit its \(count) bytes"
        )
    }

    /// The only value of an array.
    private func single(_ values: NumberArray) -> PlainValue {
        switch values.element {
        case .number(.bool): return .bool(values.bytes[0] != 0)
        case .number(.float16), .number(.bfloat16), .number(.float32), .number(.float64):
            return .float(values.doubles()?.first ?? .nan)
        case .number:
            guard let value = values.integers()?.first else { return .opaque(PlainObject(name: "builtins.int")) }
            return .int(value)
        case .text: return .text(values.texts()?.first ?? "")
        case .bytes:
            let end = values.bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
            return .bytes(Array(values.bytes[..<end]))
        }
    }

    /// The bytes of a text with one a character.
    private func latin(_ text: String) throws(FileComplaint) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else {
                throw FileComplaint("its bytes are written as a text with other characters than those of Latin-1")
            }
            bytes.append(byte)
        }
        return bytes
    }
}

extension PlainName {
    /// The name with its module.
    fileprivate var dotted: String { "\(module).\(name)" }
}

// What torch.save writes: a zip archive (PyTorch 1.6 and later) or the stream of pickles before it.
public import Files
public import Telemetry

/// A file of `torch.save` with named tensors: `.pth`, `.pt` or `.bin`, mapped.
///
/// The names of nested dictionaries are joined with dots (`teacher.backbone.cls_token`); what is no tensor is passed
/// over. Opening takes the time of reading the pickle, not that of reading the tensors.
public final class PyTorchFile: TensorSource {
    /// The path it was opened by.
    public let path: String
    /// Texts that geodino laid into the archive; empty for files of others.
    public let metadata: [String: String]
    /// The tensors, in the order of their data.
    public let entries: [TensorEntry]

    /// Where a tensor lies.
    private struct Place {
        let entry: Int
        /// The bytes of its storage in the file.
        let storage: Range<Int>
        let tensor: PickleTensor
    }

    private let map: WeightsMap
    private let places: [String: Place]

    /// Opens a file and checks every tensor against the bytes that are there.
    ///
    /// - Throws: `TorchError` (`notFound`, `readFailed`, `badFile`); a pickle that asks for anything but tensors is
    ///   refused by the name of the step, and nothing of it is run.
    package convenience init(path: String) throws(TorchError) { try self.init(WeightsMap(weights: path)) }

    /// Whether these first bytes are those of such a file.
    static func recognises(_ start: UnsafeRawBufferPointer) -> Bool {
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) || start.starts(with: LegacyStream.magic) { return true }
        // Any other pickle is refused as one, unless these are the length and the brace of a safetensors header.
        return start.count > 8 && start[0] == 0x80 && (2...5).contains(start[1]) && start[8] != UInt8(ascii: "{")
    }

    init(_ map: WeightsMap) throws(TorchError) {
        try map.checkNature()
        self.map = map
        path = map.path
        let contents: Contents
        do throws(FileComplaint) {
            contents =
                map.bytes.starts(with: [0x50, 0x4B]) ? try Contents(archive: map) : try Contents(legacy: map)
        } catch {
            throw TorchError(
                .badFile, "cannot read the PyTorch file", in: map.path, why: [error.text],
                try: error.isTruncation
                    ? "get the file again; it is not whole"
                    : "give a file that holds only named tensors, as torch.save(model.state_dict(), ...) writes"
            )
        }
        metadata = contents.metadata
        // The order of the data, so that reading all of them reads the file once.
        let sorted = contents.tensors.sorted {
            ($0.storage.lowerBound, $0.tensor.offset, $0.name) < ($1.storage.lowerBound, $1.tensor.offset, $1.name)
        }
        entries = sorted.map { TensorEntry(name: $0.name, type: $0.tensor.type, shape: $0.tensor.shape) }
        var places: [String: Place] = [:]
        for (index, item) in sorted.enumerated() {
            places[item.name] = Place(entry: index, storage: item.storage, tensor: item.tensor)
        }
        self.places = places
    }

    /// The tensor of a name; `nil` where there is none.
    public func entry(_ name: String) -> TensorEntry? { places[name].map { entries[$0.entry] } }

    /// A tensor with an array's values; one that is stored with gaps or turned is always copied.
    public func tensor(_ name: String, copy: Bool = true) throws(TorchError) -> Tensor {
        try Torch.load()
        guard let place = places[name] else {
            throw TorchError(
                .notFound, "no tensor '\(name)' among the file's \(entries.count)", in: path)
        }
        let (tensor, storage) = (place.tensor, place.storage)
        guard let dtype = tensor.type.dtype else {
            throw TorchError(
                .mismatch, "tensors of '\(name)''s type are not supported: \(tensor.type.rawValue)", in: path)
        }
        let start = storage.lowerBound + tensor.offset * dtype.byteCount
        if tensor.isContiguous {
            let range = start..<start + tensor.count * dtype.byteCount
            // libtorch's kernels expect whole elements at their natural places.
            if copy || start % dtype.byteCount != 0 {
                return try map.tensor(range, shape: tensor.shape, dtype: dtype)
            }
            return Tensor.wrapping(map.slice(range), owner: self, shape: tensor.shape, dtype: dtype)
        }
        return gathered(tensor, storage, dtype)
    }

    /// Asks the system to read a tensor ahead.
    public func willNeed(_ name: String) {
        if let place = places[name] { map.willNeed(place.storage) }
    }

    /// The elements of a view with strides, one after the other.
    private func gathered(_ tensor: PickleTensor, _ storage: Range<Int>, _ dtype: DType) -> Tensor {
        let width = dtype.byteCount
        let source = map.slice(storage)
        let count = tensor.count
        var bytes = [UInt8](repeating: 0, count: count * width)
        var index = [Int](repeating: 0, count: tensor.shape.count)
        var element = tensor.offset
        for target in 0..<count {
            for byte in 0..<width { bytes[target * width + byte] = source[element * width + byte] }
            // The next place in row-major order: the last dimension that is not at its end goes on, those after it
            // start again.
            var axis = index.count - 1
            while axis >= 0 {
                index[axis] += 1
                element += tensor.strides[axis]
                if index[axis] < tensor.shape[axis] { break }
                element -= index[axis] * tensor.strides[axis]
                index[axis] = 0
                axis -= 1
            }
        }
        return bytes.withUnsafeBytes { Tensor.copying($0, shape: tensor.shape, dtype: dtype) }
    }
}

extension PyTorchFile {
    /// The text that our own archives carry beside the tensors.
    static let metadataMember = "extra/metadata.json"

    /// What a file holds, whichever its format.
    fileprivate struct Contents {
        var metadata: [String: String] = [:]
        /// Tensors with the bytes of their storages in the file.
        var tensors: [(name: String, tensor: PickleTensor, storage: Range<Int>)] = []

        /// A zip archive: `NAME/data.pkl`, `NAME/data/KEY`, and perhaps `NAME/byteorder`.
        init(archive map: WeightsMap) throws(FileComplaint) {
            let directory = try ZipDirectory(map.bytes)
            let pickles = directory.members.filter { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
            guard let pickle = pickles.first, pickles.count == 1 else {
                throw FileComplaint(
                    pickles.isEmpty
                        ? "it is a zip archive, but not one of torch.save: it has no member named data.pkl"
                        : "the archive has \(pickles.count) members named data.pkl; torch.save writes one")
            }
            let root = String(pickle.name.dropLast("data.pkl".count))
            if directory["\(root)constants.pkl"] != nil {
                throw FileComplaint("the archive is a TorchScript program; expected only named tensors")
            }
            if let order = directory["\(root)byteorder"], !map.slice(order.range).elementsEqual("little".utf8) {
                throw FileComplaint("its numbers are in big-endian order, which is not supported")
            }
            if let extra = directory["\(root)\(PyTorchFile.metadataMember)"] {
                var scanner = JSONScanner(map.slice(extra.range))
                var metadata: [String: String] = [:]
                try scanner.object { scanner, key throws(FileComplaint) in metadata[key] = try scanner.string() }
                try scanner.end()
                self.metadata = metadata
            }
            let (machine, value, _) = try PickleMachine<TensorPickle>.read(map.slice(pickle.range))
            for (name, tensor) in try machine.namedTensors(value) {
                let key = tensor.storage.key
                guard let member = directory["\(root)data/\(key)"] else {
                    throw FileComplaint("the bytes of \(quoted(name)) are missing: there is no data/\(key)")
                }
                let needed = tensor.storage.byteCount
                guard member.range.count == needed else {
                    throw FileComplaint(
                        "the storage of \(quoted(name)) claims \(needed) bytes; its member has \(member.range.count)")
                }
                tensors.append((name, tensor, member.range))
            }
        }

        /// A stream of pickles: magic number, version, machine, the object, the keys of its storages; then their bytes.
        init(legacy map: WeightsMap) throws(FileComplaint) {
            var stream = try LegacyStream(map.bytes)
            var declared: [String: PickleStorage] = [:]
            for node in stream.machine.nodes {
                if case .object(.storage(let storage)) = node { declared[storage.key] = storage }
            }
            var storages: [String: Range<Int>] = [:]
            for key in stream.keys {
                guard let storage = declared[key] else {
                    throw FileComplaint("the stream has bytes of a storage \(quoted(key)) that nothing names")
                }
                storages[key] = try stream.storage(storage)
            }
            for (name, tensor) in try stream.machine.namedTensors(stream.value) {
                let storage = tensor.storage
                guard let range = storages[storage.key], declared[storage.key]?.byteCount == storage.byteCount else {
                    throw FileComplaint("the bytes of \(quoted(name)) are missing")
                }
                tensors.append((name, tensor, range))
            }
        }
    }
}

extension PickleStorage {
    /// Bytes of all elements; more than any file where the count is absurd.
    var byteCount: Int {
        let (product, overflow) = count.multipliedReportingOverflow(by: type?.byteCount ?? 1)
        return overflow ? .max : product
    }
}

extension PickleMachine<TensorPickle> {
    /// All tensors below a value by their names, joined with dots where dictionaries are nested.
    func namedTensors(_ value: Value) throws(FileComplaint) -> [(name: String, tensor: PickleTensor)] {
        var found: [(name: String, tensor: PickleTensor)] = []
        var places: [String: (index: Int, node: Int)] = [:]
        var visited: Set<Int> = []
        var waiting: [(prefix: String, node: Int)] = []
        if case .node(let root) = value { waiting.append(("", root)) }
        var isDictionary = false
        // Each dictionary is looked into once, so that one which holds itself, or many times another, costs nothing.
        while let (prefix, node) = waiting.popLast() {
            guard visited.insert(node).inserted, case .dictionary(let items) = nodes[node] else { continue }
            isDictionary = true
            for case (.text(let key), .node(let index)) in items {
                switch nodes[index] {
                case .object(.tensor(let tensor)):
                    guard prefix.utf8.count + key.utf8.count < 1000 else {
                        throw FileComplaint("a tensor's name has more than 1000 bytes")
                    }
                    let name = prefix + key
                    // As in Python, a key that is set again has its last value.
                    if let place = places[name] {
                        guard place.node == node else {
                            throw FileComplaint("two dictionaries hold a tensor of the joined name \(quoted(name))")
                        }
                        found[place.index].tensor = tensor
                    } else {
                        places[name] = (found.count, node)
                        found.append((name, tensor))
                    }
                case .dictionary:
                    guard prefix.utf8.count + key.utf8.count < 1000 else {
                        throw FileComplaint("its dictionaries are nested too deeply")
                    }
                    waiting.append(("\(prefix)\(key).", index))
                default: break
                }
            }
        }
        guard isDictionary, !found.isEmpty else {
            throw FileComplaint("it does not hold a dictionary of named tensors")
        }
        return found
    }
}

/// A file of PyTorch before 1.6, taken apart.
struct LegacyStream {
    /// The number that such files start with, as its own pickle.
    static let magic: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    let machine: PickleMachine<TensorPickle>
    let value: PickleValue<PickleGlobal>
    /// The keys of the storages, in the order of their bytes.
    let keys: [String]
    private let bytes: UnsafeRawBufferPointer
    private var place: Int

    init(_ bytes: UnsafeRawBufferPointer) throws(FileComplaint) {
        guard bytes.starts(with: Self.magic) else {
            // What it would do, if it is more than data, is the first thing to say of it.
            _ = try PickleMachine<TensorPickle>.read(UnsafeRawBufferPointer(rebasing: bytes.prefix(TensorPickle.limit)))
            throw FileComplaint("it is a pickle, but not one that torch.save wrote; expected named tensors")
        }
        var place = Self.magic.count
        func next() throws(FileComplaint) -> (machine: PickleMachine<TensorPickle>, value: PickleValue<PickleGlobal>) {
            // A pickle ends by itself; what follows are the next one, or the bytes of storages.
            let rest = UnsafeRawBufferPointer(rebasing: bytes[place...].prefix(TensorPickle.limit))
            let (machine, value, end): (PickleMachine<TensorPickle>, PickleValue<PickleGlobal>, Int)
            do throws(FileComplaint) { (machine, value, end) = try PickleMachine.read(rest) } catch {
                // Cut by us, not by a download that broke off.
                throw rest.count < bytes.count - place ? FileComplaint(error.text) : error
            }
            place += end
            return (machine, value)
        }
        guard case .int(1001) = try next().value else {
            throw FileComplaint("it is of a version of the old format other than 1001")
        }
        let system = try next()
        if case .node(let index) = system.value, case .dictionary(let items) = system.machine.nodes[index] {
            for case (.text("little_endian"), .bool(false)) in items {
                throw FileComplaint("its numbers are in big-endian order, which is not supported")
            }
        }
        (machine, value) = try next()
        let list = try next()
        guard case .node(let index) = list.value, case .list(let items) = list.machine.nodes[index] else {
            throw FileComplaint("the list of its storages is missing")
        }
        var keys: [String] = []
        for case .text(let key) in items { keys.append(key) }
        guard keys.count == items.count, Set(keys).count == keys.count else {
            throw FileComplaint("the list of its storages is damaged")
        }
        self.keys = keys
        self.bytes = bytes
        self.place = place
    }

    /// The bytes of the next storage: its number of elements in 8 bytes, then the elements.
    mutating func storage(_ storage: PickleStorage) throws(FileComplaint) -> Range<Int> {
        let count = try LittleEndianBytes(bytes).uint64(place)
        place += 8
        guard count == storage.count, storage.byteCount <= bytes.count - place else {
            throw FileComplaint(
                "the storage \(quoted(storage.key)) claims \(storage.count) elements and has \(count); the file is truncated",
                isTruncation: true)
        }
        defer { place += storage.byteCount }
        return place..<place + storage.byteCount
    }
}

// Writing named tensors as torch.save does, so that torch.load(..., weights_only=True) reads them.
public import Files
internal import Telemetry

/// One tensor of an archive that is to be written.
public struct PyTorchItem: Sendable {
    /// Name, type and shape.
    package let entry: TensorEntry
    /// The earlier item whose elements this one has too ("tied"); `nil` for elements of its own.
    let sharing: String?

    /// Makes an item.
    public init(_ entry: TensorEntry, sharing: String? = nil) {
        self.entry = entry
        self.sharing = sharing
    }
}

/// Writes a dictionary of tensors in PyTorch's zip format; each tensor is asked for when its turn comes.
///
/// The same input gives the same bytes. Elements lie at multiples of 64 bytes, so that readers can map them.
///
/// - Parameters:
///   - items: The tensors, in the order of the dictionary.
///   - metadata: Texts by name, for readers of ours; PyTorch passes over them.
///   - path: The file, which is replaced once all is on the disk.
///   - tensor: Gives the tensor of an item that has elements of its own; its type and shape must be the item's.
public func writePyTorch(
    _ items: [PyTorchItem], metadata: [String: String] = [:], to path: String,
    tensor: (TensorEntry) throws -> Tensor
) throws {
    var keys: [String: Int] = [:]
    var storages: [TensorEntry] = []
    var pickle = PickleWriter()
    for item in items {
        if let other = item.sharing {
            guard let key = keys[other], storages[key].type == item.entry.type,
                storages[key].shape == item.entry.shape
            else {
                throw TorchError(.mismatch, "'\(item.entry.name)' cannot share the elements of '\(other)'", in: path)
            }
            keys[item.entry.name] = key
        } else {
            keys[item.entry.name] = storages.count
            storages.append(item.entry)
        }
        try pickle.append(item.entry, key: keys[item.entry.name] ?? 0, path: path)
    }
    let archive = try ZipWriter<TorchFailure>(path: path)
    try archive.append("archive/data.pkl", pickle.finished())
    try archive.append("archive/byteorder", Array("little".utf8))
    if !metadata.isEmpty {
        try archive.append(
            "archive/\(PyTorchFile.metadataMember)", Array(SafetensorsHeader.encoded(texts: metadata).utf8))
    }
    for (key, entry) in storages.enumerated() {
        let value = try tensor(entry).detached().to(.cpu).contiguous()
        precondition(
            value.shape == entry.shape && ElementType(value.dtype) == entry.type,
            "the tensor of \(entry.name) differs from the declared one")
        try value.withBytes { try archive.append("archive/data/\(key)", $0) }
    }
    try archive.append("archive/version", Array("3\n".utf8))
    try archive.finish()
}

/// The pickle of a dictionary of tensors, protocol 2.
private struct PickleWriter {
    private var bytes: [UInt8] = [0x80, 2, 0x7D, 0x28]  // PROTO 2, EMPTY_DICT, MARK

    /// Appends a name and the call that rebuilds its tensor.
    mutating func append(_ entry: TensorEntry, key: Int, path: String) throws(TorchError) {
        guard let storage = Self.storages[entry.type] else {
            throw TorchError(
                .mismatch, "PyTorch's format has no storage for '\(entry.name)''s type \(entry.type.rawValue)",
                in: path)
        }
        let count = entry.shape.reduce(1, *)
        text(entry.name)
        global("torch._utils", "_rebuild_tensor_v2")
        bytes.append(0x28)  // MARK
        bytes.append(0x28)
        text("storage")
        global("torch", storage)
        text("\(key)")
        text("cpu")
        number(count)
        bytes += [0x74, 0x51]  // TUPLE, BINPERSID
        number(0)
        tuple(entry.shape)
        var strides: [Int] = []
        var stride = 1
        for size in entry.shape.reversed() {
            strides.insert(stride, at: 0)
            stride *= max(size, 1)
        }
        tuple(strides)
        bytes.append(0x89)  // NEWFALSE
        global("collections", "OrderedDict")
        bytes += [0x29, 0x52, 0x74, 0x52]  // EMPTY_TUPLE, REDUCE, TUPLE, REDUCE
    }

    /// The whole pickle.
    func finished() -> [UInt8] { bytes + [0x75, 0x2E] }  // SETITEMS, STOP

    private mutating func text(_ text: String) {
        bytes.append(0x58)  // BINUNICODE
        bytes += littleEndian(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func global(_ module: String, _ name: String) {
        bytes.append(0x63)  // GLOBAL
        bytes += "\(module)\n\(name)\n".utf8
    }

    private mutating func number(_ value: Int) {
        if let small = Int32(exactly: value) {
            bytes.append(0x4A)  // BININT
            bytes += littleEndian(small)
        } else {
            bytes += [0x8A, 8]  // LONG1
            bytes += littleEndian(value)
        }
    }

    private mutating func tuple(_ values: [Int]) {
        bytes.append(0x28)
        for value in values { number(value) }
        bytes.append(0x74)
    }

    private static let storages: [ElementType: String] = [
        .bool: "BoolStorage", .uint8: "ByteStorage", .int8: "CharStorage", .int16: "ShortStorage",
        .int32: "IntStorage", .int64: "LongStorage", .float16: "HalfStorage", .bfloat16: "BFloat16Storage",
        .float32: "FloatStorage", .float64: "DoubleStorage",
    ]
}

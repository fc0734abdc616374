// Reading safetensors files through a memory map.

/// A safetensors file, mapped; nothing is read before it is asked for.
///
/// Sendable: loader threads may read bytes of one file at once. The file must not be cut while it is open.
public final class SafetensorsFile: TensorSource {
    /// The path it was opened by.
    public let path: String
    /// Its metadata.
    public let metadata: [String: String]
    /// Its arrays, in the order of their data.
    public let entries: [TensorEntry]

    private let map: MappedFile
    private let places: [String: (entry: Int, offset: Int)]

    /// Opens a file and checks its header against its size.
    public convenience init(path: String) throws(TorchError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads the header of a mapped file.
    init(_ map: MappedFile) throws(TorchError) {
        try map.checkNature()
        path = map.path
        self.map = map
        let bytes = map.bytes
        guard bytes.count >= 8 else {
            throw Self.bad(map.path, "it has \(bytes.count) bytes; even an empty one has 8")
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(SafetensorsHeader.limit), Int(length) <= bytes.count - 8 else {
            throw Self.bad(
                map.path,
                "its header claims \(length) bytes; the file has \(bytes.count) and the limit is \(SafetensorsHeader.limit)"
            )
        }
        let start = 8 + Int(length)
        let header: SafetensorsHeader
        do throws(FileComplaint) {
            header = try SafetensorsHeader(map.slice(8..<start), dataByteCount: bytes.count - start)
        } catch {
            throw Self.bad(map.path, error.text)
        }
        metadata = header.metadata
        entries = header.entries
        var places: [String: (entry: Int, offset: Int)] = [:]
        for (index, entry) in header.entries.enumerated() {
            places[entry.name] = (index, start + header.offsets[index])
        }
        self.places = places
    }

    /// The array of a name; `nil` where there is none.
    public func entry(_ name: String) -> TensorEntry? { places[name].map { entries[$0.entry] } }

    /// The bytes of an array, little-endian and row-major, valid while the file object lives.
    public func bytes(_ name: String) throws(TorchError) -> UnsafeRawBufferPointer {
        let (entry, offset) = try place(name)
        let count = entry.byteCount ?? 0
        return map.slice(offset..<offset + count)
    }

    /// A tensor with an array's values.
    ///
    /// - Parameter copy: Whether the tensor has memory of its own. Without, it lies in the map, keeps the file
    ///   open, and sees the file's pages; writing to it changes neither the file nor what others see.
    public func tensor(_ name: String, copy: Bool = true) throws(TorchError) -> Tensor {
        try Torch.load()
        let (entry, offset) = try place(name)
        guard let dtype = entry.type.dtype else {
            throw TorchError(
                .mismatch, "there are no tensors of '\(name)''s type \(entry.type.rawValue)", in: path,
                try: "read its bytes instead")
        }
        // libtorch's kernels expect whole elements at their natural places.
        if copy || offset % dtype.byteCount != 0 {
            return try map.tensor(offset..<offset + (entry.byteCount ?? 0), shape: entry.shape, dtype: dtype)
        }
        return Tensor.wrapping(try bytes(name), owner: self, shape: entry.shape, dtype: dtype)
    }

    /// Asks the system to read an array ahead.
    public func willNeed(_ name: String) {
        if let range = range(name) { map.willNeed(range) }
    }

    private func range(_ name: String) -> Range<Int>? {
        places[name].map { $0.offset..<$0.offset + (entries[$0.entry].byteCount ?? 0) }
    }

    private func place(_ name: String) throws(TorchError) -> (TensorEntry, Int) {
        guard let place = places[name] else {
            throw TorchError(
                .notFound, "there is no array '\(name)' among the \(entries.count) of the file", in: path)
        }
        return (entries[place.entry], place.offset)
    }

    private static func bad(_ path: String, _ cause: String) -> TorchError {
        TorchError(
            .badFile, "cannot read the safetensors file", in: path, why: [cause],
            try: "the file may be cut or damaged: fetch or write it again")
    }
}

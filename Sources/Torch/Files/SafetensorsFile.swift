// Reading safetensors files through a memory map.
public import Files
public import Telemetry

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

    private let map: WeightsMap
    private let places: [String: (entry: Int, offset: Int)]

    /// Opens a file and checks its header against its size.
    public convenience init(path: String) throws(TorchError) {
        try self.init(WeightsMap(weights: path))
    }

    /// Reads the header of a mapped file.
    init(_ map: WeightsMap) throws(TorchError) {
        try map.checkNature()
        path = map.path
        self.map = map
        let header: SafetensorsHeader
        let start: Int
        do throws(FileComplaint) {
            (header, start) = try SafetensorsHeader.read(map.bytes)
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
    /// - Parameter copy: Whether the tensor has memory of its own. Without, it is in the map, keeps the file
    ///   open, and sees the file's pages; writing to it changes neither the file nor what others see.
    public func tensor(_ name: String, copy: Bool = true) throws(TorchError) -> Tensor {
        try Torch.load()
        let (entry, offset) = try place(name)
        guard let dtype = entry.type.dtype else {
            throw TorchError(
                .mismatch, "tensors of '\(name)''s type are not supported: \(entry.type.rawValue)", in: path,
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
                .notFound, "no array '\(name)' among the file's \(entries.count)", in: path)
        }
        return (entries[place.entry], place.offset)
    }

    private static func bad(_ path: String, _ cause: String) -> TorchError {
        TorchError(
            .badFile, "cannot read the safetensors file", in: path, why: [cause],
            try: "download or write the file again; it may be truncated or damaged")
    }
}

// Reading safetensors files through a memory map.
import Glibc

/// A safetensors file, mapped; nothing is read before it is asked for.
///
/// Sendable: loader threads may read bytes of one file at once. The file must not be cut while it is open.
public final class SafetensorsFile: @unchecked Sendable {  // a map that never changes, and constants
    /// The path it was opened by.
    public let path: String
    /// Its metadata.
    public let metadata: [String: String]
    /// Its arrays, in the order of their data.
    public let entries: [SafetensorsEntry]

    private let map: UnsafeMutableRawBufferPointer
    private let places: [String: (entry: Int, offset: Int)]

    /// Opens a file and checks its header against its size.
    public init(path: String) throws(TorchError) {
        self.path = path
        let map = try Self.map(path)
        do throws(TorchError) {
            guard map.count >= 8 else {
                throw Self.bad(path, "it has \(map.count) bytes; even an empty one has 8")
            }
            let length = UInt64(littleEndian: map.loadUnaligned(as: UInt64.self))
            guard length <= UInt64(SafetensorsHeader.limit), Int(length) <= map.count - 8 else {
                throw Self.bad(
                    path,
                    "its header claims \(length) bytes; the file has \(map.count) and the limit is \(SafetensorsHeader.limit)"
                )
            }
            let start = 8 + Int(length)
            let header: SafetensorsHeader
            do throws(SafetensorsHeader.Complaint) {
                header = try SafetensorsHeader(
                    UnsafeRawBufferPointer(rebasing: map[8..<start]), dataByteCount: map.count - start)
            } catch {
                throw Self.bad(path, error.text)
            }
            metadata = header.metadata
            entries = header.entries
            var places: [String: (entry: Int, offset: Int)] = [:]
            for (index, entry) in header.entries.enumerated() {
                places[entry.name] = (index, start + header.offsets[index])
            }
            self.places = places
            self.map = map
        } catch {
            munmap(map.baseAddress, map.count)
            throw error
        }
    }

    deinit { munmap(map.baseAddress, map.count) }

    /// The names of its arrays, in the order of their data.
    public var names: [String] { entries.map(\.name) }

    /// The array of a name; `nil` where there is none.
    public func entry(_ name: String) -> SafetensorsEntry? { places[name].map { entries[$0.entry] } }

    /// The bytes of an array, little-endian and row-major, valid while the file object lives.
    public func bytes(_ name: String) throws(TorchError) -> UnsafeRawBufferPointer {
        let (entry, offset) = try place(name)
        let count = entry.byteCount ?? 0
        return UnsafeRawBufferPointer(rebasing: map[offset..<offset + count])
    }

    /// A tensor with an array's values.
    ///
    /// - Parameter copy: Whether the tensor has memory of its own. Without, it lies in the map, keeps the file
    ///   open, and sees the file's pages; writing to it changes neither the file nor what others see.
    public func tensor(_ name: String, copy: Bool = true) throws(TorchError) -> Tensor {
        let (entry, offset) = try place(name)
        guard let dtype = entry.type.dtype else {
            throw TorchError(
                .mismatch, "there are no tensors of '\(name)''s type \(entry.type.rawValue)", in: path,
                try: "read its bytes instead")
        }
        let bytes = try bytes(name)
        // libtorch's kernels expect whole elements at their natural places.
        if copy || offset % dtype.byteCount != 0 {
            return Tensor.copying(bytes, shape: entry.shape, dtype: dtype)
        }
        return Tensor.wrapping(bytes, owner: self, shape: entry.shape, dtype: dtype)
    }

    private func place(_ name: String) throws(TorchError) -> (SafetensorsEntry, Int) {
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

    private static func map(_ path: String) throws(TorchError) -> UnsafeMutableRawBufferPointer {
        func failure(_ what: String, _ code: TorchError.Code? = nil) -> TorchError {
            let number = errno
            return TorchError(
                code ?? (number == ENOENT ? .notFound : .readFailed), what, in: path,
                why: [systemMessage(number)])
        }
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("cannot open the safetensors file") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot read the size of the safetensors file") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TorchError(.badFile, "a safetensors file must be a plain file", in: path)
        }
        let size = Int(status.st_size)
        guard size > 0 else { throw bad(path, "it is empty") }
        // Private and writable: a tensor over the map may be changed, and the file stays as it is.
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0),
            base != MAP_FAILED
        else { throw failure("cannot map the safetensors file into memory") }
        return UnsafeMutableRawBufferPointer(start: base, count: size)
    }
}

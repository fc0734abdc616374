// Writing safetensors files.
public import Files
public import Telemetry

/// Writes a safetensors file whose arrays are declared first and whose bytes follow in that order.
///
/// Memory use does not depend on the size. Without `finish` nothing remains. The same input gives the same bytes.
public final class SafetensorsWriter {
    private let path: String
    private let expected: Int
    private var written = 0
    private var isReserved = false
    /// The bytes of each array in the file.
    private let places: [String: Range<Int>]
    private let file: DurableFile<TorchFailure>

    /// Starts a file that will replace what is at the path.
    ///
    /// - Parameters:
    ///   - path: The file. While it is written it is called `path.partial-PROCESS`.
    ///   - entries: The arrays, in the order of their data; put wide elements before narrow ones, so that a reader
    ///     finds all of them at whole multiples of their size.
    ///   - metadata: Texts by name.
    ///   - hashing: Whether the SHA-256 of the file is made while it is written; for files that are appended alone.
    public init(
        path: String, entries: [TensorEntry], metadata: [String: String] = [:], hashing: Bool = false
    ) throws(TorchError) {
        self.path = path
        var total = 0
        var names: Set<String> = ["__metadata__"]
        for entry in entries {
            guard names.insert(entry.name).inserted else {
                throw TorchError(.mismatch, "the name '\(entry.name)' is reserved or used twice", in: path)
            }
            guard let count = entry.byteCount,
                case let (sum, overflow) = total.addingReportingOverflow(count), !overflow
            else {
                throw TorchError(
                    .mismatch, "'\(entry.name)' has the impossible shape \(entry.shape)", in: path)
            }
            total = sum
        }
        expected = total
        let header = SafetensorsHeader.encoded(entries, metadata: metadata)
        guard header.count <= SafetensorsHeader.limit else {
            throw TorchError(
                .mismatch,
                "the header would have \(header.count) bytes; readers take at most \(SafetensorsHeader.limit)",
                in: path)
        }
        var places: [String: Range<Int>] = [:]
        var place = header.count
        for entry in entries {
            let end = place + (entry.byteCount ?? 0)
            places[entry.name] = place..<end
            place = end
        }
        self.places = places
        file = try DurableFile<TorchFailure>(path: path, hashing: hashing)
        try file.append(header)
    }

    /// Appends bytes of the arrays, little-endian and row-major; a call may end in the middle of an array or
    /// reach over several.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(TorchError) {
        precondition(!isReserved, "arrays are written at places of them; nothing can be appended any more")
        guard bytes.count <= expected - written else {
            throw TorchError(
                .mismatch,
                "the declared arrays have \(expected) bytes; got \(written) and \(bytes.count) more", in: path
            )
        }
        try file.append(bytes)
        written += bytes.count
    }

    /// Writes bytes of one array at a place of it, in any order; after this, `append` has no place any more.
    ///
    /// - Parameters:
    ///   - bytes: Little-endian and row-major.
    ///   - name: The array.
    ///   - offset: The first byte, from the array's start. No byte may be written twice.
    public func put(_ bytes: UnsafeRawBufferPointer, into name: String, at offset: Int) throws(TorchError) {
        guard let range = places[name], offset >= 0, bytes.count <= range.count - offset else {
            throw TorchError(
                .mismatch, "\(bytes.count) bytes at \(offset) are not inside a declared array '\(name)'", in: path)
        }
        if !isReserved {
            precondition(
                written == 0, "bytes were appended before; an array cannot be written at a place of it any more")
            try file.reserve(expected)
            isReserved = true
        }
        try file.replace(at: range.lowerBound + offset, with: bytes)
        written += bytes.count
    }

    /// Syncs the file and gives it its name; all declared bytes must have come.
    ///
    /// - Returns: The file's SHA-256, where it was made while it was written.
    @discardableResult
    public func finish() throws(TorchError) -> String? {
        guard written == expected else {
            file.abandon()
            throw TorchError(
                .mismatch, "the declared arrays have \(expected) bytes; got \(written)", in: path)
        }
        return try file.finish()
    }
}

/// Writes tensors to a safetensors file, replacing what is there once all is on the disk.
///
/// Arrays lie in the file by falling width of their elements, then by name: the same tensors give the same bytes in
/// whatever order they come. Tensors are brought to the CPU one at a time.
///
/// - Parameter hashing: Whether the SHA-256 of the file is made while it is written.
/// - Returns: That hash; `nil` without `hashing`.
@discardableResult
public func writeSafetensors(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String,
    hashing: Bool = false
) throws(TorchError) -> String? {
    let sorted = tensors.sorted {
        ($1.tensor.dtype.byteCount, $0.name) < ($0.tensor.dtype.byteCount, $1.name)
    }
    let writer = try SafetensorsWriter(
        path: path,
        entries: sorted.map {
            TensorEntry(name: $0.name, type: ElementType($0.tensor.dtype), shape: $0.tensor.shape)
        },
        metadata: metadata, hashing: hashing)
    for (_, tensor) in sorted {
        let plain = tensor.detached().to(.cpu).contiguous()
        let failure = plain.withBytes { bytes in attempt { () throws(TorchError) in try writer.append(bytes) }
        }
        if let failure { throw failure }
    }
    return try writer.finish()
}

// Writing safetensors files: under a temporary name, synced, renamed.
import Glibc

/// Writes a safetensors file whose arrays are declared first and whose bytes follow in that order.
///
/// Memory use does not depend on the size. Without `finish` nothing remains. The same input gives the same bytes.
public final class SafetensorsWriter {
    private let path: String
    private let partial: String
    private let entries: [SafetensorsEntry]
    private let expected: Int
    private var written = 0
    private var file: Int32

    /// Starts a file that will replace what is at the path.
    ///
    /// - Parameters:
    ///   - path: The file. While it is written it is called `path.partial`.
    ///   - entries: The arrays, in the order of their data; put wide elements before narrow ones, so that a reader
    ///     finds all of them at whole multiples of their size.
    ///   - metadata: Texts by name.
    public init(path: String, entries: [SafetensorsEntry], metadata: [String: String] = [:])
        throws(TorchError)
    {
        self.path = path
        self.partial = path + ".partial"
        self.entries = entries
        var total = 0
        var names: Set<String> = ["__metadata__"]
        for entry in entries {
            guard names.insert(entry.name).inserted else {
                throw TorchError(.mismatch, "the name '\(entry.name)' is used twice or reserved", in: path)
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
                "the header would have \(header.count) bytes; readers take \(SafetensorsHeader.limit)",
                in: path)
        }
        file = Glibc.open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failure("cannot create the file") }
        let failed = header.withUnsafeBytes { bytes in attempt { () throws(TorchError) in try put(bytes) } }
        if let failed { throw failed }
    }

    deinit { abandon() }

    /// Appends bytes of the arrays, little-endian and row-major; a call may end in the middle of an array or
    /// reach over several.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(TorchError) {
        guard bytes.count <= expected - written else {
            throw TorchError(
                .mismatch,
                "the declared arrays have \(expected) bytes, got \(written) and \(bytes.count) more", in: path
            )
        }
        try put(bytes)
        written += bytes.count
    }

    /// Appends numbers of the arrays.
    public func append<Value: BitwiseCopyable>(_ values: [Value]) throws(TorchError) {
        let failure = values.withUnsafeBytes { bytes in attempt { () throws(TorchError) in try append(bytes) }
        }
        if let failure { throw failure }
    }

    /// Syncs the file and gives it its name; all declared bytes must have come.
    public func finish() throws(TorchError) {
        guard written == expected else {
            abandon()
            throw TorchError(
                .mismatch, "the declared arrays have \(expected) bytes, got \(written)", in: path)
        }
        guard file >= 0 else {
            throw TorchError(.writeFailed, "the file was finished or given up before", in: path)
        }
        guard fsync(file) == 0 else { throw failure("cannot sync the file") }
        let closed = close(file)
        file = -1
        guard closed == 0, rename(partial, path) == 0 else { throw failure("cannot name the file") }
        // The name itself is safe only when its folder is.
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(TorchError) {
        guard file >= 0 else {
            throw TorchError(.writeFailed, "the file was finished or given up before", in: path)
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write the file") }
            rest = rest.dropFirst(count)
        }
    }

    private func failure(_ what: String) -> TorchError {
        let number = errno
        abandon()
        return TorchError(
            .writeFailed, what, in: path, why: [systemMessage(number)],
            try: number == ENOSPC ? "free space on the disk" : nil)
    }

    private func abandon() {
        guard file >= 0 else { return }
        close(file)
        file = -1
        unlink(partial)
    }
}

/// Writes tensors to a safetensors file, replacing what is there once all is on the disk.
///
/// Arrays lie in the file by falling width of their elements, then by name: the same tensors give the same bytes in
/// whatever order they come. Tensors are brought to the CPU one at a time.
public func writeSafetensors(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
) throws(TorchError) {
    let sorted = tensors.sorted {
        ($1.tensor.dtype.byteCount, $0.name) < ($0.tensor.dtype.byteCount, $1.name)
    }
    let writer = try SafetensorsWriter(
        path: path,
        entries: sorted.map {
            SafetensorsEntry(name: $0.name, type: SafetensorsType($0.tensor.dtype), shape: $0.tensor.shape)
        },
        metadata: metadata)
    for (_, tensor) in sorted {
        let plain = tensor.detached().to(.cpu).contiguous()
        let failure = plain.withBytes { bytes in attempt { () throws(TorchError) in try writer.append(bytes) }
        }
        if let failure { throw failure }
    }
    try writer.finish()
}

/// The error of a body, for carrying it through functions that do not pass on typed errors.
private func attempt(_ body: () throws(TorchError) -> Void) -> TorchError? {
    do throws(TorchError) {
        try body()
        return nil
    } catch {
        return error
    }
}

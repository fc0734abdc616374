// Files as the crash safety needs them: append, sync, rename, read a range; every failure in words.
internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// The text of the last system error.
func systemMessage(_ number: Int32) -> String { String(cString: strerror(number)) }

/// An error of writing; a full disk is its own kind, since it has its own remedy.
func writeError(_ what: String, _ path: String, _ number: Int32) -> CorpusError {
    let isFull = number == ENOSPC || number == EDQUOT || number == EFBIG
    return CorpusError(
        isFull ? .diskFull : .writeFailed, what, in: path, why: [systemMessage(number)],
        try: isFull ? "free some space, then run the same command with --resume; finished shards stay valid" : nil)
}

/// A file that grows at its end.
final class OutputFile {
    let path: String
    private(set) var length: Int
    private let descriptor: Int32
    private var pending: [UInt8] = []

    /// Creates a file that must not exist yet.
    init(creating path: String) throws(CorpusError) {
        self.path = path
        length = 0
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw writeError("cannot create the file", path, errno) }
    }

    /// Opens a file and cuts it to a length that it has at least.
    init(continuing path: String, at length: Int) throws(CorpusError) {
        self.path = path
        self.length = length
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw writeError("cannot open the file to go on writing", path, errno) }
        guard ftruncate(descriptor, length) == 0, lseek(descriptor, 0, SEEK_END) == length else {
            throw writeError("cannot cut the file to \(length) bytes", path, errno)
        }
    }

    deinit { close(descriptor) }

    /// Appends bytes; they may stay in memory until `flush`.
    func append(_ bytes: some Sequence<UInt8>) throws(CorpusError) {
        let before = pending.count
        pending.append(contentsOf: bytes)
        length += pending.count - before
        if pending.count >= 1 << 20 { try flush() }
    }

    /// Hands all bytes to the system.
    func flush() throws(CorpusError) {
        defer { pending.removeAll(keepingCapacity: true) }
        var done = 0
        while done < pending.count {
            let count = pending.withUnsafeBytes { bytes -> Int in
                guard let start = bytes.baseAddress else { return 0 }
                return write(descriptor, start + done, bytes.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw writeError("cannot write to the file", path, count < 0 ? errno : ENOSPC)
            }
            done += count
        }
    }

    /// Flushes, and waits until the bytes are on the disk.
    func sync() throws(CorpusError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw writeError("cannot sync the file", path, errno) }
    }
}

/// Names a folder makes are on the disk only once the folder itself is synced.
func syncFolder(_ path: String) throws(CorpusError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw writeError("cannot open the folder to sync it", path, errno) }
    defer { close(descriptor) }
    // Some file systems do not sync folders and say EINVAL; there is nothing better to do on them.
    guard fsync(descriptor) == 0 || errno == EINVAL else {
        throw writeError("cannot sync the folder", path, errno)
    }
}

/// A folder's path as names are made from it: `OUT/` and `OUT` are one folder, but `OUT/.partial` lies within it.
func withoutTrailingSlashes(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.last == "/" { trimmed = trimmed.dropLast() }
    return String(trimmed)
}

/// The folder that holds a path.
///
/// Not by Foundation, whose `deletingLastPathComponent` traps on a path of one letter (Swift 6.3 on Linux).
func parentFolder(_ path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}

/// Writes a whole file under a temporary name, syncs it and renames it into place.
func writeAtomically(_ bytes: [UInt8], to path: String) throws(CorpusError) {
    let partial = path + ".partial"
    unlink(partial)
    let file = try OutputFile(creating: partial)
    try file.append(bytes)
    try file.sync()
    try move(partial, to: path)
}

/// Renames within a folder, and syncs the folder.
func move(_ path: String, to target: String) throws(CorpusError) {
    guard rename(path, target) == 0 else { throw writeError("cannot rename to '\(target)'", path, errno) }
    try syncFolder(parentFolder(target))
}

/// A file opened for reading ranges.
final class InputFile {
    let path: String
    let length: Int
    let descriptor: Int32

    init(_ path: String) throws(CorpusError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CorpusError(.readFailed, "cannot open the file", in: path, why: [systemMessage(errno)])
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw CorpusError(.readFailed, "cannot read the file: it is not a plain file", in: path)
        }
        length = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Bytes from an offset, all of them or an error.
    func read(at offset: Int, count: Int) throws(CorpusError) -> [UInt8] {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard offset >= 0, count >= 0, !overflow, end <= length else {
            throw CorpusError(
                .readFailed, "cannot read \(count) bytes at offset \(offset): the file ends at \(length)", in: path)
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count, let start = buffer.baseAddress {
                let got = pread(descriptor, start + filled, count - filled, offset + filled)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else {
                    failure = got < 0 ? errno : EIO
                    return
                }
                filled += got
            }
        }
        guard failure == 0 else {
            throw CorpusError(
                .readFailed, "cannot read \(count) bytes at offset \(offset)", in: path, why: [systemMessage(failure)])
        }
        return bytes
    }
}

/// Whether something lies at a path.
func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Names in a folder, sorted; hidden ones too.
func names(in folder: String) throws(CorpusError) -> [String] {
    do {
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
        throw CorpusError(.readFailed, "cannot list the folder", in: folder, why: ["\(error)"])
    }
}

/// Makes a folder and those above it.
func makeFolder(_ path: String) throws(CorpusError) {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        throw CorpusError(.writeFailed, "cannot make the folder", in: path, why: ["\(error)"])
    }
}

/// Removes a folder and all that is in it, or a file.
func removeAll(_ path: String) throws(CorpusError) {
    do {
        try FileManager.default.removeItem(atPath: path)
    } catch {
        throw CorpusError(.writeFailed, "cannot remove", in: path, why: ["\(error)"])
    }
}

/// JSON with sorted keys: equal values, equal bytes.
///
/// - Parameter snake: Whether camelCase names become snake_case; not for values that spell their keys themselves.
func encodeJSON(_ value: some Encodable, pretty: Bool = false, snake: Bool = false) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    if snake { encoder.keyEncodingStrategy = .convertToSnakeCase }
    return Array(try encoder.encode(value))
}

/// The counterpart of `encodeJSON`.
func decodeJSON<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8], snake: Bool = false) throws -> Value {
    let decoder = JSONDecoder()
    if snake { decoder.keyDecodingStrategy = .convertFromSnakeCase }
    return try decoder.decode(type, from: Data(bytes))
}

// A file that grows at its end over several runs, such as a shard.
package import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file that grows at its end.
package final class AppendedFile<Kind: FileFailure> {
    /// Where it is.
    package let path: String
    /// Bytes in it, also those that still wait in memory.
    package private(set) var length: Int
    private let descriptor: Int32
    private var pending: [UInt8] = []

    /// Creates a file that must not exist yet.
    package init(creating path: String) throws(ModuleError<Kind>) {
        self.path = path
        length = 0
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .writing("cannot create the file", path, errno) }
    }

    /// Opens a file and cuts it to a length that it has at least.
    package init(continuing path: String, at length: Int) throws(ModuleError<Kind>) {
        self.path = path
        self.length = length
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .writing("cannot open the file to continue it", path, errno)
        }
        guard ftruncate(descriptor, length) == 0, lseek(descriptor, 0, SEEK_END) == length else {
            throw .writing("cannot truncate the file to \(length) bytes", path, errno)
        }
    }

    deinit { close(descriptor) }

    /// Appends bytes; they may stay in memory until `flush`.
    package func append(_ bytes: some Sequence<UInt8>) throws(ModuleError<Kind>) {
        let before = pending.count
        pending.append(contentsOf: bytes)
        length += pending.count - before
        if pending.count >= 1 << 20 { try flush() }
    }

    /// Hands all bytes to the system.
    package func flush() throws(ModuleError<Kind>) {
        defer { pending.removeAll(keepingCapacity: true) }
        var done = 0
        while done < pending.count {
            let count = pending.withUnsafeBytes { bytes -> Int in
                guard let start = bytes.baseAddress else { return 0 }
                return write(descriptor, start + done, bytes.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw .writing("cannot write to the file", path, count < 0 ? errno : ENOSPC)
            }
            done += count
        }
    }

    /// Flushes, and waits until the bytes are on the disk.
    package func sync() throws(ModuleError<Kind>) {
        try flush()
        guard fsync(descriptor) == 0 else { throw .writing("cannot sync the file", path, errno) }
    }
}

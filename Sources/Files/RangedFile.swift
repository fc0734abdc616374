// A file of which ranges are read.
package import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file opened for reading ranges; any thread may read.
package final class RangedFile<Kind: FileFailure>: Sendable {
    /// Where it is.
    package let path: String
    /// Bytes in it.
    package let length: Int
    /// For calls of the system.
    package let descriptor: Int32

    /// Opens a plain file.
    package init(_ path: String) throws(ModuleError<Kind>) {
        self.path = path
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else {
            throw ModuleError(.readFailed, "cannot open the file", in: path, why: [systemMessage(errno)])
        }
        var status = stat()
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw ModuleError(.readFailed, "cannot read the file: it is not a regular file", in: path)
        }
        descriptor = opened
        length = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Bytes from an offset, all of them or an error.
    package func read(at offset: Int, count: Int) throws(ModuleError<Kind>) -> [UInt8] {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard offset >= 0, count >= 0, !overflow, end <= length else {
            throw ModuleError(
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
            throw ModuleError(
                .readFailed, "cannot read \(count) bytes at offset \(offset)", in: path, why: [systemMessage(failure)])
        }
        return bytes
    }
}

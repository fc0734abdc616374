// A file of which ranges are read, and reading and writing at an offset of any open file.
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
        let (bytes, failure) = readBytes(of: descriptor, at: offset, count: count)
        guard failure == 0 else {
            throw ModuleError(
                .readFailed, "cannot read \(count) bytes at offset \(offset)", in: path, why: [systemMessage(failure)])
        }
        return bytes
    }
}

/// Reads bytes at an offset of an open file, all of them or none; calls that a signal interrupts go on.
///
/// - Returns: The bytes, and 0 or the system's error number; `EIO` where the file ends before.
package func readBytes(of descriptor: Int32, at offset: Int, count: Int) -> (bytes: [UInt8], failure: Int32) {
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
    return (failure == 0 ? bytes : [], failure)
}

/// Writes bytes at an offset of an open file; calls that a signal interrupts go on.
///
/// - Returns: 0 or the system's error number.
package func writeBytes(_ bytes: [UInt8], to descriptor: Int32, at offset: Int) -> Int32 {
    var done = 0
    return bytes.withUnsafeBytes { buffer -> Int32 in
        while done < buffer.count, let start = buffer.baseAddress {
            let count = pwrite(descriptor, start + done, buffer.count - done, offset + done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : EIO }
            done += count
        }
        return 0
    }
}

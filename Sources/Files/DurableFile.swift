// A file that appears under its name only when it is whole.
package import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file that is written as `PATH.partial-PROCESS`, synced and renamed; without `finish` nothing remains.
///
/// The process is in the name so that neither another process's unfinished file nor a user's file of that name is lost.
package final class DurableFile<Kind: FileFailure> {
    /// Its final name.
    package let path: String
    /// Bytes appended so far.
    package private(set) var count = 0
    private let partial: String
    private var file: Int32
    /// The digest of what was appended; `nil` once bytes were written out of order.
    private var hash: SHA256?

    /// Starts a file that will replace what is at the path.
    ///
    /// - Parameters:
    ///   - temporary: What is appended to the name meanwhile; by default `.partial-PROCESS`.
    ///   - hashing: Whether the SHA-256 of the bytes is made while they are written.
    package init(
        path: String, temporary: String? = nil, hashing: Bool = false
    ) throws(ModuleError<Kind>) {
        self.path = path
        partial = path + (temporary ?? ".partial-\(getpid())")
        hash = hashing ? SHA256() : nil
        file = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failure("cannot create the file") }
    }

    deinit { abandon() }

    /// Appends bytes.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(ModuleError<Kind>) {
        try checkOpen()
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure("cannot write the file") }
            rest = rest.dropFirst(written)
        }
        hash?.update(bytes)
        count += bytes.count
    }

    /// Appends bytes.
    package func append(_ bytes: [UInt8]) throws(ModuleError<Kind>) {
        let failed = bytes.withUnsafeBytes { bytes -> ModuleError<Kind>? in
            do throws(ModuleError<Kind>) { try append(bytes) } catch { return error }
            return nil
        }
        if let failed { throw failed }
    }

    /// Appends zeros, to be overwritten later with `replace`.
    package func reserve(_ more: Int) throws(ModuleError<Kind>) {
        try checkOpen()
        hash = nil
        guard ftruncate(file, off_t(count + more)) == 0, lseek(file, off_t(count + more), SEEK_SET) >= 0 else {
            throw failure("cannot extend the file")
        }
        count += more
    }

    /// Replaces bytes that were appended or reserved before.
    package func replace(at place: Int, with bytes: UnsafeRawBufferPointer) throws(ModuleError<Kind>) {
        try checkOpen()
        precondition(place >= 0 && place + bytes.count <= count, "only what was appended can be replaced")
        hash = nil
        var done = 0
        while done < bytes.count {
            let written = pwrite(
                file, UnsafeRawBufferPointer(rebasing: bytes[done...]).baseAddress, bytes.count - done,
                off_t(place + done))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure("cannot write the file") }
            done += written
        }
    }

    /// Syncs the file and gives it its name.
    ///
    /// - Returns: The SHA-256 of its bytes, where it was made while they were written.
    @discardableResult
    package func finish() throws(ModuleError<Kind>) -> String? {
        try checkOpen()
        guard fsync(file) == 0 else { throw failure("cannot sync the file") }
        let closed = close(file)
        file = -1
        guard closed == 0, rename(partial, path) == 0 else {
            let error = failure("cannot rename the finished file")
            unlink(partial)
            throw error
        }
        // The name itself is safe only when its folder is.
        try Disk<Kind>.syncFolder(parentFolder(path))
        return hash?.finalize()
    }

    /// Gives the file up; nothing remains of it.
    package func abandon() {
        guard file >= 0 else { return }
        close(file)
        file = -1
        unlink(partial)
    }

    private func checkOpen() throws(ModuleError<Kind>) {
        guard file >= 0 else {
            throw ModuleError(.writeFailed, "the file was finished or abandoned before", in: path)
        }
    }

    private func failure(_ what: String) -> ModuleError<Kind> {
        let number = errno
        abandon()
        return .writing(what, path, number)
    }
}

extension Disk {
    /// Writes a file whole or not at all: under a temporary name, synced, renamed into place, and the folder synced.
    ///
    /// - Parameter temporary: What is appended to the name meanwhile. The default is for folders that have one writer: what a killed
    ///   process left behind is written over. Elsewhere use `ofProcess`.
    package static func write(
        _ bytes: some Sequence<UInt8>, to path: String, temporary: String = ".partial"
    ) throws(Failure) {
        let file = try DurableFile<Kind>(path: path, temporary: temporary)
        try file.append(Array(bytes))
        try file.finish()
    }

    /// Writes a text, as `write(_:to:)`.
    package static func write(_ text: String, to path: String, temporary: String = ".partial") throws(Failure) {
        try write(text.utf8, to: path, temporary: temporary)
    }
}

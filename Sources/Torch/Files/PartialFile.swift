// A file that appears under its name only when it is whole.
import Glibc

/// A file that is written as `PATH.partial-PROCESS`, synced and renamed; without `finish` nothing remains.
///
/// The process is in the name so that neither another's unfinished file nor one that somebody called so is lost.
final class PartialFile {
    let path: String
    /// Bytes appended so far.
    private(set) var count = 0
    private let partial: String
    private var file: Int32

    init(path: String) throws(TorchError) {
        self.path = path
        partial = "\(path).partial-\(getpid())"
        file = Glibc.open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failure("cannot create the file") }
    }

    deinit { abandon() }

    /// Appends bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws(TorchError) {
        try checkOpen()
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure("cannot write the file") }
            rest = rest.dropFirst(written)
        }
        count += bytes.count
    }

    /// Appends bytes.
    func append(_ bytes: [UInt8]) throws(TorchError) {
        let failed = bytes.withUnsafeBytes { bytes in attempt { () throws(TorchError) in try append(bytes) } }
        if let failed { throw failed }
    }

    /// Appends zeros, which `replace` makes something of.
    func reserve(_ more: Int) throws(TorchError) {
        try checkOpen()
        guard ftruncate(file, off_t(count + more)) == 0, lseek(file, off_t(count + more), SEEK_SET) >= 0 else {
            throw failure("cannot make room in the file")
        }
        count += more
    }

    /// Replaces bytes that were appended or reserved before.
    func replace(at place: Int, with bytes: UnsafeRawBufferPointer) throws(TorchError) {
        try checkOpen()
        precondition(place >= 0 && place + bytes.count <= count, "only what was appended can be replaced")
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
    func finish() throws(TorchError) {
        try checkOpen()
        guard fsync(file) == 0 else { throw failure("cannot sync the file") }
        let closed = close(file)
        file = -1
        guard closed == 0, rename(partial, path) == 0 else {
            let error = failure("cannot name the file")
            unlink(partial)
            throw error
        }
        // The name itself is safe only when its folder is.
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }

    /// Gives the file up; nothing remains of it.
    func abandon() {
        guard file >= 0 else { return }
        close(file)
        file = -1
        unlink(partial)
    }

    private func checkOpen() throws(TorchError) {
        guard file >= 0 else {
            throw TorchError(.writeFailed, "the file was finished or given up before", in: path)
        }
    }

    private func failure(_ what: String) -> TorchError {
        let number = errno
        abandon()
        return TorchError(
            .writeFailed, what, in: path, why: [systemMessage(number)],
            try: number == ENOSPC ? "free space on the disk" : nil)
    }
}

/// The error of a body, for carrying it through functions that do not pass on typed errors.
func attempt(_ body: () throws(TorchError) -> Void) -> TorchError? {
    do throws(TorchError) {
        try body()
        return nil
    } catch {
        return error
    }
}

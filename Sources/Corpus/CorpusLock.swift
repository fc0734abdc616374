// One writer at a time.
internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// The right to write to a corpus, held until this object goes.
///
/// The file `LOCK` names the owner. The system frees the lock of a process that died, so that what a killed run
/// leaves behind is taken over; a lock of another machine is taken over by nobody but a person.
final class CorpusLock {
    private let path: String
    private let descriptor: Int32

    init(folder: String) throws(CorpusError) {
        path = folder + "/LOCK"
        var opened: Int32 = -1
        while true {
            opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard opened >= 0 else { throw writeError("cannot make the lock", path, errno) }
            guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
                let owner = Self.owner(opened)
                close(opened)
                throw CorpusError(
                    .locked, "another geodino is writing to this corpus: \(owner ?? "unknown")", in: folder,
                    try: "wait until it is done, or stop it")
            }
            // The owner before us may have removed the name between our two calls.
            var mine = stat()
            var named = stat()
            if fstat(opened, &mine) == 0, stat(path, &named) == 0, mine.st_ino == named.st_ino { break }
            close(opened)
        }
        let host = ProcessInfo.processInfo.hostName
        if let owner = Self.owner(opened), let other = owner.components(separatedBy: " on ").last, other != host {
            close(opened)
            throw CorpusError(
                .locked, "the corpus is locked by \(owner), and this machine, \(host), cannot ask it", in: folder,
                try: "if nothing writes there any more, remove '\(path)'")
        }
        let text = Array("process \(getpid()) on \(host)\n".utf8)
        guard ftruncate(opened, 0) == 0, pwrite(opened, text, text.count, 0) == text.count else {
            let number = errno
            close(opened)
            throw writeError("cannot write the lock", path, number)
        }
        // Last: once the instance is whole, a throw would run deinit, which removes the other owner's lock.
        descriptor = opened
    }

    deinit {
        // By then the folder may have been moved or removed, and another owner's lock may have the name.
        var mine = stat()
        var named = stat()
        if fstat(descriptor, &mine) == 0, stat(path, &named) == 0, mine.st_ino == named.st_ino { unlink(path) }
        close(descriptor)
    }

    private static func owner(_ descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

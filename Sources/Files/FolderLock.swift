// One writer of a folder at a time.
internal import Foundation
package import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// The right to write to a folder, held until this object is released.
///
/// A file in the folder names the owner. The system releases the lock when the process ends, however it ends, so the lock file of
/// a killed process does not keep others out.
package final class FolderLock<Kind: FileFailure> {
    private let path: String
    private let descriptor: Int32
    private let isRemoved: Bool

    /// Takes the lock of a folder.
    ///
    /// - Parameters:
    ///   - name: The name of the file.
    ///   - what: What the folder is, such as "corpus".
    ///   - isRemoved: Whether the file is removed with the lock. If so, an existing file means that a process is writing or was
    ///     killed; one from another machine, whose processes cannot be checked from here, is respected.
    /// - Throws: `locked`, naming the process that holds it; `writeFailed`.
    package init(folder: String, name: String, what: String, isRemoved: Bool) throws(ModuleError<Kind>) {
        path = "\(folder)/\(name)"
        self.isRemoved = isRemoved
        var opened: Int32 = -1
        while true {
            opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard opened >= 0 else { throw .writing("cannot create the lock of the \(what)", path, errno) }
            guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
                let error = Self.held(by: Self.owner(opened), folder, what)
                close(opened)
                throw error
            }
            // The owner before us may have removed the name between our two calls.
            if Self.isNamed(path, opened) { break }
            close(opened)
        }
        let host = ProcessInfo.processInfo.hostName
        if isRemoved, let owner = Self.owner(opened), let cut = owner.range(of: " on ", options: .backwards),
            owner[cut.upperBound...] != host
        {
            Self.release(opened)
            throw ModuleError(
                .held,
                "the \(what) is locked by \(owner), and this machine, \(host), cannot check whether that process still runs",
                in: folder,
                try: "if that process no longer runs, remove '\(path)'")
        }
        let text = Array("process \(getpid()) on \(host)\n".utf8)
        // A lock whose file stays holds also where a full disk does not take the owner's name.
        let isNamed = ftruncate(opened, 0) == 0 && pwrite(opened, text, text.count, 0) == text.count
        guard isNamed || !isRemoved else {
            let number = errno
            Self.release(opened)
            throw .writing("cannot write the lock of the \(what)", path, number)
        }
        // Last: once the instance is whole, a throw would run deinit, which removes the other owner's lock.
        descriptor = opened
    }

    /// Refuses a folder that a process is writing to.
    ///
    /// Takes no lock and writes nothing. For callers that refuse the folder anyway: whoever writes to it is the better reason, and
    /// its advice the one that works.
    ///
    /// - Throws: `locked`, naming the process that holds the lock.
    package static func refuseHeld(folder: String, name: String, what: String) throws(ModuleError<Kind>) {
        let opened = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { return }
        defer { release(opened) }
        // Shared, so that two that ask at once do not take each other for a writer.
        guard flock(opened, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return }
        throw held(by: owner(opened), folder, what)
    }

    private static func held(by owner: String?, _ folder: String, _ what: String) -> ModuleError<Kind> {
        ModuleError(
            .held, "another process is writing to this \(what)", in: folder,
            why: [owner.map { "it is \($0)" } ?? "the lock does not name the process"],
            try: "wait until that process is done, or stop it")
    }

    deinit {
        // By then the folder may have been moved or removed, and another owner's lock may have the name.
        if isRemoved, Self.isNamed(path, descriptor) { unlink(path) }
        Self.release(descriptor)
    }

    /// Unlocks a file and closes it.
    ///
    /// To close it is not enough: a program that this process is about to start has a copy of the descriptor until it runs, and the lock
    /// with it.
    private static func release(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Whether a path leads to an open file.
    private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
        var mine = stat()
        var named = stat()
        return fstat(descriptor, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino
    }

    private static func owner(_ descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

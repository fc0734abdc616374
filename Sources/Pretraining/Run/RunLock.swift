// One writer per run.
import Glibc

/// Holds a run's lock until it goes; the system frees it when the process ends, however it ends.
final class RunLock {
    private let descriptor: Int32

    /// Takes the lock of a run.
    ///
    /// - Throws: `locked`, naming the process that holds it.
    init(folder: String) throws {
        let path = "\(folder)/lock"
        // Kept in a local until the lock is ours: once the instance is whole, a throw would close it again in deinit.
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard opened >= 0 else {
            throw PretrainingError(
                .writeFailed, "cannot make the run's lock", in: path, why: [FileSystem.systemReason()])
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let owner = (try? FileSystem.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            close(opened)
            throw PretrainingError(
                .locked, "another process is writing this run", in: folder,
                why: owner.isEmpty ? [] : ["it is \(owner)"],
                try: "wait for it, or stop it")
        }
        ftruncate(opened, 0)
        let owner = "process \(getpid())"
        _ = Array(owner.utf8).withUnsafeBytes { FileSystem.writeAll(opened, $0) }
        descriptor = opened
    }

    deinit { close(descriptor) }
}

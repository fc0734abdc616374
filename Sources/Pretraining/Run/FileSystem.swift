// Files and folders that survive a crash: write, sync, rename.
import FoundationEssentials
import Glibc

/// The few file operations of a run, each with an error that names the path.
enum FileSystem {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw PretrainingError(.writeFailed, "cannot make the folder", in: path, why: [systemReason()])
        }
    }

    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    static func rename(_ from: String, to: String) throws {
        guard Glibc.rename(from, to) == 0 else {
            throw PretrainingError(.writeFailed, "cannot rename to \(to)", in: from, why: [systemReason()])
        }
    }

    static func read(_ path: String) throws -> [UInt8] {
        let file = try MappedFile(path: path)
        // Without this the mapping may end after its last mention, before its bytes are copied.
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    /// Writes a file under a temporary name, syncs it, and renames it into place.
    static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
        let temporary = path + ".partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw PretrainingError(.writeFailed, "cannot write the file", in: path, why: [systemReason()])
        }
        let written = Array(bytes).withUnsafeBytes { writeAll(descriptor, $0) } && fsync(descriptor) == 0
        let reason = systemReason()
        close(descriptor)
        guard written else {
            unlink(temporary)
            throw PretrainingError(.writeFailed, "cannot write the file", in: path, why: [reason])
        }
        try rename(temporary, to: path)
        syncFolder(parent(of: path))
    }

    static func write(_ text: String, to path: String) throws { try write(text.utf8, to: path) }

    /// Writes all bytes, also where the system takes them in parts.
    static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(
                descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Waits until a file's bytes are on the disk.
    static func syncFile(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw PretrainingError(
                .writeFailed, "cannot open the file to sync it", in: path, why: [systemReason()])
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw PretrainingError(.writeFailed, "cannot sync the file", in: path, why: [systemReason()])
        }
    }

    /// Waits until a folder's names are on the disk; file systems that cannot are left alone.
    static func syncFolder(_ path: String) {
        let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Free bytes for this user where a path lies; `nil` when the system does not say.
    static func freeBytes(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        return overflow ? Int.max : bytes
    }

    static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func systemReason() -> String { String(cString: strerror(errno)) }
}

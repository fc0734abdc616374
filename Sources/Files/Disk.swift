// Files and folders that survive a crash: write, sync, rename.
internal import FoundationEssentials
package import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// Operations on files whose errors are those of one module.
package enum Disk<Kind: FileFailure> {
    /// The error of the module.
    package typealias Failure = ModuleError<Kind>

    /// A temporary ending that no other process uses.
    package static var ofProcess: String { ".partial-\(getpid())" }

    /// Renames, replacing a file of the new name, and syncs the folder of the new name.
    package static func rename(_ path: String, to target: String) throws(Failure) {
        guard Glibc.rename(path, target) == 0 else {
            throw .writing("cannot rename to '\(target)'", path, errno)
        }
        try syncFolder(parentFolder(target))
    }

    /// Waits until the names in a folder are on the disk.
    ///
    /// Folders that cannot be opened, and file systems that do not sync folders, are left alone.
    package static func syncFolder(_ path: String) throws(Failure) {
        let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .writing("cannot sync the folder", path, errno)
        }
    }

    /// Waits until the bytes of a file are on the disk.
    package static func sync(_ path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .writing("cannot open the file to sync it", path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .writing("cannot sync the file", path, errno) }
    }

    /// All bytes of a file.
    package static func read(_ path: String) throws(Failure) -> [UInt8] {
        let file = try MappedFile<Kind>(path: path)
        // Without this the map may end after its last mention, before its bytes are copied.
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    /// Names in a folder, sorted; hidden ones too.
    package static func names(in folder: String) throws(Failure) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        } catch {
            throw Failure(.readFailed, "cannot list the folder", in: folder, why: causes(of: error))
        }
    }

    /// Makes a folder and those above it.
    package static func makeFolder(_ path: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            let number = errno
            throw Failure(
                .writeFailed, "cannot create the folder", in: path,
                why: number == 0 ? causes(of: error) : [systemMessage(number)])
        }
    }

    /// Removes a file, or a folder with all that is in it.
    package static func remove(_ path: String) throws(Failure) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw Failure(.writeFailed, "cannot remove the file or folder", in: path, why: causes(of: error))
        }
    }
}

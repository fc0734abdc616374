// Files of a run, with errors of this module.
package import Files
internal import Telemetry

/// Operations on the files of a run.
package typealias Disk = Files.Disk<PretrainingFailure>
/// A file as memory.
package typealias MappedFile = Files.MappedFile<PretrainingFailure>

/// One writer per run.
typealias RunLock = FolderLock<PretrainingFailure>

extension FolderLock<PretrainingFailure> {
    /// Takes the lock of a run.
    convenience init(run folder: String) throws(PretrainingError) {
        try self.init(folder: folder, name: "lock", what: "run", isRemoved: false)
    }
}

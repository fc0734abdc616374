// Files of a run, with errors of this module.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// Operations on the files of a run.
typealias Disk = Files.Disk<TrainingFailure>
/// A file as memory.
typealias MappedFile = Files.MappedFile<TrainingFailure>

/// One writer per run.
typealias RunLock = FolderLock<TrainingFailure>

extension FolderLock<TrainingFailure> {
    /// Takes the lock of a run.
    convenience init(run folder: String, kind: String) throws(TrainingError) {
        try self.init(folder: folder, name: Self.lockName, what: kind, isRemoved: false)
    }

    /// Refuses a run that a process is writing to.
    static func refuseHeld(run folder: String, kind: String) throws(TrainingError) {
        try refuseHeld(folder: folder, name: lockName, what: kind)
    }

    private static var lockName: String { "lock" }
}

/// A value as JSON for people and programs: sorted keys, a line each.
package func prettyJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}

// The finished rows of an unfinished map, next to its output, from which the same request continues.
internal import Files
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// The rows of an unfinished map: a folder `.NAME.resume` next to the output, with one log per part.
///
/// See `JournalFolder` for its files.
final class MapJournal {
    /// One log per part.
    let logs: [RowLog]
    /// Files of the map that an earlier run was making when it was killed, and that were not there before it.
    let published: [String]
    private let folder: String
    private let output: String
    /// Windows of all parts, about.
    private let total: Int
    private var lock: FolderLock<MappingFailure>?
    /// Windows that were kept by earlier runs.
    private let keptBefore: Int

    /// Opens the journal of a job, with the rows that are kept, or starts it.
    ///
    /// - Throws: `locked` where another process makes the map; `changed` where the rows belong to another one and nothing may be
    ///   overwritten; `writeFailed`, `diskFull`, and what reading the scenes throws.
    init(_ job: MapJob, writing: WrittenProduct) throws {
        let folder = JournalFolder.path(of: job.request.output)
        output = job.request.output
        total = job.plan.windowCount
        self.folder = folder
        // Before anything is made: reading the scenes may fail.
        let facts = try MapFacts(job, writing: writing)
        if !isFolder(folder) { try Disk<MappingFailure>.makeFolder(folder) }
        let lock = try FolderLock<MappingFailure>(
            folder: folder, name: JournalFolder.lockName, what: "map", isRemoved: false)
        let marker = "\(folder)/\(JournalFolder.marker)"
        if !Self.holdsRows(of: facts, marker: marker) {
            if fileExists(marker), !job.request.overwrite {
                throw Self.changed(from: MapFacts(marker), to: facts, job.request)
            }
            JournalFolder.removeContents(folder)
            do { try Disk<MappingFailure>.write(facts.encoded(), to: marker) } catch {
                JournalFolder.remove(folder)
                throw error
            }
        }
        let names = JournalFolder.published(job.request.output)
        published = job.plan.parts.flatMap(\.newFiles).filter {
            names.contains(JournalFolder.publishedName($0, of: job.request.output))
        }
        self.lock = lock
        logs = try job.plan.parts.enumerated().map { index, part in
            try RowLog("\(folder)/\(JournalFolder.logName(index))", part: part, shape: writing.rowShape)
        }
        keptBefore = logs.reduce(0) { $0 + $1.position.windows }
    }

    private static func holdsRows(of facts: MapFacts, marker: String) -> Bool {
        fileExists(marker) && MapFacts(marker) == facts
    }

    /// What to tell the user of rows that were found; `nil` where there were none.
    var notice: String? {
        guard logs.contains(where: { !$0.isEmpty }) else { return nil }
        return "\(output): resumed; \(keptBefore) of about \(counted(max(total, keptBefore), "windows")) were kept"
    }

    /// Windows that need not be predicted again.
    private var kept: Int { logs.reduce(0) { $0 + $1.position.windows } }

    // MARK: - The end

    /// Notes which files of a part get their names from now on where there is none, so that a later run may replace them.
    func beginPublishing(_ part: MapPlan.Part) throws(MappingError) {
        for log in logs { try log.sync() }
        let new = part.newFiles.filter { !fileExists($0) }.map { JournalFolder.publishedName($0, of: output) }
        // A name of two lines would be two other names.
        let names = JournalFolder.published(output).union(new.filter { !$0.contains("\n") })
        try Disk<MappingFailure>.write(
            names.sorted().map { "\($0)\n" }.joined(), to: "\(folder)/\(JournalFolder.publishing)")
    }

    /// Removes all, once the map is finished.
    func remove() {
        for log in logs { log.close() }
        JournalFolder.removeContents(folder)
        JournalFolder.remove(folder)
        lock = nil
    }

    /// Ends a run that failed or was stopped, after the files that it had made were removed.
    ///
    /// - Returns: The error to throw: one of a stop says what is kept.
    func close(after error: any Error) -> any Error {
        unlink("\(folder)/\(JournalFolder.publishing)")
        let isStopped = (error as? any ExplainedError)?.isCancellation ?? false
        guard logs.contains(where: { !$0.isEmpty }) else {
            remove()
            return isStopped ? stoppedMap(in: output) : error
        }
        for log in logs {
            // What the disk does not take now is computed again.
            try? log.sync()
            log.close()
        }
        lock = nil
        guard isStopped else { return error }
        return MappingError(
            .cancelled,
            "stopped before the map was finished; \(kept) of about \(counted(max(total, kept), "windows")) are kept",
            in: output, try: "\(UserAction.resumeSameCommand)")
    }

    private static func changed(from earlier: MapFacts?, to facts: MapFacts, _ request: MapRequest) -> MappingError {
        let differences = earlier.map(facts.differences) ?? ["'\(JournalFolder.marker)' in it cannot be read"]
        let more = differences.count > 4 ? ["and \(differences.count - 4) more"] : []
        return MappingError(
            .changed, "the rows that are kept for this output belong to another map",
            in: JournalFolder.path(of: request.output),
            why: differences.prefix(4) + more,
            try:
                "repeat the command of that map, or give \(Setting.overwrite) too, which discards its rows, or another \(Setting.output)"
        )
    }
}

/// The error of a map that was stopped and of which nothing is kept.
func stoppedMap(in output: String) -> MappingError {
    MappingError(.cancelled, "stopped before the map was finished; nothing was kept", in: output)
}

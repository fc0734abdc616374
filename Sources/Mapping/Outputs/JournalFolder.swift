// The folder in which the finished rows of an unfinished map are kept, and its files.
internal import Files

#if canImport(Glibc)
    internal import Glibc
#endif

/// The folder `.NAME.resume` next to an output.
///
/// It has one writer at a time. `map.json` says what map the rows belong to. It is the first file to be removed when the map is
/// finished, so that a folder without it holds nothing of use. `publishing` names the files that the map has made or was about to make
/// where there was none, one a line.
enum JournalFolder {
    static let marker = "map.json"
    static let publishing = "publishing"
    static let lockName = "lock"

    /// The name of a part's log; parts count from 0.
    static func logName(_ part: Int) -> String { "part-\(part + 1).rows" }

    /// The folder of an output's rows.
    static func path(of output: String) -> String {
        let name = fileName(output)
        return "\(output.dropLast(name.count)).\(name).resume"
    }

    /// Whether there are rows of an unfinished map of an output.
    static func holdsRows(_ output: String) -> Bool { fileExists("\(path(of: output))/\(marker)") }

    /// Refuses an output whose map another process is making.
    static func refuseHeld(_ output: String) throws(MappingError) {
        try FolderLock<MappingFailure>.refuseHeld(folder: path(of: output), name: lockName, what: "map")
    }

    /// The names in `publishing`, which are those that `publishedName` makes of paths; empty where there is no such file.
    static func published(_ output: String) -> Set<String> {
        guard holdsRows(output), let bytes = try? Disk<MappingFailure>.read("\(path(of: output))/\(publishing)") else {
            return []
        }
        return Set(String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init))
    }

    /// The name of a file of a map in `publishing`: that in the output's folder, or with the whole path of another folder.
    static func publishedName(_ path: String, of output: String) -> String {
        let (folder, home) = (absolute(parentFolder(path)), absolute(parentFolder(output)))
        return folder == home ? fileName(path) : joined(folder, fileName(path))
    }

    private static func absolute(_ folder: String) -> String {
        guard let resolved = realpath(folder, nil) else { return folder }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Bytes that are kept for an output.
    static func bytes(of output: String) -> Int {
        let folder = path(of: output)
        return fileNames(in: folder).filter(isLog).reduce(0) { $0 + (fileSize("\(folder)/\($1)") ?? 0) }
    }

    /// Removes the folder of an output if no process writes to it.
    ///
    /// - Parameter evenWithRows: Whether rows that are kept go too: those of a map that is finished meanwhile.
    static func discard(of output: String, evenWithRows: Bool) {
        let folder = path(of: output)
        guard isFolder(folder), evenWithRows || !fileExists("\(folder)/\(marker)") else { return }
        guard let lock = try? FolderLock<MappingFailure>(folder: folder, name: lockName, what: "map", isRemoved: false)
        else { return }
        withExtendedLifetime(lock) {
            removeContents(folder)
            remove(folder)
        }
    }

    private static func isLog(_ name: String) -> Bool { name.hasPrefix("part-") && name.hasSuffix(".rows") }

    /// Removes the files of a journal except its lock; other files in the folder stay.
    static func removeContents(_ folder: String) {
        let names = [marker, "\(marker).partial", publishing, "\(publishing).partial"]
        for name in names + fileNames(in: folder).filter(isLog) { unlink("\(folder)/\(name)") }
    }

    /// Removes the lock and the folder, if nothing else is in it.
    static func remove(_ folder: String) {
        unlink("\(folder)/\(lockName)")
        rmdir(folder)
    }
}

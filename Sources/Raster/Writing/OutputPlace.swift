// Where a file goes that is written under another name first.
internal import Files
import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// The place of an output: checked at the start, filled at the end.
struct OutputPlace {
    let path: String
    let overwrite: Bool
    private let folder: String
    private let name: String

    /// Checks a place.
    ///
    /// - Throws: `exists`; `writeFailed` where its folder does not exist.
    init(_ path: String, overwrite: Bool) throws(RasterError) {
        let manager = FileManager.default
        var isFolder = false
        if manager.fileExists(atPath: path, isDirectory: &isFolder) {
            guard !isFolder else { throw RasterError(.exists, "a folder has this name", in: path) }
            guard overwrite else {
                throw RasterError(
                    .exists, "the output exists already", in: path, try: "give \(Setting.overwrite) to replace it")
            }
        }
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder else {
            throw RasterError(
                .writeFailed, "the folder '\(folder)' does not exist", in: path, try: folderRemedy(folder))
        }
        self.path = path
        self.overwrite = overwrite
        self.folder = folder
        name = url.lastPathComponent
    }

    /// A name next to the output that no other process uses.
    func temporary(_ ending: String) -> String {
        "\(folder)/.\(name).partial-\(ProcessInfo.processInfo.processIdentifier)\(ending)"
    }

    /// Syncs a finished file to the disk, and refuses an output that exists meanwhile.
    func prepare(_ finished: String) throws(RasterError) {
        try Disk<RasterFailure>.sync(finished)
        if !overwrite, FileManager.default.fileExists(atPath: path) {
            throw RasterError(
                .exists, "another process created the output in the meantime", in: path,
                try: "give \(Setting.overwrite) to replace it")
        }
    }

    /// Tells a full disk from other failures.
    ///
    /// - Parameter what: What is written: `the raster` ...
    func explained(_ error: RasterError, writing what: String) -> RasterError {
        guard error.code == .writeFailed else { return error }
        var space = statvfs()
        let free = statvfs(folder, &space) == 0 ? UInt64(space.f_bavail) * UInt64(space.f_frsize) : .max
        let said = error.causes.contains {
            $0.contains("No space left") || $0.contains("Disk full") || $0.contains("disk is full")
        }
        guard said || free < 1 << 20 else { return error }
        return RasterError(
            .diskFull, "no space is left for \(what)", in: path, why: [error.what] + error.causes,
            try: "free some space in \(folder), or write elsewhere; the partial file was removed")
    }
}

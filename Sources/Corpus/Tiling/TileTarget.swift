// Where a corpus goes: what is there already, and what may become of it.
internal import Files
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// The folder that a run writes to.
///
/// Overwriting renames the old corpus to `NAME.replaced`, writes the new one, then removes the old; a run that cuts
/// nothing puts the old one back. Only folders with our marker are ever renamed or removed.
final class TileTarget {
    /// What to do.
    enum State {
        /// Nothing is there, or it will be replaced.
        case fresh
        /// Begun with the same inputs.
        case resumable(CorpusFolder)
        /// Done with the same inputs.
        case complete(CorpusFolder)
    }

    let state: State
    private let path: String
    private let replaces: Bool
    private let wasVacant: Bool
    /// Held from the first change to the folder until the run is over.
    private var lock: CorpusLock?

    private var aside: String { path + ".replaced" }
    /// The file that tells a corpus moved aside from one that merely has such a name.
    private static let asideMark = "REPLACED"
    private var isAside: Bool { CorpusFolder.bearsMarker(aside) && fileExists(aside + "/" + Self.asideMark) }

    init(_ given: String, wanted: CorpusMarker, options: TileOptions) throws(CorpusError) {
        let path = withoutTrailingSlashes(given)
        self.path = path
        replaces = options.overwrite && CorpusFolder.bearsMarker(path)
        wasVacant = fileExists(path) && Self.isVacant(path)
        if replaces || !fileExists(path) {
            state = .fresh
            return
        }
        guard CorpusFolder.bearsMarker(path) else {
            // A run that was killed before it wrote its marker leaves no more than this.
            guard wasVacant else {
                throw CorpusError(
                    .exists, "not a geodino corpus; refusing to overwrite", in: path,
                    try: "choose another output folder")
            }
            state = .fresh
            return
        }
        let folder = try CorpusFolder(path)
        let differences = folder.marker.differences(from: wanted)
        guard differences.isEmpty else {
            throw CorpusError(
                .inputsChanged, "the corpus was started with other inputs", in: path, why: differences,
                try: "choose another output folder, or replace the corpus with \(Setting.overwrite)")
        }
        if try folder.journal()?.complete == true {
            state = .complete(folder)
        } else if options.resume {
            state = .resumable(folder)
        } else {
            try CorpusLock.refuseHeld(corpus: path)
            throw CorpusError(
                .exists, "an unfinished corpus of the same inputs exists already", in: path,
                try: "resume with \(Setting.resume), or replace it with \(Setting.overwrite)")
        }
    }

    private static func isVacant(_ path: String) -> Bool {
        guard let names = try? Disk.names(in: path) else { return false }
        return names.allSatisfy { $0 == "LOCK" || $0 == CorpusMarker.name + ".partial" }
    }

    /// Makes the folder with its marker, moving an old corpus aside; the folder is locked from then on.
    func begin(
        _ marker: CorpusMarker, reached: (@Sendable (BreakingPoint) throws -> Void)?
    ) throws -> CorpusFolder {
        let bytes: [UInt8]
        do { bytes = try encodeJSON(marker, pretty: true) } catch {
            throw CorpusError(.writeFailed, "cannot encode the corpus's marker", in: path, why: causes(of: error))
        }
        if replaces { try moveAside() }
        try Disk.makeFolder(path)
        try hold()
        // Another run may have begun here since we looked.
        guard !CorpusFolder.bearsMarker(path) else {
            throw CorpusError(
                .exists, "another process has just made a corpus in the folder", in: path,
                try: "choose another output folder, or replace the corpus with \(Setting.overwrite)")
        }
        try Disk.write(bytes, to: path + "/" + CorpusMarker.name)
        try Disk.syncFolder(parentFolder(path))
        try reached?(.markerWritten)
        return try CorpusFolder(path)
    }

    /// Locks the folder as it is.
    func hold() throws(CorpusError) { lock = try CorpusLock(corpus: path) }

    private func moveAside() throws {
        let old = try CorpusLock(corpus: path)
        defer { withExtendedLifetime(old) {} }
        // A replacement that broke off left the true old corpus aside; what lies here is its unfinished successor.
        // One that broke off when all was cut left a complete successor, and the one aside is of no more use.
        let isComplete = (try? CorpusFolder(path).journal())?.complete == true
        if isAside, !isComplete { return try Disk.remove(path) }
        if isAside { try Disk.remove(aside) }
        guard !fileExists(aside) else {
            throw CorpusError(
                .exists, "cannot move the old corpus aside: '\(aside)' exists already", in: path,
                try: "move it elsewhere")
        }
        try Disk.write(Array("replaced by a newer corpus\n".utf8), to: path + "/" + Self.asideMark)
        try Disk.rename(path, to: aside)
        // The lock has moved too, and would name us when the old corpus is put back.
        unlink(aside + "/LOCK")
    }

    /// The run is done: what was moved aside goes.
    func keep() throws(CorpusError) {
        if isAside { try Disk.remove(aside) }
        lock = nil
    }

    /// The run cut nothing: all is as it was before.
    func abandon() throws(CorpusError) {
        try Disk.remove(path)
        // Before another folder has the name: the lock goes by its name.
        lock = nil
        if isAside {
            try Disk.rename(aside, to: path)
            try Disk.remove(path + "/" + Self.asideMark)
        } else if wasVacant {
            try Disk.makeFolder(path)
        }
    }
}

// Where a corpus goes: what is there already, and what may become of it.

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
    private var isAside: Bool { CorpusFolder.bearsMarker(aside) && exists(aside + "/" + Self.asideMark) }

    init(_ given: String, wanted: CorpusMarker, options: TileOptions) throws(CorpusError) {
        let path = withoutTrailingSlashes(given)
        self.path = path
        replaces = options.overwrite && CorpusFolder.bearsMarker(path)
        wasVacant = exists(path) && Self.isVacant(path)
        if replaces || !exists(path) {
            state = .fresh
            return
        }
        guard CorpusFolder.bearsMarker(path) else {
            // A run that was killed before it wrote its marker leaves no more than this.
            guard wasVacant else {
                throw CorpusError(
                    .exists, "something that is no corpus lies there; it is left alone", in: path,
                    try: "choose another output folder")
            }
            state = .fresh
            return
        }
        let folder = try CorpusFolder(path)
        let differences = folder.marker.differences(from: wanted)
        guard differences.isEmpty else {
            throw CorpusError(
                .inputsChanged, "the corpus was begun with other inputs", in: path, why: differences,
                try: "choose another output folder, or replace the corpus with --overwrite")
        }
        if try folder.journal()?.complete == true {
            state = .complete(folder)
        } else if options.resume {
            state = .resumable(folder)
        } else {
            throw CorpusError(
                .exists, "an unfinished corpus of the same inputs lies there", in: path,
                try: "go on with --resume, or replace it with --overwrite")
        }
    }

    private static func isVacant(_ path: String) -> Bool {
        guard let names = try? names(in: path) else { return false }
        return names.allSatisfy { $0 == "LOCK" || $0 == CorpusMarker.name + ".partial" }
    }

    /// Makes the folder with its marker, moving an old corpus aside; the folder is locked from then on.
    func begin(
        _ marker: CorpusMarker, reached: (@Sendable (BreakingPoint) throws -> Void)?
    ) throws -> CorpusFolder {
        let bytes: [UInt8]
        do { bytes = try encodeJSON(marker, pretty: true) } catch {
            throw CorpusError(.writeFailed, "cannot encode the corpus's marker", in: path, why: ["\(error)"])
        }
        if replaces { try moveAside() }
        try makeFolder(path)
        try hold()
        // Another run may have begun here since we looked.
        guard !CorpusFolder.bearsMarker(path) else {
            throw CorpusError(
                .exists, "another geodino has just made a corpus there", in: path,
                try: "choose another output folder, or replace the corpus with --overwrite")
        }
        try writeAtomically(bytes, to: path + "/" + CorpusMarker.name)
        try syncFolder(parentFolder(path))
        try reached?(.markerWritten)
        return try CorpusFolder(path)
    }

    /// Locks the folder as it is.
    func hold() throws(CorpusError) { lock = try CorpusLock(folder: path) }

    private func moveAside() throws {
        let old = try CorpusLock(folder: path)
        defer { withExtendedLifetime(old) {} }
        // A replacement that broke off left the true old corpus aside; what lies here is its unfinished successor.
        // One that broke off when all was cut left a complete successor, and the one aside is of no more use.
        let isComplete = (try? CorpusFolder(path).journal())?.complete == true
        if isAside, !isComplete { return try removeAll(path) }
        if isAside { try removeAll(aside) }
        guard !exists(aside) else {
            throw CorpusError(
                .exists, "the old corpus cannot be moved aside: something lies at '\(aside)'", in: path,
                try: "move that away")
        }
        try writeAtomically(Array("replaced by a newer corpus\n".utf8), to: path + "/" + Self.asideMark)
        try move(path, to: aside)
        // The lock has moved too, and would name us when the old corpus is put back.
        unlink(aside + "/LOCK")
    }

    /// The run is done: what was moved aside goes.
    func keep() throws(CorpusError) {
        if isAside { try removeAll(aside) }
        lock = nil
    }

    /// The run cut nothing: all is as it was before.
    func abandon() throws(CorpusError) {
        try removeAll(path)
        // Before another folder has the name: the lock goes by its name.
        lock = nil
        if isAside {
            try move(aside, to: path)
            try removeAll(path + "/" + Self.asideMark)
        } else if wasVacant {
            try makeFolder(path)
        }
    }
}

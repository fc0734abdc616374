// geodino corpus reindex: everything that can be made from the shards, made again.
internal import Files
internal import Foundation
public import Telemetry

/// What reindexing did.
public struct ReindexSummary: Codable, Sendable, Hashable {
    /// Tiles in finished shards.
    public var tiles = 0
    /// Finished shards.
    public var shards = 0
    /// Indexes of shards that were rebuilt.
    public var rebuilt: [String] = []
    /// What the user should know.
    public var notes: [String] = []
}

/// Makes the indexes of shards, the journal and `corpus.gpkg` again from the shards; cuts no shard.
///
/// The index of a shard is kept where it fits its archive. Else the archive is read up to its end or to the first
/// bytes that make no sense, and its index names every whole tile before them; bytes behind stay where they are.
///
/// - Throws: `CorpusError` (`notCorpus`, `locked`, `damaged`, `cancelled`).
@discardableResult
public func reindexCorpus(_ path: String, progress: ProgressHandler? = nil) throws -> ReindexSummary {
    let folder = try CorpusFolder(path)
    let lock = try CorpusLock(corpus: path)
    defer { withExtendedLifetime(lock) {} }
    var summary = ReindexSummary()
    let journal = try? folder.journal()
    let (archives, indexes) = try folder.listing()
    if let gap = archives.enumerated().first(where: { $0.offset != $0.element })?.offset {
        throw CorpusError(
            .damaged,
            "shard \(ShardName.text(gap)).tar is missing, so the tiles after it have lost their numbers",
            in: folder.shards, try: "restore the shard from a copy")
    }
    for number in indexes.subtracting(archives).sorted() {
        let name = ShardName.text(number)
        summary.notes.append("shards/\(name).tar is lost; its index is now \(name).idx.orphan")
        try Disk.rename(folder.index(number), to: folder.index(number) + ".orphan")
    }
    var open: Int?
    for number in archives {
        guard progress?(Progress(unit: "shards", done: number, total: archives.count)) ?? true else {
            throw CorpusError(.cancelled, "stopped after \(number) of \(archives.count) shards", in: path)
        }
        if try fits(number, folder) { continue }
        if try !rebuild(number, folder, isLast: number == archives.count - 1, &summary) { open = number }
    }
    let old = tilesWhenComplete(folder)
    var before = journal ?? Journal(complete: old != nil)
    // The journal may be lost, or of a version that did not count.
    if before.tiles == nil { before.tiles = old }
    // Without counts for a moment: they are what is to be found out.
    let shards = try folder.finishedShards(Journal(openShard: open))
    let tiles = shards.reduce(0) { $0 + $1.index.count }
    var complete = open == nil && before.complete
    if complete, let loss = before.loss(shards: shards.count, tiles: tiles) {
        // What is lost from the end can be cut again; numbers missing in between cannot be given a second time.
        complete = !isGapless(shards)
        summary.notes.append(complete ? "\(loss); the corpus is now complete without the lost tiles" : loss)
    }
    try folder.write(
        Journal(
            openShard: open, complete: complete, shards: complete ? shards.count : nil, tiles: complete ? tiles : nil))
    for suffix in ["", "-journal", "-wal", "-shm"] where fileExists(folder.database + suffix) {
        try Disk.remove(folder.database + suffix)
    }
    let (database, _) = try openDatabase(folder, shards)
    summary.shards = shards.count
    summary.tiles = tiles
    if complete { try database.finish(tiles: summary.tiles) }
    if !complete { summary.notes.append("the corpus is unfinished; continue with \(UserAction.resumeCutting)") }
    return summary
}

/// Whether a shard has an index that can be believed.
private func fits(_ number: Int, _ folder: CorpusFolder) throws -> Bool {
    guard fileExists(folder.index(number)), let shard = try? FinishedShard(number: number, folder: folder),
        shard.index.recordsAreWhole()
    else { return false }
    return try InputFile(shard.path).length == shard.index.shardLength
}

/// Makes the index of a shard; false where the shard is the open one and gets none.
private func rebuild(
    _ number: Int, _ folder: CorpusFolder, isLast: Bool, _ summary: inout ReindexSummary
) throws -> Bool {
    let name = ShardName.text(number)
    let scan = try ShardScan(folder.archive(number))
    // Without an index and without an end, the last shard was being written.
    if isLast, !scan.isFinished, !fileExists(folder.index(number)) {
        summary.notes.append("shards/\(name).tar is unfinished: \(scan.records.count) whole tiles")
        return false
    }
    if let problem = scan.problem, !scan.isFinished {
        summary.notes.append("shards/\(name).tar: \(problem); \(scan.records.count) whole tiles before that are kept")
    } else if scan.length > scan.end + Tar.trailer.count {
        summary.notes.append(
            "shards/\(name).tar: \(scan.length - scan.end - Tar.trailer.count) bytes after its end were not changed")
    }
    try Disk.write(ShardIndex.encode(scan.records, shardLength: scan.length), to: folder.index(number))
    summary.rebuilt.append(name + ".idx")
    return true
}

/// The number of tiles that the old index of the corpus had when it was complete; `nil` where it was not, or that is
/// lost: cutting may continue.
private func tilesWhenComplete(_ folder: CorpusFolder) -> Int? {
    guard fileExists(folder.database), let database = try? CorpusDatabase(folder.database) else { return nil }
    return try? database.tilesWhenComplete()
}

/// Whether the tiles of all shards are numbered one after the other from 0.
private func isGapless(_ shards: [FinishedShard]) -> Bool {
    var next: UInt64 = 0
    for shard in shards {
        for position in 0..<shard.index.count {
            guard shard.index[position].id == next else { return false }
            next += 1
        }
    }
    return true
}

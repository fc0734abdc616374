// Shards being written: members in plan order, closed shard by shard, each step synced before the next names it.
internal import Files
internal import Telemetry

/// A place where a test can break the work, as a crash would.
package enum BreakingPoint: Hashable, Sendable {
    case folderInspected, markerWritten, journalNamesShard(Int), tileAppended(Int), shardSynced(Int), indexWritten(Int)
    case databaseWritten(Int), allShardsClosed, databaseFinished
}

/// Writes tiles into shards.
final class ShardWriter {
    private let folder: CorpusFolder
    private let limit: Int
    private let reached: (BreakingPoint) throws -> Void
    private var file: OutputFile?
    private var records: [IndexRecord] = []
    /// The shard being written, or the next one.
    private(set) var number: Int

    /// Continues after finished shards, perhaps with an open one.
    ///
    /// - Parameter open: The records of the open shard and where they end; what follows is cut.
    init(
        folder: CorpusFolder, number: Int, limit: Int, open: (records: [IndexRecord], end: Int)?,
        reached: @escaping (BreakingPoint) throws -> Void
    ) throws(CorpusError) {
        self.folder = folder
        self.number = number
        self.limit = limit
        self.reached = reached
        if let open {
            file = try OutputFile(continuing: folder.archive(number), at: open.end)
            records = open.records
        }
    }

    /// Appends a tile.
    ///
    /// - Returns: The shard that had to be closed to make room.
    func append(_ tile: TileRecord, pixels: [UInt8]) throws -> FinishedShard? {
        let text = try encodeJSON(tile, snake: true)
        let needed = 2 * Tar.blockSize + Tar.padded(pixels.count) + Tar.padded(text.count)
        var closed: FinishedShard?
        if let length = file?.length, length > 0, length + needed + Tar.trailer.count > limit { closed = try close() }
        if file == nil {
            try folder.write(Journal(openShard: number))
            try reached(.journalNamesShard(number))
            file = try OutputFile(creating: folder.archive(number))
            try Disk.syncFolder(folder.shards)
        }
        guard let file else { return closed }
        let start = file.length
        try put(file, tile.key + ".tif", pixels)
        let middle = file.length
        try put(file, tile.key + ".json", text)
        records.append(
            IndexRecord(
                tile, tileOffset: start + Tar.blockSize, tileLength: pixels.count,
                recordOffset: middle + Tar.blockSize, recordBytes: text))
        try reached(.tileAppended(tile.id))
        return closed
    }

    private func put(_ file: OutputFile, _ name: String, _ bytes: [UInt8]) throws(CorpusError) {
        try file.append(Tar.header(name: name, size: bytes.count))
        try file.append(bytes)
        try file.append(repeatElement(0, count: Tar.padded(bytes.count) - bytes.count))
    }

    /// Ends the open shard: its bytes are on the disk before its index names them.
    func close() throws -> FinishedShard? {
        guard let file else { return nil }
        try file.append(Tar.trailer)
        try file.sync()
        try reached(.shardSynced(number))
        try Disk.write(ShardIndex.encode(records, shardLength: file.length), to: folder.index(number))
        try reached(.indexWritten(number))
        let shard = try FinishedShard(number: number, folder: folder)
        self.file = nil
        records = []
        number += 1
        return shard
    }

    /// Hands what is buffered to the system, so that little is lost when the work ends early.
    func flush() throws(CorpusError) { try file?.flush() }
}

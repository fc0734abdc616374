// The parts of a corpus folder, and what may be believed of them.
internal import Files
internal import Foundation
internal import Telemetry

/// A folder with our marker.
struct CorpusFolder {
    let path: String
    let marker: CorpusMarker

    var database: String { path + "/corpus.gpkg" }
    var shards: String { path + "/shards" }
    var journalPath: String { path + "/" + Journal.name }

    /// Whether a folder bears the marker of a corpus.
    static func bearsMarker(_ path: String) -> Bool { fileExists(path + "/" + CorpusMarker.name) }

    /// Opens a corpus.
    ///
    /// - Throws: `CorpusError` (`notCorpus`, `damaged`).
    init(_ path: String) throws(CorpusError) {
        self.path = path
        let name = path + "/" + CorpusMarker.name
        guard fileExists(name) else {
            throw CorpusError(
                .notCorpus,
                fileExists(path)
                    ? "the folder is not a corpus: it has no \(CorpusMarker.name)" : "there is no such folder",
                in: path, try: "make a corpus: \(UserAction.cutCorpus(output: path))")
        }
        let file = try InputFile(name)
        let bytes = try file.read(at: 0, count: file.length)
        do {
            marker = try decodeJSON(CorpusMarker.self, bytes)
        } catch {
            throw CorpusError(
                .damaged, "cannot read the corpus's marker", in: name, why: causes(of: error),
                try: "restore the file from a copy; the shards next to it are untouched")
        }
        guard marker.formatVersion == CorpusMarker.currentVersion else {
            throw CorpusError(
                .damaged,
                "the corpus has format version \(marker.formatVersion); this version of geodino reads version \(CorpusMarker.currentVersion)",
                in: name, try: "use the version of geodino that wrote it, or cut the corpus again")
        }
    }

    /// The journal; `nil` where there is none.
    func journal() throws(CorpusError) -> Journal? {
        guard fileExists(journalPath) else { return nil }
        let file = try InputFile(journalPath)
        let bytes = try file.read(at: 0, count: file.length)
        do { return try decodeJSON(Journal.self, bytes, snake: true) } catch {
            throw CorpusError(
                .damaged, "cannot read the corpus's journal", in: journalPath, why: causes(of: error),
                try: "rebuild it: \(UserAction.reindexCorpus(path))")
        }
    }

    /// Replaces the journal.
    func write(_ journal: Journal) throws(CorpusError) {
        guard let bytes = try? encodeJSON(journal, pretty: true, snake: true) else {
            throw CorpusError(.writeFailed, "cannot encode the journal", in: journalPath)
        }
        try Disk.write(bytes, to: journalPath)
    }

    /// Path of a shard's archive.
    func archive(_ number: Int) -> String { "\(shards)/\(ShardName.text(number)).tar" }
    /// Path of a shard's index.
    func index(_ number: Int) -> String { "\(shards)/\(ShardName.text(number)).idx" }

    /// Numbers of the archives and of the indexes that are there.
    func listing() throws(CorpusError) -> (archives: [Int], indexes: Set<Int>) {
        guard fileExists(shards) else { return ([], []) }
        let files = try Disk.names(in: shards)
        let archives = files.compactMap { ShardName.number($0, suffix: ".tar") }.sorted()
        return (archives, Set(files.compactMap { ShardName.number($0, suffix: ".idx") }))
    }

    /// The remedy when records and bytes do not agree.
    var reindexRemedy: String {
        "keep every whole tile, without cutting new ones: \(UserAction.reindexDamagedCorpus(path))"
    }

    /// All finished shards, in order, each with an index that fits its archive.
    ///
    /// - Parameter journal: Names the shard that may lack an index, and what a complete corpus must have.
    /// - Throws: `CorpusError` (`damaged`) where a shard is missing, shorter or longer than its index says.
    func finishedShards(_ journal: Journal?) throws(CorpusError) -> [FinishedShard] {
        let shards = try indexedShards(open: journal?.openShard)
        if let loss = journal?.loss(shards: shards.count, tiles: shards.reduce(0) { $0 + $1.index.count }) {
            throw CorpusError(
                .damaged, loss, in: self.shards, try: "restore the files from a copy, or \(reindexRemedy)")
        }
        return shards
    }

    private func indexedShards(open: Int?) throws(CorpusError) -> [FinishedShard] {
        let (archives, indexes) = try listing()
        for number in indexes.subtracting(archives).sorted() {
            throw CorpusError(
                .damaged, "shard \(ShardName.text(number)).tar is missing, but its index exists", in: shards,
                try: "restore the shard from a copy, or \(reindexRemedy)")
        }
        var finished: [FinishedShard] = []
        for (position, number) in archives.enumerated() {
            guard number == position else {
                throw CorpusError(
                    .damaged,
                    "shard \(ShardName.text(position)).tar is missing, but \(ShardName.text(number)).tar exists",
                    in: shards, try: "restore the shard from a copy, or \(reindexRemedy)")
            }
            guard indexes.contains(number) else {
                if number == open, number == archives.count - 1 { break }
                throw CorpusError(
                    .damaged,
                    "shard \(ShardName.text(number)).tar has no index, and the journal does not list it as open",
                    in: archive(number), try: reindexRemedy)
            }
            let shard = try FinishedShard(number: number, folder: self)
            try shard.checkLength()
            finished.append(shard)
        }
        return finished
    }
}

/// A shard with its index.
struct FinishedShard: Sendable {
    let number: Int
    let path: String
    let index: ShardIndex

    var name: String { ShardName.text(number) + ".tar" }
    /// SHA-256 of the index's header, which holds the hash of its records.
    var indexHash: String { SHA256.hex(of: index.header) }

    init(number: Int, folder: CorpusFolder) throws(CorpusError) {
        self.number = number
        path = folder.archive(number)
        index = try ShardIndex(folder.index(number))
    }

    /// Refuses a shard that is not as long as its index says; nothing is cut.
    func checkLength() throws(CorpusError) {
        let length = try InputFile(path).length
        guard length != index.shardLength else { return }
        throw CorpusError(
            .damaged,
            length > index.shardLength
                ? "the finished shard has \(length - index.shardLength) bytes more than its index says; they were not changed"
                : "the finished shard has \(length) bytes, but its index says \(index.shardLength)",
            in: path,
            try:
                "keep every whole tile, without cutting new ones: \(UserAction.reindexDamagedCorpus(corpusFolder(of: path)))"
        )
    }

    /// What `KEY.json` says about the tile at a place.
    func record(at position: Int) throws(CorpusError) -> TileRecord {
        let place = index[position]
        let bytes = try InputFile(path).read(
            at: Int(truncatingIfNeeded: place.recordOffset), count: Int(place.recordLength))
        func bad(_ why: String) -> CorpusError {
            CorpusError(
                .badMember, "cannot read \(place.key).json at offset \(place.recordOffset)", in: path, why: [why],
                try: "list all damage: \(UserAction.verifyCorpus(corpusFolder(of: path)))")
        }
        let record: TileRecord
        do { record = try decodeJSON(TileRecord.self, bytes, snake: true) } catch {
            throw bad(causes(of: error).joined(separator: "; "))
        }
        guard record.fits(place) else {
            throw bad("it describes tile \(record.id) of scene \(record.scene), but its index names another tile")
        }
        return record
    }
}

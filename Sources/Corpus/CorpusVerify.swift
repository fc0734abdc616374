// geodino corpus verify: every byte of a corpus against what names it.
internal import Files
internal import Foundation
internal import Geo
public import Telemetry

/// What verifying found.
public struct VerifySummary: Codable, Sendable, Hashable {
    /// Tiles looked at.
    public var tiles = 0
    /// Bytes read.
    public var bytes = 0
    /// Each damage in words, with shard, key and offset.
    public var damage: [String] = []
}

/// Reads every byte of a corpus: archives, hashes, records, pixels, the GeoPackage.
///
/// Goes on after damage and tells it all.
///
/// - Parameters:
///   - report: Told of each damage as it is found.
///   - progress: Told of every tile; `false` stops.
/// - Throws: `CorpusError` (`damaged`, with the number of damages and the first of them; `notCorpus`, `cancelled`).
@discardableResult
public func verifyCorpus(
    _ path: String, report: ((String) -> Void)? = nil, progress: ProgressHandler? = nil
) throws -> VerifySummary {
    let verifier = try CorpusVerifier(path, report: report, progress: progress)
    try verifier.run()
    let summary = verifier.summary
    guard summary.damage.isEmpty else {
        throw CorpusError(
            .damaged,
            "the corpus is damaged in \(summary.damage.count == 1 ? "1 place" : "\(summary.damage.count) places")",
            in: path, why: Array(summary.damage.prefix(10)),
            try: "restore these files from a copy, or keep what is whole: \(UserAction.reindexCorpus(path))")
    }
    return summary
}

private final class CorpusVerifier {
    private let folder: CorpusFolder
    private let report: ((String) -> Void)?
    private let progress: ProgressHandler?
    private var tileCount = 0
    private(set) var summary = VerifySummary()

    init(_ path: String, report: ((String) -> Void)?, progress: ProgressHandler?) throws(CorpusError) {
        folder = try CorpusFolder(path)
        self.report = report
        self.progress = progress
    }

    private func note(_ text: String) {
        summary.damage.append(text)
        report?(text)
    }

    private func note(_ error: any Error, _ place: String) {
        note("\(place): \(causes(of: error).joined(separator: "; "))")
    }

    func run() throws {
        var journal: Journal?
        do { journal = try folder.journal() } catch { note(error, Journal.name) }
        if journal == nil { note("\(Journal.name) is missing") }
        let (archives, indexes) = try folder.listing()
        for number in indexes.subtracting(archives).sorted() {
            note("shards/\(ShardName.text(number)).tar is missing")
        }
        if let last = archives.last {
            for number in 0..<last where !archives.contains(number) && !indexes.contains(number) {
                note("shards/\(ShardName.text(number)).tar is missing with its index")
            }
        }
        var shards: [FinishedShard] = []
        for number in archives {
            if !indexes.contains(number) {
                if journal?.openShard != number { note("shards/\(ShardName.text(number)).idx is missing") }
                continue
            }
            do { shards.append(try FinishedShard(number: number, folder: folder)) } catch {
                note(error, "shards/\(ShardName.text(number)).idx")
            }
        }
        tileCount = shards.reduce(0) { $0 + $1.index.count }
        // A shard whose index cannot be read is there all the same, and has been told of.
        if shards.count == archives.count, indexes.isSubset(of: archives),
            let loss = journal?.loss(shards: archives.count, tiles: tileCount)
        {
            note(loss)
        }
        for shard in shards { try verify(shard) }
        verifyDatabase()
    }

    private func verify(_ shard: FinishedShard) throws {
        let place = "shards/\(shard.name)"
        if !shard.index.recordsAreWhole() {
            note("shards/\(ShardName.text(shard.number)).idx: its records do not match their checksum")
        }
        let file: InputFile
        do {
            file = try InputFile(shard.path)
            try shard.checkLength()
        } catch let error {
            note(error, place)
            guard fileExists(shard.path) else { return }
            return try verifyTiles(shard, try InputFile(shard.path), place)
        }
        try verifyTiles(shard, file, place)
    }

    private func verifyTiles(_ shard: FinishedShard, _ file: InputFile, _ place: String) throws {
        var end = 0
        for position in 0..<shard.index.count {
            let record = shard.index[position]
            do { end = try verify(record, at: end, shard, file) } catch {
                note(error, "\(place), \(record.key)")
                // An index may be damaged too: where it points beyond the file, the next tile is where it says itself.
                let next = Int(clamping: record.recordOffset)
                end = next <= file.length ? next + Tar.padded(Int(record.recordLength)) : file.length
            }
            summary.tiles += 1
            guard progress?(Progress(unit: "tiles", done: summary.tiles, total: tileCount)) ?? true else {
                throw CorpusError(
                    .cancelled, "stopped after \(summary.tiles) of \(tileCount) tiles", in: folder.path)
            }
        }
        if end >= 0, end <= file.length {
            let rest = (try? file.read(at: end, count: min(file.length - end, Tar.trailer.count))) ?? []
            if rest != Tar.trailer { note("\(place): the archive does not end after its last tile") }
        }
    }

    /// Checks both members of a tile, which begin at an offset; returns where they end.
    private func verify(_ record: IndexRecord, at start: Int, _ shard: FinishedShard, _ file: InputFile) throws -> Int {
        let tileOffset = Int(clamping: record.tileOffset)
        let tileLength = Int(clamping: record.tileLength)
        guard tileLength <= file.length else {
            throw problem("its index says \(tileLength) bytes of pixels, but the archive has \(file.length)", shard)
        }
        guard tileOffset == start + Tar.blockSize else {
            throw problem("its index says offset \(tileOffset), but the member before ends at \(start)", shard)
        }
        let pixels = try member(record.key + ".tif", at: tileOffset, count: tileLength, file, shard)
        let recordOffset = Int(clamping: record.recordOffset)
        guard recordOffset == tileOffset + Tar.padded(tileLength) + Tar.blockSize else {
            throw problem("its record is at offset \(recordOffset), not after its pixels", shard)
        }
        let text = try member(record.key + ".json", at: recordOffset, count: Int(record.recordLength), file, shard)
        let hash = SHA256.hex(of: pixels)
        guard Array([UInt8](hex: hash).prefix(20)) == record.tileHash else {
            throw problem("the bytes of its pixels at offset \(tileOffset) have changed", shard)
        }
        guard Array([UInt8](hex: SHA256.hex(of: text)).prefix(20)) == record.recordHash else {
            throw problem("the bytes of its record at offset \(recordOffset) have changed", shard)
        }
        let described = try decodeJSON(TileRecord.self, text, snake: true)
        guard described.sha256 == hash, described.fits(record),
            IndexRecord(
                described, tileOffset: tileOffset, tileLength: tileLength, recordOffset: recordOffset, recordBytes: text
            ) == record
        else { throw problem("its record and its index disagree", shard) }
        let scenes = folder.marker.scenes
        // Corpora from before addresses were kept without secrets have them in the marker, and may have them in a record.
        guard scenes.indices.contains(described.scene),
            Redaction.address(scenes[described.scene].path) == Redaction.address(described.scenePath)
        else {
            throw problem(
                "its record says that it comes from scene \(described.scene), \(described.scenePath), which the corpus does not list",
                shard)
        }
        let layout = folder.marker.layout
        let buffer = try shard.decode(record, size: layout.tileSize, bands: layout.bands.count)
        if folder.marker.profile.pixels == .stretched || folder.marker.profile.stretch == .none {
            try shard.check(buffer, record, type: layout.sampleType)
        }
        return recordOffset + Tar.padded(text.count)
    }

    /// The data of a member, whose header must name it.
    private func member(
        _ name: String, at offset: Int, count: Int, _ file: InputFile, _ shard: FinishedShard
    ) throws -> [UInt8] {
        let header = try file.read(at: offset - Tar.blockSize, count: Tar.blockSize)
        guard count < Tar.sizeLimit, Tar.parse(header) == .member(name: name, size: count),
            header == Tar.header(name: name, size: count)
        else {
            throw problem("the header at offset \(offset - Tar.blockSize) is not that of \(name)", shard)
        }
        let bytes = try file.read(at: offset, count: Tar.padded(count))
        guard bytes[count...].allSatisfy({ $0 == 0 }) else {
            throw problem("the padding after \(name) is not empty", shard)
        }
        summary.bytes += Tar.blockSize + bytes.count
        return Array(bytes[..<count])
    }

    private func problem(_ what: String, _ shard: FinishedShard) -> CorpusError {
        CorpusError(.damaged, what, in: shard.path)
    }

    private func verifyDatabase() {
        guard fileExists(folder.database) else { return note("corpus.gpkg is missing") }
        do {
            let database = try CorpusDatabase(folder.database)
            for text in try database.problems(tileCount: tileCount) { note("corpus.gpkg: \(text)") }
        } catch { note(error, "corpus.gpkg") }
    }
}

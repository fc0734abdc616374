// Going through a shard's bytes: what recovery, reindexing and verifying need, and no loader does.
internal import Files
internal import Foundation
internal import Telemetry

/// What the bytes of a shard hold, from its start to the first that make no sense.
struct ShardScan {
    /// The complete tiles, in order.
    var records: [IndexRecord] = []
    /// What the last of them says about itself.
    var last: TileRecord?
    /// Where the last complete tile ends.
    var end = 0
    /// Whether the two empty blocks that end an archive follow it.
    var isFinished = false
    /// Length of the file.
    var length = 0
    /// Why the scan ended before the end of the archive.
    var problem: String?

    /// Reads a shard.
    ///
    /// A tile is complete when both members are whole and its hash is what its record says.
    init(_ path: String) throws(CorpusError) {
        let file = try InputFile(path)
        length = file.length
        while end < length {
            guard let (tile, offset, size) = try member(file, at: end, suffix: ".tif") else { return }
            guard
                let (record, recordOffset, recordSize) = try member(
                    file, at: offset + Tar.padded(size), suffix: ".json")
            else { return }
            guard record == tile else {
                problem = "\(tile).tif is followed by \(record).json"
                return
            }
            let pixels = try file.read(at: offset, count: size)
            let text = try file.read(at: recordOffset, count: recordSize)
            let hash = SHA256.hex(of: pixels)
            guard let described = try? decodeJSON(TileRecord.self, text, snake: true), described.key == tile,
                described.isSound
            else {
                problem = "\(tile).json cannot be read"
                return
            }
            if let last, described.id != last.id + 1 {
                problem = "tile \(last.key) is followed by \(tile)"
                return
            }
            guard described.sha256 == hash else {
                problem = "\(tile).tif is not what its record says"
                return
            }
            records.append(
                IndexRecord(
                    described, tileOffset: offset, tileLength: size, recordOffset: recordOffset, recordBytes: text))
            last = described
            end = recordOffset + Tar.padded(recordSize)
        }
        problem = "the archive has no end"
    }

    /// A whole member at an offset: its name without suffix, where its data begins, its size.
    private mutating func member(
        _ file: InputFile, at offset: Int, suffix: String
    ) throws(CorpusError) -> (name: String, offset: Int, size: Int)? {
        guard offset + Tar.blockSize <= length else {
            problem = "the shard ends within a header"
            return nil
        }
        switch Tar.parse(try file.read(at: offset, count: Tar.blockSize)) {
        case .broken(let why):
            problem = "\(why) at offset \(offset)"
        case .empty:
            isFinished = offset == end && offset + Tar.trailer.count <= length
            if !isFinished { problem = "an empty block at offset \(offset)" }
        case .member(let name, let size):
            guard name.hasSuffix(suffix), !name.dropLast(suffix.count).isEmpty else {
                problem = "a member '\(name)' where a \(suffix) belongs, at offset \(offset)"
                return nil
            }
            guard size <= length - offset - Tar.blockSize, Tar.padded(size) <= length - offset - Tar.blockSize else {
                problem = "\(name) at offset \(offset) is cut off"
                return nil
            }
            return (String(name.dropLast(suffix.count)), offset + Tar.blockSize, size)
        }
        return nil
    }
}

extension IndexRecord {
    /// The index record of a tile that is at known places.
    init(_ tile: TileRecord, tileOffset: Int, tileLength: Int, recordOffset: Int, recordBytes: [UInt8]) {
        self.init(
            id: UInt64(tile.id), tileOffset: UInt64(tileOffset), tileLength: UInt64(tileLength),
            recordOffset: UInt64(recordOffset), recordLength: UInt32(recordBytes.count),
            scene: UInt32(truncatingIfNeeded: tile.scene), weight: tile.weight, split: tile.split.number,
            subsets: tile.subsets, tileHash: Array([UInt8](hex: tile.sha256).prefix(20)),
            recordHash: Array([UInt8](hex: SHA256.hex(of: recordBytes)).prefix(20)))
    }
}

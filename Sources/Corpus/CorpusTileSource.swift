// Tiles of a corpus for training: by index record, one read and one decode each.
internal import Files
public import Geo
internal import Raster
public import Telemetry

/// A corpus as a source of tiles.
///
/// Reads `.idx` files only, mapped, and of each shard only the members asked for; nothing scans an archive. Stateless
/// and callable from any thread. Ids are places in plan order, 0 to `tileCount - 1`.
public struct CorpusTileSource: TileSource {
    /// Number of tiles.
    public let tileCount: Int
    /// SHA-256 over the headers of all shard indexes (which hold the hashes of their records) and the layout.
    public let fingerprint: String
    /// What the pixels are when they come out: stretched, or raw where the rule is `none`.
    public let layout: PixelLayout

    private let shards: [FinishedShard]
    /// Id of the first tile of each shard.
    private let firsts: [Int]
    private let marker: CorpusMarker

    /// Opens a corpus.
    ///
    /// - Parameter allowUnfinished: Whether a corpus that is still being cut may be read as far as it is.
    /// - Throws: `CorpusError` (`notCorpus`, `damaged`).
    public init(_ path: String, allowUnfinished: Bool = false) throws(CorpusError) {
        let folder = try CorpusFolder(path)
        let journal = try folder.journal()
        if !allowUnfinished, let journal, !journal.complete {
            throw CorpusError(
                .damaged, "the corpus is not finished", in: path,
                try: "finish it: run \(UserAction.sameCutting) with \(Setting.resume)")
        }
        shards = try folder.finishedShards(journal)
        marker = folder.marker
        layout = folder.marker.layout
        var firsts: [Int] = []
        var count = 0
        var hash = SHA256()
        for shard in shards {
            // Records are small and everything hangs on them; members are checked as they are read.
            guard shard.index.recordsAreWhole() else {
                throw CorpusError(
                    .damaged, "the records of the shard's index do not match their checksum", in: shard.index.path,
                    try: "rebuild the indexes from the shards: \(UserAction.reindexCorpus(path))")
            }
            firsts.append(count)
            count += shard.index.count
            hash.update(shard.index.header)
        }
        guard count > 0 else { throw CorpusError(.damaged, "the corpus has no tiles", in: path) }
        guard let layoutText = try? encodeJSON(FingerprintedLayout(layout)),
            let stretches = try? encodeJSON(marker.scenes.map(\.stretch))
        else {
            throw CorpusError(.damaged, "the corpus's layout cannot be encoded", in: path)
        }
        hash.update(layoutText)
        // Raw tiles are stretched when they are read, so that the parameters belong to the content.
        if marker.profile.pixels == .raw { hash.update(stretches) }
        self.firsts = firsts
        tileCount = count
        fingerprint = hash.finalize()
    }

    /// The shard of an id and the place in it.
    private func place(_ id: Int) -> (shard: FinishedShard, position: Int) {
        precondition((0..<tileCount).contains(id), "tile \(id) of \(tileCount)")
        var low = 0
        var high = firsts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if firsts[middle] <= id { low = middle } else { high = middle }
        }
        return (shards[low], id - firsts[low])
    }

    /// Sampling weights of a range of ids.
    public func weights(_ ids: Range<Int>) throws -> [Float] {
        precondition(ids.lowerBound >= 0 && ids.upperBound <= tileCount, "tiles \(ids) of \(tileCount)")
        var weights: [Float] = []
        weights.reserveCapacity(ids.count)
        for (shard, first) in zip(shards, firsts) {
            let part = ids.clamped(to: first..<first + shard.index.count)
            for id in part { weights.append(shard.index.weight(id - first)) }
        }
        return weights
    }

    /// A part of the corpus: `all`, `train`, `validation`, `test` or `border`.
    ///
    /// - Throws: `CorpusError` (`noSubset`).
    public func subset(named name: String) throws -> any TileSet {
        if name == "all" { return CorpusSubset(wholeOf: tileCount) }
        guard let split = Split(rawValue: name) else {
            throw CorpusError(
                .noSubset, "the corpus has no subset '\(name)'", in: "",
                try: "choose one of the subsets: all, \(Split.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return CorpusSubset(of: split, shards: shards, firsts: firsts)
    }

    /// Subset bits of a tile: 1 train, 2 validation, 4 test, 8 border.
    public func subsetBits(_ id: Int) -> UInt64 {
        let (shard, position) = place(id)
        return shard.index[position].subsets
    }

    /// Decoded tiles in the order asked for.
    ///
    /// - Throws: `CorpusError` (`badMember`, `readFailed`), naming shard, key and offset.
    public func tiles(_ ids: [Int]) throws -> TileBatch {
        TileBatch(ids: ids, tiles: try ids.map(tile))
    }

    private func tile(_ id: Int) throws -> PixelBuffer {
        let (shard, position) = place(id)
        let record = shard.index[position]
        let buffer = try shard.decode(record, size: layout.tileSize, bands: layout.bands.count)
        guard marker.profile.pixels == .raw, marker.profile.stretch != .none else {
            try shard.check(buffer, record, type: layout.sampleType)
            return buffer
        }
        let scene = Int(record.scene)
        guard marker.scenes.indices.contains(scene), let parameters = marker.scenes[scene].stretch,
            parameters.low.count == buffer.bands
        else {
            throw CorpusError(
                .badMember, "tile \(record.key) comes from scene \(scene), whose stretch the corpus does not know",
                in: shard.path)
        }
        return stretched(buffer, by: parameters)
    }
}

extension FinishedShard {
    /// The bytes of `KEY.tif`.
    func pixels(_ record: IndexRecord) throws(CorpusError) -> [UInt8] {
        let offset = Int(truncatingIfNeeded: record.tileOffset)
        let length = Int(truncatingIfNeeded: record.tileLength)
        do { return try InputFile(path).read(at: offset, count: length) } catch {
            throw CorpusError(
                error.code, "cannot read \(record.key).tif at offset \(offset): \(error.what)", in: path,
                why: error.causes, try: "list all damage: \(UserAction.verifyCorpus(corpusFolder(of: path)))")
        }
    }

    /// A member as pixels; only GeoTIFF, only from its own bytes, only of the size that the corpus has.
    func decode(_ record: IndexRecord, size: Int, bands: Int) throws -> PixelBuffer {
        let bytes = try pixels(record)
        func bad(_ what: String, _ why: [String] = []) -> CorpusError {
            CorpusError(
                .badMember, "\(record.key).tif at offset \(record.tileOffset) \(what)", in: path, why: why,
                try: "list all damage: \(UserAction.verifyCorpus(corpusFolder(of: path)))")
        }
        let magic = bytes.prefix(4)
        let isTIFF = [[0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43]]
            .contains { $0.elementsEqual(magic.map(Int.init)) }
        guard isTIFF else {
            let start = String(decoding: bytes.prefix(16).map { (32..<127).contains($0) ? $0 : 46 }, as: UTF8.self)
            throw bad(
                "is not a GeoTIFF: it begins with '\(start)'; geodino does not open members of other formats, such as VRT"
            )
        }
        let buffer: PixelBuffer
        do { buffer = try decodeTile(bytes) } catch {
            throw bad("cannot be decoded", [error.what] + error.causes)
        }
        guard buffer.width == size, buffer.height == size, buffer.bands == bands else {
            throw bad(
                "is \(buffer.width) x \(buffer.height) pixels in \(buffer.bands) bands; the corpus has \(size) x \(size) in \(bands)"
            )
        }
        return buffer
    }

    /// Refuses samples of another type than the corpus has.
    func check(_ buffer: PixelBuffer, _ record: IndexRecord, type: SampleType) throws(CorpusError) {
        guard buffer.sampleType != type else { return }
        throw CorpusError(
            .badMember,
            "\(record.key).tif at offset \(record.tileOffset) holds \(buffer.sampleType.rawValue) values; the corpus has \(type.rawValue)",
            in: path, try: "list all damage: \(UserAction.verifyCorpus(corpusFolder(of: path)))")
    }
}

/// A subset that needs no memory per tile: counts per shard, then a look into the mapped records.
struct CorpusSubset: TileSet {
    let count: Int
    private let split: Split?
    private let shards: [FinishedShard]
    private let firsts: [Int]
    /// Tiles of the split before each shard.
    private let before: [Int]

    init(wholeOf count: Int) {
        self.count = count
        split = nil
        shards = []
        firsts = []
        before = []
    }

    init(of split: Split, shards: [FinishedShard], firsts: [Int]) {
        self.split = split
        self.shards = shards
        self.firsts = firsts
        var sum = 0
        var before: [Int] = []
        for shard in shards {
            before.append(sum)
            sum += shard.index.splitCounts[Int(split.number)]
        }
        self.before = before
        count = sum
    }

    func id(at index: Int) -> Int {
        precondition((0..<count).contains(index), "tile \(index) of a subset of \(count)")
        guard let split else { return index }
        // The last shard with no more than `index` tiles of the split before it.
        var low = 0
        var high = before.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if before[middle] <= index { low = middle } else { high = middle }
        }
        guard let position = shards[low].index.position(of: split, rank: index - before[low]) else {
            preconditionFailure(
                "the index \(shards[low].index.path) counts more \(split.rawValue) tiles than it has")
        }
        return firsts[low] + position
    }
}

/// A layout as fingerprints spell it: runs and models know corpora by these bytes, so that the keys never change.
private struct FingerprintedLayout: Encodable {
    let bands: [BandInfo]
    let sampleType: SampleType
    let tileSize: Int
    let gsd: Double?
    let stretch: StretchRule

    init(_ layout: PixelLayout) {
        bands = layout.bands
        sampleType = layout.sampleType
        tileSize = layout.tileSize
        gsd = layout.gsd
        stretch = layout.stretch
    }
}

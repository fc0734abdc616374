// The .idx beside each finished shard: fixed records, memory-mapped, all that a loader reads.
internal import Files
internal import Foundation
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// One tile in a shard, as its index says.
struct IndexRecord: Equatable, Sendable {
    /// Bytes of a record on disk.
    static let size = 96

    var id: UInt64
    var tileOffset: UInt64
    var tileLength: UInt64
    var recordOffset: UInt64
    var recordLength: UInt32
    var scene: UInt32
    var weight: Float
    var split: UInt8
    var subsets: UInt64
    /// The first 20 bytes of the SHA-256 of `KEY.tif` and of `KEY.json`.
    var tileHash: [UInt8]
    var recordHash: [UInt8]

    var key: String { TileRecord.key(Int(truncatingIfNeeded: id)) }

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.size)
        bytes.append(little: id)
        bytes.append(little: tileOffset)
        bytes.append(little: tileLength)
        bytes.append(little: recordOffset)
        bytes.append(little: recordLength)
        bytes.append(little: scene)
        bytes.append(little: weight.bitPattern)
        bytes.append(split)
        bytes.append(contentsOf: [0, 0, 0])
        bytes.append(little: subsets)
        bytes.append(contentsOf: tileHash)
        bytes.append(contentsOf: recordHash)
        return bytes
    }

    init(
        id: UInt64, tileOffset: UInt64, tileLength: UInt64, recordOffset: UInt64, recordLength: UInt32,
        scene: UInt32, weight: Float, split: UInt8, subsets: UInt64, tileHash: [UInt8], recordHash: [UInt8]
    ) {
        self.id = id
        self.tileOffset = tileOffset
        self.tileLength = tileLength
        self.recordOffset = recordOffset
        self.recordLength = recordLength
        self.scene = scene
        self.weight = weight
        self.split = split
        self.subsets = subsets
        self.tileHash = tileHash
        self.recordHash = recordHash
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        func load<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
        id = load(0, UInt64.self)
        tileOffset = load(8, UInt64.self)
        tileLength = load(16, UInt64.self)
        recordOffset = load(24, UInt64.self)
        recordLength = load(32, UInt32.self)
        scene = load(36, UInt32.self)
        weight = Float(bitPattern: load(40, UInt32.self))
        split = bytes[44]
        subsets = load(48, UInt64.self)
        tileHash = Array(bytes[56..<76])
        recordHash = Array(bytes[76..<96])
    }
}

extension [UInt8] {
    /// Appends an integer, lowest byte first.
    mutating func append(little value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// The bytes that hexadecimal digits stand for.
    init(hex: String) {
        let digits = hex.utf8.map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
        self = stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// The index of one finished shard, mapped into memory.
///
/// 128 bytes of header, little-endian: magic `GEODIDX1`, format version and record size (UInt32), tile count, first
/// id and shard length (UInt64), tiles per split (4 x UInt64), SHA-256 of the records (32 bytes), and the first 24
/// bytes of the SHA-256 of all that. Then the records, 96 bytes each.
final class ShardIndex: @unchecked Sendable {  // the mapping is read-only and lives as long as the object
    static let magic = Array("GEODIDX1".utf8)
    static let headerSize = 128

    /// The index's own path.
    let path: String
    let count: Int
    let shardLength: Int
    /// Tiles per split: train, validation, test, border.
    let splitCounts: [Int]
    /// The header: what the corpus's fingerprint is made from.
    let header: [UInt8]
    private let mapping: UnsafeRawBufferPointer

    /// The bytes of an index.
    static func encode(_ records: [IndexRecord], shardLength: Int) -> [UInt8] {
        let body = records.flatMap { $0.encoded() }
        var header = magic
        header.append(little: UInt32(1))
        header.append(little: UInt32(IndexRecord.size))
        header.append(little: UInt64(records.count))
        header.append(little: records.first?.id ?? 0)
        header.append(little: UInt64(shardLength))
        for split in Split.allCases {
            header.append(little: UInt64(records.count { $0.split == split.number }))
        }
        header += [UInt8](hex: SHA256.hex(of: body))
        header += [UInt8](hex: SHA256.hex(of: header)).prefix(24)
        return header + body
    }

    /// Maps an index and checks its header; `checkRecords` checks the rest.
    init(_ path: String) throws(CorpusError) {
        self.path = path
        let file = try InputFile(path)
        func damaged(_ why: String) -> CorpusError {
            CorpusError(
                .damaged, "the index of a shard is damaged", in: path, why: [why],
                try: "rebuild it from the shard: \(UserAction.reindexCorpus(corpusFolder(of: path)))")
        }
        guard file.length >= Self.headerSize else { throw damaged("it has only \(file.length) bytes") }
        header = try file.read(at: 0, count: Self.headerSize)
        guard header.starts(with: Self.magic) else { throw damaged("it is not a shard index") }
        guard [UInt8](hex: SHA256.hex(of: Array(header[..<104]))).prefix(24).elementsEqual(header[104...]) else {
            throw damaged("its header does not match its checksum")
        }
        let numbers = header.withUnsafeBytes { bytes in
            stride(from: 16, to: 72, by: 8).map {
                Int(truncatingIfNeeded: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)))
            }
        }
        guard header[8] == 1, header[9] == 0, header[12] == UInt8(IndexRecord.size) else {
            throw damaged("it has format version \(header[8]); this version of geodino reads version 1")
        }
        let (size, overflow) = numbers[0].multipliedReportingOverflow(by: IndexRecord.size)
        guard !overflow, numbers[0] >= 0, file.length - Self.headerSize == size else {
            throw damaged("\(numbers[0]) records do not match the length of \(file.length) bytes")
        }
        count = numbers[0]
        shardLength = numbers[2]
        splitCounts = Array(numbers[3...])
        guard let start = mmap(nil, file.length, PROT_READ, MAP_PRIVATE, file.descriptor, 0), start != MAP_FAILED
        else {
            throw CorpusError(.readFailed, "cannot memory-map the index", in: path, why: [systemMessage(errno)])
        }
        mapping = UnsafeRawBufferPointer(start: start, count: file.length)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count) }

    /// The record at a place, 0 to `count - 1`.
    subscript(position: Int) -> IndexRecord {
        precondition((0..<count).contains(position), "record \(position) of \(count)")
        let start = Self.headerSize + position * IndexRecord.size
        return IndexRecord(UnsafeRawBufferPointer(rebasing: mapping[start..<start + IndexRecord.size]))
    }

    /// The weight of a tile, without reading the rest of its record.
    func weight(_ position: Int) -> Float {
        Float(
            bitPattern: UInt32(
                littleEndian: mapping.loadUnaligned(
                    fromByteOffset: Self.headerSize + position * IndexRecord.size + 40, as: UInt32.self)))
    }

    /// The scene number of a tile, without reading the rest of its record.
    func scene(_ position: Int) -> Int {
        Int(
            UInt32(
                littleEndian: mapping.loadUnaligned(
                    fromByteOffset: Self.headerSize + position * IndexRecord.size + 36, as: UInt32.self)))
    }

    /// The split number of a tile, without reading the rest of its record.
    func split(_ position: Int) -> UInt8 { mapping[Self.headerSize + position * IndexRecord.size + 44] }

    /// The place of the tile that is the `rank`-th (from 0) of its split in this shard.
    func position(of split: Split, rank: Int) -> Int? {
        var left = rank
        for position in 0..<count where self.split(position) == split.number {
            if left == 0 { return position }
            left -= 1
        }
        return nil
    }

    /// Whether the records match their checksum, and the counts in the header are theirs.
    func recordsAreWhole() -> Bool {
        var hash = SHA256()
        hash.update(UnsafeRawBufferPointer(rebasing: mapping[Self.headerSize...]))
        guard [UInt8](hex: hash.finalize()).elementsEqual(header[72..<104]) else { return false }
        var counts = [Int](repeating: 0, count: Split.allCases.count)
        for position in 0..<count {
            let number = Int(split(position))
            guard counts.indices.contains(number) else { return false }
            counts[number] += 1
        }
        return counts == splitCounts
    }
}

/// The corpus that a file in its shards folder belongs to.
func corpusFolder(of shardFile: String) -> String { parentFolder(parentFolder(shardFile)) }

extension TileRecord {
    /// Whether it is the record of the tile that an index names.
    func fits(_ record: IndexRecord) -> Bool {
        isSound && id == Int(clamping: record.id) && scene == Int(record.scene)
    }
}

// Tiles from a pack: pixels in mapped safetensors files, no GDAL.
public import Files
import FoundationEssentials
public import Geo
import Telemetry
internal import Training

/// A pack as a source of tiles; the tile at place `i` of the pack has id `i`, as it has in the corpus.
///
/// Opening reads the headers and checks every size against the files; `verify` reads every byte. Files stay mapped.
public struct PackedTileSource: TileSource {
    /// What `pack.json` says.
    public let manifest: PackManifest
    /// Number of tiles.
    public var tileCount: Int { manifest.tileCount }
    /// Fingerprint of the corpus that was packed, so that a run may change between the two.
    public var fingerprint: String { manifest.fingerprint }
    /// What the pixels are.
    public var layout: PixelLayout { manifest.layout }

    private let folder: String
    private let parts: [Part]

    private struct Part: Sendable {
        let file: MappedFile
        let first: Int
        let count: Int
        let pixels: Int
        let validity: Int?
        let weight: Int
        let subset: Int
    }

    /// Opens the pack in a folder.
    ///
    /// - Throws: `readFailed`, or `badPack` where the files are not what `pack.json` says.
    public init(folder: String) throws {
        self.folder = folder
        let place = "\(folder)/pack.json"
        guard let bytes = FileManager.default.contents(atPath: place) else {
            throw PretrainingError(
                .readFailed, "cannot read the pack's list of contents", in: place,
                try: "create a pack with: \(UserAction.packCorpus(output: folder))")
        }
        let manifest: PackManifest
        do {
            manifest = try JSONDecoder().decode(PackManifest.self, from: bytes)
        } catch {
            throw PretrainingError(.badPack, "not a pack's list of contents", in: place, why: causes(of: error))
        }
        self.manifest = manifest
        guard manifest.formatVersion == 1 else {
            throw PretrainingError(
                .badPack, "the pack has format version \(manifest.formatVersion); expected 1", in: place,
                try: "pack the corpus again with this version of geodino")
        }
        let size = manifest.layout.tileSize
        guard (1...65_536).contains(size), (1...4096).contains(manifest.layout.bands.count),
            manifest.layout.sampleType == .uint8 || manifest.layout.sampleType == .uint16
        else {
            throw PretrainingError(
                .badPack,
                "tiles of \(manifest.layout.bands.count) bands, \(size) x \(size) pixels, \(manifest.layout.sampleType.rawValue); "
                    + "expected 1 to 4096 bands, 1 to 65536 pixels, uint8 or uint16", in: place)
        }
        for (name, bits) in manifest.subsets where bits <= 0 {
            throw PretrainingError(
                .badPack, "the subset '\(name)' has the bits \(bits); expected a number above 0", in: place)
        }
        var parts: [Part] = []
        var first = 0
        for file in manifest.files {
            guard file.name.hasPrefix("pack-"), file.name.hasSuffix(".safetensors"), !file.name.contains("/")
            else {
                throw PretrainingError(.badPack, "'\(file.name)' is not the name of a pack's file", in: place)
            }
            let part = try Self.open("\(folder)/\(file.name)", file, manifest.layout, first: first)
            parts.append(part)
            first += part.count
        }
        guard first == manifest.tileCount else {
            throw PretrainingError(
                .badPack, "the files hold \(first) tiles; expected \(manifest.tileCount)", in: place,
                try: "pack the corpus again")
        }
        self.parts = parts
    }

    private static func open(_ path: String, _ entry: PackManifest.File, _ layout: PixelLayout, first: Int)
        throws -> Part
    {
        let file = try MappedFile(path: path)
        let (entries, start) = try header(file)
        let (bands, size) = (layout.bands.count, layout.tileSize)
        func offset(_ name: String, _ type: ElementType, _ shape: [Int]) throws -> Int {
            guard let found = entries[name], found.entry.type == type, found.entry.shape == shape else {
                let found = entries[name].map { "\($0.entry.type.rawValue) \($0.entry.shape)" } ?? "none"
                throw PretrainingError(
                    .badPack, "tensor '\(name)': expected \(type.rawValue) \(shape), found \(found)", in: path)
            }
            return start + found.offset
        }
        let count = entry.count
        guard count >= 0, first.addingReportingOverflow(count).overflow == false else {
            throw PretrainingError(.badPack, "the file has \(count) tiles", in: path)
        }
        _ = try offset("id", .int64, [count])
        return Part(
            file: file, first: first, count: count,
            pixels: try offset(
                "pixels", layout.sampleType == .uint8 ? .uint8 : .uint16, [count, bands, size, size]),
            validity: entries["validity"] == nil
                ? nil : try offset("validity", .uint8, [count, size, size]),
            weight: try offset("weight", .float32, [count]), subset: try offset("subset", .int64, [count]))
    }

    /// The tensors of a mapped file by name, each with its first byte after the header; and where the header ends.
    private static func header(
        _ file: MappedFile
    ) throws -> (entries: [String: (entry: TensorEntry, offset: Int)], start: Int) {
        do throws(FileComplaint) {
            let (header, start) = try SafetensorsHeader.read(file.bytes)
            let pairs = zip(header.entries, header.offsets).map { ($0.name, (entry: $0, offset: $1)) }
            return (Dictionary(uniqueKeysWithValues: pairs), start)
        } catch {
            throw PretrainingError(
                .badPack, "not a valid safetensors file: \(error.text)", in: file.path, try: "pack the corpus again")
        }
    }

    /// The file that holds a tile, and its place in it.
    private func locate(_ id: Int) throws -> (part: Part, index: Int) {
        var (low, high) = (0, parts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if parts[middle].first <= id { low = middle } else { high = middle }
        }
        // Of several parts that start at the same id, all but the last are empty, and the search finds the last.
        guard id >= 0, id < tileCount, low < parts.count else {
            throw PretrainingError(.badPack, "no tile \(id); the pack has \(tileCount)", in: folder)
        }
        return (parts[low], id - parts[low].first)
    }

    /// Sampling weights of a range of ids.
    public func weights(_ ids: Range<Int>) throws -> [Float] {
        try ids.map { id in
            let (part, index) = try locate(id)
            let bits = part.file.bytes.loadUnaligned(fromByteOffset: part.weight + 4 * index, as: UInt32.self)
            return Float(bitPattern: UInt32(littleEndian: bits))
        }
    }

    /// The bits that tell which named parts a tile belongs to.
    func subsetBits(_ id: Int) throws -> Int64 {
        let (part, index) = try locate(id)
        return Int64(
            littleEndian: part.file.bytes.loadUnaligned(
                fromByteOffset: part.subset + 8 * index, as: Int64.self))
    }

    /// A named part of the pack; `all` is every tile.
    public func subset(named name: String) throws -> any TileSet {
        guard let bits = manifest.subsets[name] else {
            if name == "all" { return AllTiles(count: tileCount) }
            let known = (["all"] + manifest.subsets.keys).sorted().joined(separator: ", ")
            throw PretrainingError(
                .badSource, "the pack has no subset '\(name)'", in: folder,
                why: ["its subsets: \(known)"],
                try: "set data.subset to one of them in the recipe, or leave out the key to use all tiles")
        }
        return try PackedSubset(source: self, mask: Int64(bits))
    }

    /// Tiles in the order asked for.
    public func tiles(_ ids: [Int]) throws -> TileBatch {
        let (bands, size) = (layout.bands.count, layout.tileSize)
        let samples = bands * size * size
        let tiles = try ids.map { id in
            let (part, index) = try locate(id)
            let width = layout.sampleType.byteCount
            let start = part.pixels + index * samples * width
            let bytes = UnsafeRawBufferPointer(rebasing: part.file.bytes[start..<start + samples * width])
            let pixels: PixelBuffer.Samples =
                width == 1
                ? .uint8(Array(bytes))
                : .uint16(
                    (0..<samples).map {
                        UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
                    })
            var validity: [Bool]?
            if let offset = part.validity {
                let first = offset + index * size * size
                let flags = part.file.bytes[first..<first + size * size].map { $0 != 0 }
                if flags.contains(false) { validity = flags }
            }
            return PixelBuffer(bands: bands, height: size, width: size, samples: pixels, validity: validity)
        }
        return TileBatch(ids: ids, tiles: tiles)
    }

    /// Reads every byte and compares it with the hashes of `pack.json`.
    ///
    /// - Throws: `badPack` naming the first file that differs.
    public func verify() throws {
        for (part, entry) in zip(parts, manifest.files) {
            var hash = SHA256()
            hash.update(part.file.bytes)
            let found = hash.finalize()
            guard found == entry.sha256.lowercased() else {
                throw PretrainingError(
                    .badPack, "the file has changed: its SHA-256 is \(found); expected \(entry.sha256)",
                    in: "\(folder)/\(entry.name)",
                    try: "pack the corpus again")
            }
        }
    }
}

/// The tiles that bear a mark among their subset bits: found by counts per block and a short scan, so memory stays small.
private struct PackedSubset: TileSet {
    let count: Int
    private let source: PackedTileSource
    private let mask: Int64
    /// Members before each block of `block` tiles.
    private let before: [Int]
    private static let block = 1024

    init(source: PackedTileSource, mask: Int64) throws {
        self.source = source
        self.mask = mask
        var before: [Int] = []
        var count = 0
        for id in 0..<source.tileCount {
            if id % Self.block == 0 { before.append(count) }
            if try source.subsetBits(id) & mask != 0 { count += 1 }
        }
        self.before = before
        self.count = count
    }

    func id(at index: Int) -> Int {
        precondition(index >= 0 && index < count, "place \(index) is outside a subset of \(count) tiles")
        var (low, high) = (0, before.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if before[middle] <= index { low = middle } else { high = middle }
        }
        var left = index - before[low]
        for id in low * Self.block..<source.tileCount {
            guard let bits = try? source.subsetBits(id) else { break }
            guard bits & mask != 0 else { continue }
            if left == 0 { return id }
            left -= 1
        }
        preconditionFailure("a mapped pack changed while it was read")
    }
}

// geodino corpus pack: tiles as tensors on disk, for machines without GDAL.
internal import Foundation
public import Geo
public import Telemetry

/// What `pack.json` says.
public struct PackManifest: Codable, Sendable, Hashable {
    /// One file of a pack.
    public struct File: Codable, Sendable, Hashable {
        /// Its name in the folder.
        public var name: String
        /// Tiles in it.
        public var count: Int
        /// SHA-256 of its bytes.
        public var sha256: String
    }
    /// Version of the pack's format.
    public var formatVersion: Int
    /// The fingerprint of the corpus it was made from.
    public var fingerprint: String
    /// What the pixels are.
    public var layout: PixelLayout
    /// Tiles in all files.
    public var tileCount: Int
    /// The files, in the order of their tiles.
    public var files: [File]
    /// The bit of each subset in `subset`; `all` has none.
    public var subsets: [String: Int]

    /// Name of the file in a pack's folder.
    public static let name = "pack.json"

    enum CodingKeys: String, CodingKey {
        case fingerprint, layout, files, subsets
        case formatVersion = "format_version"
        case tileCount = "tile_count"
    }
}

/// How a pack is made.
public struct PackOptions: Sendable {
    /// Replace a pack that is there.
    public var overwrite: Bool
    /// A file is closed before its pixels would exceed this many bytes.
    public var fileSize: Int

    /// Makes options.
    public init(overwrite: Bool = false, fileSize: Int = 1 << 30) {
        precondition(fileSize > 0, "a file of a pack holds a byte or more, got \(fileSize)")
        self.overwrite = overwrite
        self.fileSize = fileSize
    }
}

/// Writes all tiles of a corpus, decoded and stretched, into a folder of safetensors files.
///
/// Same ids, weights, subsets and pixels as `CorpusTileSource` gives, so that a run from the pack is the run from the
/// corpus. The folder appears under its name once it is whole.
///
/// - Throws: `CorpusError` (`exists`, `diskFull`, `badMember`, ...).
@discardableResult
public func packCorpus(
    _ corpus: String, into output: String, options: PackOptions = PackOptions(), progress: ProgressHandler? = nil
) throws -> PackManifest {
    let folder = withoutTrailingSlashes(output)
    let source = try CorpusTileSource(corpus)
    let isPack = exists(folder + "/" + PackManifest.name)
    if exists(folder), !(options.overwrite && isPack) {
        throw CorpusError(
            .exists, isPack ? "a pack lies there already" : "something that is no pack lies there; it is left alone",
            in: folder, try: isPack ? "replace it with --overwrite" : "choose another output folder")
    }
    let partial = folder + ".partial"
    let aside = folder + ".replaced"
    for leftover in [partial, aside] where exists(leftover) {
        // Only what an earlier run of ours left behind is removed.
        guard let names = try? names(in: leftover), names.allSatisfy({ $0.hasPrefix("pack") }) else {
            throw CorpusError(
                .exists, "something that is no pack lies at '\(leftover)'", in: folder, try: "move that away")
        }
        try removeAll(leftover)
    }
    try makeFolder(partial)
    do {
        let manifest = try writePack(source, into: partial, options: options, progress: progress)
        if isPack {
            try move(folder, to: aside)
            try move(partial, to: folder)
            try removeAll(aside)
        } else {
            try move(partial, to: folder)
        }
        return manifest
    } catch {
        try? removeAll(partial)
        throw error
    }
}

private func writePack(
    _ source: CorpusTileSource, into folder: String, options: PackOptions, progress: ProgressHandler?
) throws -> PackManifest {
    let layout = source.layout
    let tileBytes = layout.bands.count * layout.tileSize * layout.tileSize * layout.sampleType.byteCount
    let perFile = max(1, options.fileSize / tileBytes)
    var files: [PackManifest.File] = []
    for first in stride(from: 0, to: source.tileCount, by: perFile) {
        let ids = first..<min(source.tileCount, first + perFile)
        let name = "pack-\(CorpusFolder.shardName(files.count)).safetensors"
        let hash = try writePackFile(source, ids, to: folder + "/" + name, progress: progress)
        files.append(PackManifest.File(name: name, count: ids.count, sha256: hash))
    }
    let manifest = PackManifest(
        formatVersion: 1, fingerprint: source.fingerprint, layout: layout, tileCount: source.tileCount, files: files,
        subsets: Dictionary(uniqueKeysWithValues: Split.allCases.map { ($0.rawValue, Int($0.bit)) }))
    try writeAtomically(encodeJSON(manifest, pretty: true), to: folder + "/" + PackManifest.name)
    return manifest
}

/// One safetensors file: the length of the header, the header, then the tensors one after the other.
private func writePackFile(
    _ source: CorpusTileSource, _ ids: Range<Int>, to path: String, progress: ProgressHandler?
) throws -> String {
    let layout = source.layout
    let count = ids.count
    let shape = [count, layout.bands.count, layout.tileSize, layout.tileSize]
    let pixelBytes = shape.reduce(layout.sampleType.byteCount, *)
    let type = layout.sampleType == .uint8 ? "U8" : "U16"
    // 8-byte numbers first, so that all of them are aligned where the file is mapped.
    var tensors: [(name: String, type: String, shape: [Int], bytes: Int)] = [
        ("id", "I64", [count], 8 * count), ("subset", "I64", [count], 8 * count),
        ("weight", "F32", [count], 4 * count), ("pixels", type, shape, pixelBytes),
    ]
    // The header comes first, so holes are looked for before: training fills them, and must fill the same ones from a pack.
    let hasHoles = try ids.contains { try source.tiles([$0]).tiles.contains { $0.validity != nil } }
    let flagShape = [count, layout.tileSize, layout.tileSize]
    if hasHoles { tensors.append(("validity", "U8", flagShape, flagShape.reduce(1, *))) }
    let file = try OutputFile(creating: path)
    var hash = SHA256()
    func put(_ bytes: [UInt8]) throws {
        hash.update(bytes)
        try file.append(bytes)
    }
    try put(safetensorsHeader(tensors))
    var numbers: [UInt8] = []
    for id in ids { numbers.append(little: Int64(id)) }
    for id in ids { numbers.append(little: Int64(bitPattern: source.subsetBits(id))) }
    for weight in try source.weights(ids) { numbers.append(little: weight.bitPattern) }
    try put(numbers)
    for id in ids {
        guard let tile = try source.tiles([id]).tiles.first else { continue }
        switch tile.samples {
        case .uint8(let samples): try put(samples)
        case .uint16(let samples):
            var bytes: [UInt8] = []
            bytes.reserveCapacity(2 * samples.count)
            for sample in samples { bytes.append(little: sample) }
            try put(bytes)
        default:
            throw CorpusError(
                .badMember, "tile \(id) holds \(tile.sampleType.rawValue) values; a pack holds uint8 or uint16",
                in: path)
        }
        guard progress?(Progress(unit: "tiles", done: id + 1, total: source.tileCount)) ?? true else {
            throw CorpusError(.cancelled, "stopped after \(id + 1) of \(source.tileCount) tiles", in: path)
        }
    }
    for id in hasHoles ? ids : ids.prefix(0) {
        guard let tile = try source.tiles([id]).tiles.first else { continue }
        let pixels = layout.tileSize * layout.tileSize
        try put(tile.validity?.map { $0 ? 1 : 0 } ?? [UInt8](repeating: 1, count: pixels))
    }
    try file.sync()
    return hash.finalize()
}

/// The first bytes of a safetensors file: header length (8 bytes, little-endian), JSON, blanks up to 8 bytes.
func safetensorsHeader(_ tensors: [(name: String, type: String, shape: [Int], bytes: Int)]) -> [UInt8] {
    var offset = 0
    let entries = tensors.map { tensor -> String in
        defer { offset += tensor.bytes }
        let shape = tensor.shape.map(String.init).joined(separator: ",")
        return
            "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(offset + tensor.bytes)]}"
    }
    var text = Array("{\(entries.joined(separator: ","))}".utf8)
    text += [UInt8](repeating: 32, count: (8 - text.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.append(little: UInt64(text.count))
    return bytes + text
}

// geodino corpus pack: tiles as tensors on disk, for machines without GDAL.
public import Files
internal import Foundation
internal import Geo
public import Telemetry

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
    let partial = folder + ".partial"
    let aside = folder + ".replaced"
    var restored: [String] = []
    if !fileExists(folder), fileExists(aside + "/" + PackManifest.name), holdsOnlyAPack(aside) {
        try Disk.putBack(folder, from: aside)
        restored = ["it was put back from '\(aside)', where an interrupted replacement had left it"]
    }
    let isPack = fileExists(folder + "/" + PackManifest.name)
    if fileExists(folder), !(options.overwrite && isPack) {
        throw CorpusError(
            .exists, isPack ? "a pack exists already" : "not a pack; refusing to overwrite",
            in: folder, why: restored,
            try: isPack ? "replace it with \(Setting.overwrite)" : "choose another output folder")
    }
    for leftover in [partial, aside] where fileExists(leftover) {
        // Only what an earlier run of ours left behind is removed.
        guard holdsOnlyAPack(leftover) else {
            throw CorpusError(
                .exists, "'\(leftover)' is in the way and is not part of a pack", in: folder, try: "move it elsewhere")
        }
        try Disk.remove(leftover)
    }
    try Disk.makeFolder(partial)
    do {
        let manifest = try writePack(source, into: partial, options: options, progress: progress)
        try Disk.put(partial, at: folder, replacing: isPack ? aside : nil)
        return manifest
    } catch {
        // Where the new pack could not take its place and the old one could not return, both stay where they are.
        if fileExists(folder) || !fileExists(aside) { try? Disk.remove(partial) }
        throw error
    }
}

/// Whether a folder holds nothing but files of a pack, so that it may be one that an interrupted run left.
private func holdsOnlyAPack(_ folder: String) -> Bool {
    (try? Disk.names(in: folder))?.allSatisfy { $0.hasPrefix("pack") } ?? false
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
        let name = "pack-\(ShardName.text(files.count)).safetensors"
        let hash = try writePackFile(source, ids, to: folder + "/" + name, progress: progress)
        files.append(PackManifest.File(name: name, count: ids.count, sha256: hash))
    }
    let manifest = PackManifest(
        fingerprint: source.fingerprint, layout: layout, tileCount: source.tileCount, files: files,
        subsets: Dictionary(uniqueKeysWithValues: Split.allCases.map { ($0.rawValue, Int($0.bit)) }))
    try Disk.write(encodeJSON(manifest, pretty: true), to: folder + "/" + PackManifest.name)
    return manifest
}

/// One safetensors file: the length of the header, the header, then the tensors one after the other.
private func writePackFile(
    _ source: CorpusTileSource, _ ids: Range<Int>, to path: String, progress: ProgressHandler?
) throws -> String {
    let layout = source.layout
    let count = ids.count
    let shape = [count, layout.bands.count, layout.tileSize, layout.tileSize]
    // 8-byte numbers first, so that all of them are aligned where the file is mapped.
    var tensors = [
        TensorEntry(name: "id", type: .int64, shape: [count]),
        TensorEntry(name: "subset", type: .int64, shape: [count]),
        TensorEntry(name: "weight", type: .float32, shape: [count]),
        TensorEntry(name: "pixels", type: layout.sampleType == .uint8 ? .uint8 : .uint16, shape: shape),
    ]
    // The header comes first, so holes are looked for before: training fills them, and must fill the same ones from a pack.
    let hasHoles = try ids.contains { try source.tiles([$0]).tiles.contains { $0.validity != nil } }
    let flagShape = [count, layout.tileSize, layout.tileSize]
    if hasHoles { tensors.append(TensorEntry(name: "validity", type: .uint8, shape: flagShape)) }
    let file = try OutputFile(creating: path)
    var hash = SHA256()
    func put(_ bytes: [UInt8]) throws {
        hash.update(bytes)
        try file.append(bytes)
    }
    try put(SafetensorsHeader.encoded(tensors, metadata: [:]))
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

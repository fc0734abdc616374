// geodino corpus info: what a corpus holds, without opening a shard.
public import Geo

/// What a corpus holds.
public struct CorpusInfo: Codable, Sendable, Hashable {
    /// The folder.
    public var path: String
    /// Whether all tiles are in finished shards.
    public var complete: Bool
    /// Name of the profile it was cut with.
    public var profile: String
    /// Tiles in finished shards.
    public var tiles: Int
    /// Tiles per split.
    public var splits: [String: Int]
    /// Scenes it was cut from.
    public var scenes: Int
    /// Finished shards.
    public var shards: Int
    /// Bytes of their archives.
    public var bytes: Int
    /// Area of all tiles, km2, overlaps counted as often as they are covered.
    public var squareKilometres: Double
    /// Least and largest metres per pixel.
    public var gsd: [Double]
    /// The CRSs of the tiles.
    public var systems: [String]
    /// What the tiles are.
    public var layout: PixelLayout
    /// What names the content; `nil` while the corpus is unfinished.
    public var fingerprint: String?

    enum CodingKeys: String, CodingKey {
        case path, complete, profile, tiles, splits, scenes, shards, bytes, gsd, systems, layout, fingerprint
        case squareKilometres = "square_kilometres"
    }
}

/// Sums up a corpus from its marker and its shard indexes.
///
/// - Throws: `CorpusError` (`notCorpus`, `damaged`).
public func corpusInfo(_ path: String) throws -> CorpusInfo {
    let folder = try CorpusFolder(path)
    let journal = try folder.journal()
    let shards = try folder.finishedShards(journal)
    var summary = TileSummary()
    summary.count(shards, folder.marker)
    let complete = journal?.complete ?? false
    let gsd = folder.marker.scenes.map(\.tileGSD)
    return CorpusInfo(
        path: path, complete: complete, profile: folder.marker.profile.name,
        tiles: shards.reduce(0) { $0 + $1.index.count }, splits: summary.splits,
        scenes: folder.marker.scenes.count, shards: shards.count, bytes: summary.bytes,
        squareKilometres: summary.squareKilometres, gsd: [gsd.min() ?? 0, gsd.max() ?? 0],
        systems: folder.marker.systems, layout: folder.marker.layout,
        fingerprint: complete ? try CorpusTileSource(path).fingerprint : nil)
}

/// The scenes of a corpus, with their footprints; what `canopy --aoi` finds its scenes by.
///
/// - Throws: `CorpusError` (`notCorpus`, `damaged`).
public func corpusScenes(_ path: String) throws -> [CorpusScene] { try CorpusFolder(path).marker.scenes }

/// Whether a folder bears the marker of a corpus.
public func isCorpus(_ path: String) -> Bool { CorpusFolder.bearsMarker(path) }

// geodino-corpus.json and journal.json: what a corpus is made of, and how far it is.
internal import Foundation
public import Geo
internal import Telemetry

/// What `geodino-corpus.json` says: the marker that makes a folder a corpus, and all that it was started with.
///
/// Written before the first tile and never changed.
public struct CorpusMarker: Codable, Sendable, Hashable {
    /// Version of the folder's format.
    public var formatVersion: Int
    /// How it was cut.
    public var profile: TileProfile
    /// What its tiles are, as they come out of the shards.
    public var layout: PixelLayout
    /// The scenes, in order.
    public var scenes: [CorpusScene]
    /// SHA-256 of the area of interest as GeoJSON; `nil` where everything counts.
    public var aoi: String?

    /// Name of the file.
    static let name = "geodino-corpus.json"
    /// The version that this program writes and reads.
    static let currentVersion = 1

    enum CodingKeys: String, CodingKey {
        case profile, layout, scenes, aoi
        case formatVersion = "format_version"
    }

    /// Whether a scene's values can be stretched as the profile asks; a scene without a valid pixel has no percentiles.
    func canStretch(_ scene: CorpusScene) -> Bool { profile.stretch == .none || scene.stretch != nil }

    /// The CRSs of its tiles, each once.
    var systems: [String] {
        var found: [String] = []
        for scene in scenes {
            if let crs = scene.lattice.crs?.definition, !found.contains(crs) { found.append(crs) }
        }
        return found
    }

    /// What another run's inputs differ in, in words; empty where they are the same.
    ///
    /// Scenes are compared by content, so that a corpus can be resumed from another folder.
    func differences(from other: CorpusMarker) -> [String] {
        var found: [String] = []
        if let mine = try? flattened(profile), let theirs = try? flattened(other.profile) {
            for key in Set(mine.keys).union(theirs.keys).sorted() where mine[key] != theirs[key] {
                found.append(
                    "profile \(key) is now \(theirs[key] ?? "not set"); the corpus was started with \(mine[key] ?? "none")"
                )
            }
        }
        if scenes.count != other.scenes.count {
            found.append("\(other.scenes.count) scenes now; the corpus was started with \(scenes.count)")
        }
        for (mine, theirs) in zip(scenes, other.scenes) where !theirs.hasContent(of: mine) {
            found.append(
                Redaction.address(mine.path) == theirs.path
                    ? "scene \(mine.index), \(mine.path), has changed"
                    : "scene \(mine.index) is now \(theirs.path); the corpus was started with \(mine.path)")
            if found.count > 8 { break }
        }
        for (mine, theirs) in zip(scenes, other.scenes) where theirs.hasContent(of: mine) {
            if mine.bandNumbers != theirs.bandNumbers {
                func list(_ numbers: [Int]) -> String { numbers.map { "\($0)" }.joined(separator: ", ") }
                found.append(
                    "bands \(list(theirs.bandNumbers)) of scene \(mine.index), \(mine.path), now; the corpus was started with \(list(mine.bandNumbers))"
                )
            } else if mine.lattice != theirs.lattice || mine.isExact != theirs.isExact {
                found.append("the grid of scene \(mine.index), \(mine.path), has changed")
            }
            if found.count > 8 { break }
        }
        if aoi != other.aoi {
            found.append(
                other.aoi == nil
                    ? "no area of interest now; the corpus was started with one"
                    : aoi == nil
                        ? "an area of interest now; the corpus was started without one"
                        : "the area of interest has changed")
        }
        return found
    }

    /// A profile as dotted keys and texts.
    private func flattened(_ profile: TileProfile) throws -> [String: String] {
        var flat: [String: String] = [:]
        func walk(_ value: Any, _ name: String) {
            if let object = value as? [String: Any] {
                for (key, inner) in object { walk(inner, name.isEmpty ? key : "\(name).\(key)") }
            } else if let list = value as? [Any] {
                flat[name] = list.map { "\($0)" }.joined(separator: ",")
            } else {
                flat[name] = "\(value)"
            }
        }
        walk(try JSONSerialization.jsonObject(with: Data(encodeJSON(profile))), "")
        return flat
    }
}

/// How far a corpus is; `journal.json`.
///
/// Names the one shard that may be cut back after a break, before that shard gets its first byte.
struct Journal: Codable, Equatable {
    var formatVersion = 1
    /// The shard being written.
    var openShard: Int?
    /// Whether all tiles are in finished shards.
    var complete = false
    /// Number of shards of a complete corpus: what is lost from the end leaves no gap that would show it.
    var shards: Int?
    /// Number of tiles of a complete corpus.
    var tiles: Int?

    static let name = "journal.json"

    /// What a complete corpus has lost, in words; `nil` where nothing is known to be missing.
    func loss(shards found: Int, tiles counted: Int) -> String? {
        guard complete else { return nil }
        if let shards, found < shards {
            let first = ShardName.text(found) + ".tar"
            return shards - found == 1
                ? "the last shard, \(first), is missing with its index"
                : "the last \(shards - found) shards, from \(first) on, are missing with their indexes"
        }
        if let tiles, counted != tiles { return "the shards hold \(counted) tiles; the corpus was cut with \(tiles)" }
        return nil
    }
}

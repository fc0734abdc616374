// geodino-corpus.json and journal.json: what a corpus is made of, and how far it is.
internal import Foundation
public import Geo

/// What `geodino-corpus.json` says: the marker that makes a folder a corpus, and all that it was begun with.
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
                    "profile \(key) is \(theirs[key] ?? "not set") now; the corpus was begun with \(mine[key] ?? "none")"
                )
            }
        }
        if scenes.count != other.scenes.count {
            found.append("\(other.scenes.count) scenes now; the corpus was begun with \(scenes.count)")
        }
        for (mine, theirs) in zip(scenes, other.scenes) where mine.fingerprint != theirs.fingerprint {
            found.append(
                mine.path == theirs.path
                    ? "scene \(mine.index), \(mine.path), has changed"
                    : "scene \(mine.index) is \(theirs.path) now; the corpus was begun with \(mine.path)")
            if found.count > 8 { break }
        }
        if aoi != other.aoi {
            found.append(
                other.aoi == nil
                    ? "no area of interest now; the corpus was begun with one"
                    : aoi == nil
                        ? "an area of interest now; the corpus was begun without" : "another area of interest")
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

    static let name = "journal.json"
}

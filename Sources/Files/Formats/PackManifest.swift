// pack.json: what a pack holds.
public import Geo

/// The contents of `pack.json`.
public struct PackManifest: Codable, Sendable, Equatable {
    /// One file of a pack.
    public struct File: Codable, Sendable, Equatable {
        /// Name within the pack's folder, `pack-NNNNNN.safetensors`.
        public var name: String
        /// Number of tiles.
        public var count: Int
        /// SHA-256 of the file, 64 hexadecimal digits.
        public var sha256: String

        /// Makes an entry.
        public init(name: String, count: Int, sha256: String) {
            self.name = name
            self.count = count
            self.sha256 = sha256
        }
    }

    /// Name of the file in a pack's folder.
    public static let name = "pack.json"

    /// Version of the format; 1.
    public var formatVersion: Int
    /// Fingerprint of the corpus that was packed.
    public var fingerprint: String
    /// What the pixels are.
    public var layout: PixelLayout
    /// Number of tiles in all files.
    public var tileCount: Int
    /// The files, in the order of the tiles.
    public var files: [File]
    /// Named parts: the bits of the `subset` tensor that mark each, such as 1, 2, 4.
    public var subsets: [String: Int]

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case fingerprint, layout
        case tileCount = "tile_count"
        case files, subsets
    }

    /// Makes a manifest of the present format.
    public init(
        fingerprint: String, layout: PixelLayout, tileCount: Int, files: [File], subsets: [String: Int]
    ) {
        formatVersion = 1
        self.fingerprint = fingerprint
        self.layout = layout
        self.tileCount = tileCount
        self.files = files
        self.subsets = subsets
    }
}

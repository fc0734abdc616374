// How to cut: the value behind tiles/*.yaml.
public import Geo
public import Raster
internal import Scenes

/// Says how scenes become tiles; decoded from `tiles/*.yaml`.
///
/// A profile is a complete document and names no data.
public struct TileProfile: Codable, Sendable, Hashable {
    /// What the profile is called.
    public var name: String
    /// Side of a tile in pixels.
    public var tileSize: Int
    /// Metres per pixel of the tiles.
    public var gsd: TargetGSD
    /// Where tiles are cut.
    public var sampling: Sampling
    /// Tiles with a smaller share of valid pixels, 0 to 1, are dropped.
    public var minValidFraction: Double
    /// Which bands are kept, and in which order.
    public var bands: BandChoice
    /// The kernel used where pixels must be resampled.
    public var resampling: Kernel
    /// How values become 8 bits.
    public var stretch: StretchRule
    /// Whether the stretch is applied when cutting or when loading.
    public var pixels: Pixels
    /// How the members of a shard are compressed.
    public var codec: Codec
    /// A shard is closed before it would exceed this many bytes.
    public var shardSize: Int
    /// How tiles are parted into training, validation and test.
    public var splits: Splits

    enum CodingKeys: String, CodingKey {
        case name, gsd, sampling, bands, resampling, stretch, pixels, codec, splits
        case tileSize = "tile_size"
        case minValidFraction = "min_valid_fraction"
        case shardSize = "shard_size"
    }

    /// Makes a profile; `validate()` checks it.
    public init(
        name: String, tileSize: Int, gsd: TargetGSD, sampling: Sampling, minValidFraction: Double = 0.9,
        bands: BandChoice = .colour, resampling: Kernel = .auto, stretch: StretchRule = .none,
        pixels: Pixels = .stretched, codec: Codec = .deflate, shardSize: Int = 1 << 30,
        splits: Splits = Splits()
    ) {
        self.name = name
        self.tileSize = tileSize
        self.gsd = gsd
        self.sampling = sampling
        self.minValidFraction = minValidFraction
        self.bands = bands
        self.resampling = resampling
        self.stretch = stretch
        self.pixels = pixels
        self.codec = codec
        self.shardSize = shardSize
        self.splits = splits
    }

    /// Metres per pixel, or each scene's own.
    public enum TargetGSD: Codable, Sendable, Hashable {
        /// Every scene keeps its own pixels: nothing is resampled where its CRS is projected.
        case native
        /// All tiles have this GSD.
        case metres(Double)

        /// The number, where there is one.
        public var metres: Double? { if case .metres(let value) = self { value } else { nil } }

        /// Reads a number or `native`.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(Double.self) {
                self = .metres(value)
            } else if let text = try? container.decode(String.self), text == "native" {
                self = .native
            } else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "gsd must be a number of metres or the word native")
            }
        }

        /// Writes a number or `native`.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            if let metres { try container.encode(metres) } else { try container.encode("native") }
        }
    }

    /// Where tiles are cut.
    public struct Sampling: Codable, Sendable, Hashable {
        /// The two ways.
        public enum Kind: String, Codable, Sendable {
            /// Side by side from the scene's top-left corner.
            case grid
            /// At uniformly random places, which may overlap.
            case random
        }
        /// Which way.
        public var kind: Kind
        /// Grid: pixels from one tile to the next; `nil` is the tile size.
        public var stride: Int?
        /// Grid: pixels that neighbours share, instead of a stride.
        public var overlap: Int?
        /// Random: tiles in all, shared among the scenes by area.
        public var count: Int?
        /// Random: tiles per square kilometre, instead of a count.
        public var density: Double?
        /// Random: the seed.
        public var seed: UInt64?

        /// Makes a sampling; `TileProfile.validate()` checks it.
        public init(
            kind: Kind, stride: Int? = nil, overlap: Int? = nil, count: Int? = nil, density: Double? = nil,
            seed: UInt64? = nil
        ) {
            self.kind = kind
            self.stride = stride
            self.overlap = overlap
            self.count = count
            self.density = density
            self.seed = seed
        }
    }

    /// Which bands of a scene are kept.
    public enum BandChoice: Codable, Sendable, Hashable {
        /// The word `default`: red, green, blue by colour, else by description, else the first three.
        case colour
        /// Band numbers from 1.
        case numbers([Int])
        /// Names: colours or descriptions.
        case names([String])

        /// The same as what is wanted of a scene.
        var wanted: WantedBands {
            switch self {
            case .colour: .colour
            case .numbers(let numbers): .numbered(numbers)
            case .names(let names): .named(names)
            }
        }

        /// Reads `default`, a list of numbers or a list of names.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let numbers = try? container.decode([Int].self) {
                self = .numbers(numbers)
            } else if let names = try? container.decode([String].self) {
                self = .names(names)
            } else if let text = try? container.decode(String.self), text == "default" {
                self = .colour
            } else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "bands must be the word default, a list of numbers from 1, or a list of names")
            }
        }

        /// Writes `default` or the list.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .colour: try container.encode("default")
            case .numbers(let numbers): try container.encode(numbers)
            case .names(let names): try container.encode(names)
            }
        }
    }

    /// A resampling kernel, or the rule that chooses one.
    public enum Kernel: Codable, Sendable, Hashable {
        /// Average where a tile pixel covers two scene pixels or more along a side, else cubic.
        case auto
        /// Always this kernel.
        case fixed(Resampling)

        /// Reads `auto` or a kernel's name.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            if text == "auto" {
                self = .auto
            } else if let kernel = Resampling(rawValue: text) {
                self = .fixed(kernel)
            } else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription:
                        "resampling must be auto, nearest, bilinear, cubic, average or mode, got '\(text)'")
            }
        }

        /// Writes `auto` or the kernel's name.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .auto: try container.encode("auto")
            case .fixed(let kernel): try container.encode(kernel.rawValue)
            }
        }
    }

    /// When the stretch is applied.
    public enum Pixels: String, Codable, Sendable {
        /// When cutting; the shards hold 8 bits.
        case stretched
        /// When loading; the shards keep the scene's 8 or 16 bits.
        case raw
    }

    /// How the members of a shard are compressed.
    public enum Codec: String, Codable, Sendable {
        /// Read by everything.
        case deflate
        /// Smaller and faster, read by GDAL with ZSTD.
        case zstd
        /// Not at all.
        case none
    }

    /// How tiles are parted, block of ground by block of ground.
    public struct Splits: Codable, Sendable, Hashable {
        /// Side of a block of ground in metres.
        public var block: Double
        /// Share of the blocks for training, 0 to 1.
        public var train: Double
        /// Share of the blocks for validation, 0 to 1.
        public var validation: Double
        /// Share of the blocks for testing, 0 to 1.
        public var test: Double
        /// Decides which block goes where.
        public var seed: UInt64

        /// Makes a rule; the default trains on everything.
        public init(
            block: Double = 2000, train: Double = 1, validation: Double = 0, test: Double = 0, seed: UInt64 = 0
        ) {
            self.block = block
            self.train = train
            self.validation = validation
            self.test = test
            self.seed = seed
        }
    }
}

// How a cutting run is asked for, and what it answers.
internal import Raster
public import Scenes

/// How `tile` runs.
public struct TileOptions: Sendable {
    /// Resume a corpus that was started, or start it.
    public var resume: Bool
    /// Replace a corpus that is there.
    public var overwrite: Bool
    /// Reader threads, 1 or more; the bytes do not depend on it.
    public var threads: Int
    /// Only say what would be cut.
    public var dryRun: Bool
    /// Bands that a person named, which go before the profile's.
    public var bands = BandRequest()
    /// Where a test breaks the work.
    package var reached: (@Sendable (BreakingPoint) throws -> Void)?

    /// Makes options.
    public init(resume: Bool = false, overwrite: Bool = false, threads: Int = 1, dryRun: Bool = false) {
        precondition(threads >= 1, "cutting needs a thread or more, got \(threads)")
        self.resume = resume
        self.overwrite = overwrite
        self.threads = threads
        self.dryRun = dryRun
    }
}

/// What a cutting run did.
public struct TileSummary: Codable, Sendable, Hashable {
    /// Whether the corpus was complete already, from the same inputs.
    public var upToDate = false
    /// Whether nothing was written on purpose.
    public var dryRun = false
    /// Tiles in the corpus.
    public var tiles = 0
    /// Tiles cut by this run.
    public var newTiles = 0
    /// Scenes given.
    public var scenes = 0
    /// Places of the plan; in a dry run, the most tiles there can be.
    public var places = 0
    /// Places that this run tried.
    public var tried = 0
    /// Of those, centres outside the area of interest.
    public var outsideAOI = 0
    /// Of those, too few valid pixels.
    public var tooFewValid = 0
    /// Finished shards.
    public var shards = 0
    /// Their bytes; in a dry run, the bytes of all places without compression.
    public var bytes = 0
    /// Area of all tiles, overlaps counted as often as they are covered.
    public var squareKilometres = 0.0
    /// Tiles per split.
    public var splits: [String: Int] = [:]
    /// What the user should know.
    public var notes: [String] = []

    enum CodingKeys: String, CodingKey {
        case tiles, scenes, places, tried, shards, bytes, splits, notes
        case upToDate = "up_to_date"
        case dryRun = "dry_run"
        case newTiles = "new_tiles"
        case outsideAOI = "outside_aoi"
        case tooFewValid = "too_few_valid"
        case squareKilometres = "square_kilometres"
    }
}

// Where the trainer gets images and heights from; the Earth side implements it.
public import Geo

/// Images with canopy heights on one grid each, at one metres-per-pixel; callable from any thread.
public protocol PairSource: Sendable {
    /// Number of pairs; they are numbered from 0.
    var pairCount: Int { get }
    /// Names the content: equal fingerprints mean equal pairs in equal order. Checked on resume.
    var fingerprint: String { get }
    /// What the images' pixels are: `uint8`, with bands, GSD and stretch rule.
    var layout: PixelLayout { get }
    /// The grid of a pair at the layout's GSD.
    func grid(ofPair pair: Int) throws -> Grid
    /// Where on Earth the pixels of that grid are; `nil` if unknown.
    ///
    /// Ground is held out by it, so that pairs in different CRSs and lattices agree.
    func places(ofPair pair: Int) throws -> GroundPlaces?
    /// A window of a pair, which is inside its grid.
    ///
    /// - Returns: The image, `uint8` with the layout's bands, and the height in metres, one band of `float32`. Where either is
    ///   unknown, its validity says so.
    func crop(pair: Int, window: PixelWindow) throws -> (image: PixelBuffer, height: PixelBuffer)
}

extension PairSource {
    /// Nobody knows.
    public func places(ofPair pair: Int) throws -> GroundPlaces? { nil }
}

/// Pairs in memory; for tests and small things.
public struct PairsInMemory: PairSource {
    /// One image with its heights.
    public struct Pair: Sendable {
        /// The image, `uint8`.
        public var image: PixelBuffer
        /// Metres, one band of `float32`, of the image's size.
        public var height: PixelBuffer
        /// Where both lie.
        public var grid: Grid

        /// Makes a pair.
        public init(image: PixelBuffer, height: PixelBuffer, grid: Grid) {
            self.image = image
            self.height = height
            self.grid = grid
        }
    }

    /// The pairs.
    public var pairs: [Pair]
    /// What the images' pixels are.
    public var layout: PixelLayout
    /// Names the content.
    public var fingerprint: String

    /// Makes a source.
    public init(pairs: [Pair], layout: PixelLayout, fingerprint: String) {
        self.pairs = pairs
        self.layout = layout
        self.fingerprint = fingerprint
    }

    /// Number of pairs.
    public var pairCount: Int { pairs.count }

    /// The grid of a pair.
    public func grid(ofPair pair: Int) -> Grid { pairs[pair].grid }

    /// A window of a pair.
    public func crop(pair: Int, window: PixelWindow) -> (image: PixelBuffer, height: PixelBuffer) {
        (pairs[pair].image.cropped(to: window), pairs[pair].height.cropped(to: window))
    }
}

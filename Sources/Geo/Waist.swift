// The waist of the house: how pixels cross from the Earth side to the tensor side and back.

/// Tiles or windows, decoded.
public struct TileBatch: Sendable {
    /// The index of each tile in its source, or of each window in its lattice.
    public var ids: [Int]
    /// One buffer per id, all of one layout.
    public var tiles: [PixelBuffer]

    /// Makes a batch; there is one buffer per id.
    public init(ids: [Int], tiles: [PixelBuffer]) {
        precondition(ids.count == tiles.count, "\(ids.count) ids, but \(tiles.count) tiles")
        self.ids = ids
        self.tiles = tiles
    }
}

/// Some tiles of a source, in a fixed order.
public protocol TileSet: Sendable {
    /// Number of tiles.
    var count: Int { get }
    /// The id of the tile at a place, 0 to `count - 1`.
    func id(at index: Int) -> Int
}

/// Where training tiles come from: a corpus or a pack.
///
/// Stateless; callable from any thread.
public protocol TileSource: Sendable {
    /// Number of tiles; ids run from 0 to `tileCount - 1`.
    var tileCount: Int { get }
    /// Names the content: equal fingerprints mean equal tiles in equal order. Checked on resume.
    var fingerprint: String { get }
    /// What the pixels are.
    var layout: PixelLayout { get }
    /// Sampling weights, 0 or more, of a range of ids.
    func weights(_ ids: Range<Int>) throws -> [Float]
    /// A named part of the corpus, such as `train` or `validation`.
    func subset(named: String) throws -> any TileSet
    /// Decoded tiles in the order asked for, `uint8` or `uint16`.
    func tiles(_ ids: [Int]) throws -> TileBatch
}

/// What a window of an image is labelled with.
public enum Target: Sendable {
    /// A number per pixel, such as a height: one band of `float32`, with validity.
    case values(PixelBuffer)
    /// A class per pixel: one band of `uint8`, the class's index in the source's legend, with validity; not valid where no label is.
    case classes(PixelBuffer)
    /// What the whole window shows: indices of classes, one, or any number where an image may have several.
    case labels([Int])
}

/// One labelled image.
public struct LabelledItem: Sendable {
    /// Pixels across.
    public var width: Int
    /// Pixels down.
    public var height: Int
    /// Where it is, at the layout's GSD; `nil` for an image without a place.
    public var grid: Grid?
    /// Where on Earth its pixels are; `nil` if unknown.
    ///
    /// Ground is held out by it, so that images in different CRSs and lattices agree.
    public var places: GroundPlaces?
    /// Whether it is held out as a whole, or trained on as a whole; `nil` where that is decided by the ground it shows.
    public var isHeldOut: Bool?
    /// What it is called in messages.
    public var name: String

    /// Describes an image.
    public init(
        width: Int, height: Int, grid: Grid? = nil, places: GroundPlaces? = nil, isHeldOut: Bool? = nil, name: String
    ) {
        self.width = width
        self.height = height
        self.grid = grid
        self.places = places
        self.isHeldOut = isHeldOut
        self.name = name
    }
}

/// Images with truth on one grid each, at one GSD.
///
/// Callable from any thread.
public protocol LabelledSource: Sendable {
    /// What the images' pixels are: bands, sample type, GSD and stretch rule.
    var layout: PixelLayout { get }
    /// Number of images; they are numbered from 0.
    var count: Int { get }
    /// Names the content: equal fingerprints mean equal images and truth in equal order. Checked on resume.
    var fingerprint: String { get }
    /// What the indices of classes stand for; `nil` where labels are not classes.
    var legend: Legend? { get }
    /// Pixels read so far that labels of two classes claim, so that they count for neither.
    var disputedPixels: Int { get }
    /// What is known of an image.
    func item(_ index: Int) throws -> LabelledItem
    /// A window of an image, which is inside of it, and its truth; where either is unknown, its validity says so.
    func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target)
    /// The truth of a window alone.
    func target(_ index: Int, window: PixelWindow) throws -> Target
}

extension LabelledSource {
    /// Labels that are not classes.
    public var legend: Legend? { nil }

    /// Labels that do not overlap.
    public var disputedPixels: Int { 0 }

    /// The truth of a window, read together with its image.
    public func target(_ index: Int, window: PixelWindow) throws -> Target { try sample(index, window: window).target }
}

/// A model that answers windows of pixels, in whatever form.
///
/// Made and used on one thread only.
public protocol WindowModel<Answer> {
    /// What it says of a window.
    associatedtype Answer
    /// What it wants to be fed.
    var layout: PixelLayout { get }
    /// Side of a window in pixels.
    var windowSize: Int { get }
    /// Side, in pixels of the window, of the square that one pixel of the output stands for; it divides `windowSize`.
    var cellSize: Int { get }
    /// One answer per window; invalid input pixels may hold anything but NaN, and what is said of them does not count.
    func answer(_ windows: TileBatch) throws -> [Answer]
}

extension WindowModel {
    /// One pixel of the output for each of the window.
    public var cellSize: Int { 1 }
}

/// What becomes of a map's blended values when they are written.
public enum RasterProduct: Sendable, Hashable {
    /// They are written as they are, in `float32`.
    case values
    /// They are written as colours, whole numbers from 1 to 255; 0 is for pixels without a value.
    case picture
    /// The class whose band has the largest value is written; the bands are the legend's classes, in its order.
    ///
    /// Ties go to the first. The decision comes after blending, so that it is the same for all windows that see a pixel.
    case classes(Legend)
}

/// A model whose answers are rasters, which are blended where windows overlap.
///
/// An answer is a `float32` buffer (band, row, column) of `windowSize / cellSize` pixels a side, of what is blended: heights,
/// probabilities of classes, features.
public protocol RasterModel: WindowModel where Answer == PixelBuffer {
    /// What is blended.
    var blendedBands: [BandInfo] { get }
    /// How it becomes what is written.
    var product: RasterProduct { get }
}

extension RasterModel {
    /// What is blended is written.
    public var product: RasterProduct { .values }
}

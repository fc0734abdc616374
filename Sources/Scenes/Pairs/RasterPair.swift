// An image and its truth on one grid: what a head learns from.
public import Geo
internal import Raster
public import Telemetry

/// A crop of a pair.
public struct PairCrop: Sendable {
    /// The image, `[band, row, column]` in the layout's sample type (`uint8`, stretched by its rule), with validity.
    public var image: PixelBuffer
    /// The truth, `[1, row, column]`, with validity; 0 where not valid: physical values as float32, or indices of classes as uint8.
    public var target: PixelBuffer
}

/// Refuses pairs whose images do not mean the same by their bands.
///
/// - Throws: `unclearBands` or `unequalScales`, naming two images and a remedy.
public func checkAgreement(of pairs: [RasterPair]) throws(SceneError) {
    guard let stretch = pairs.first?.layout.stretch else { return }
    try checkAgreement(pairs.map(\.imageBands), stretch: stretch)
}

/// An image and a target, each in any CRS and resolution, brought to one grid.
///
/// The grid follows the rule of maps: the image's CRS when projected, else its UTM zone, pixels of the layout's GSD on the ground, origin at
/// whole multiples of the pixel size. It covers what image and target share (their bounds; holes are in the validity), with classes all of the
/// image.
/// Values are averaged where the grid is coarser than the target, else interpolated bilinearly; classes are the most frequent or the nearest;
/// labels are burnt.
///
/// An image without a place can be used where its GSD is said: its truth is a raster of its size, pixel on pixel, and the grid is the image,
/// without a CRS, in pixels of the layout's GSD. Any thread may read.
public final class RasterPair: Sendable {
    /// The image.
    public let imagePath: String
    /// What it is labelled with.
    public let truth: PairTruth
    /// What the image's pixels are.
    public let layout: PixelLayout
    /// The shared grid; without a CRS for an image without a place.
    public let grid: Grid
    /// The grid's pixels on the lattice that it is a window of; without a place, they count from the image's first pixel.
    public let window: PixelWindow

    private let plan: PairPlan
    private let pool: PairPool
    private let number: Int

    /// What the user should know.
    public var warnings: [String] { plan.warnings }
    /// What the image's bands are, for comparison with other pairs'.
    var imageBands: SceneBands { plan.imageBands }
    /// Whether the image has a place on Earth.
    public var isPlaced: Bool { grid.crs != nil }

    /// Opens a pair.
    ///
    /// - Parameters:
    ///   - image: The image, anything GDAL opens.
    ///   - truth: What it is labelled with.
    ///   - layout: Bands, sample type, GSD and stretch that the network wants; without GSD the image's own is kept.
    ///   - bands: Bands of the image, from 1; `nil` finds them by colour and name.
    ///   - aoi: An area outside of which nothing is valid.
    ///   - unplacedGSD: Metres on the ground per pixel of an image without a place; `nil` refuses such an image.
    ///   - pool: Open files and pieces read lately; shared by the pairs of a list, whose number it does not grow with.
    /// - Throws: `SceneError` as for maps: no CRS, too coarse, values or bands that do not fit, no common area.
    public init(
        image: String, truth: PairTruth, layout: PixelLayout, bands: [Int]? = nil, aoi: String? = nil,
        unplacedGSD: Double? = nil, pool: PairPool = PairPool(megabytes: 64)
    ) throws {
        let open = OpenScenes()
        let reader = try open.reader(image)
        let found: PairPlan
        if reader.grid.crs == nil, let gsd = unplacedGSD {
            found = try PairPlan(unplaced: reader, gsd: gsd, truth: truth, layout: layout, bands: bands, aoi: aoi, open)
        } else {
            found = try PairPlan(placed: reader, truth: truth, layout: layout, bands: bands, aoi: aoi, open)
        }
        imagePath = image
        self.truth = truth
        self.layout = layout
        plan = found
        window = found.window
        grid = found.frame.grid(of: found.window)
        self.pool = pool
        number = pool.number()
    }

    /// Opens a pair of an image and a raster of values.
    ///
    /// - Parameters:
    ///   - target: The raster, with scale and offset applied.
    ///   - targetBand: The band of the target that counts, from 1.
    ///   - validValues: Physical values of the target that count, before it is resampled; `nil` takes all.
    /// - Throws: As for any truth.
    public convenience init(
        image: String, target: String, targetBand: Int = 1, layout: PixelLayout, bands: [Int]? = nil,
        validValues: ClosedRange<Double>? = nil, aoi: String? = nil, unplacedGSD: Double? = nil,
        pool: PairPool = PairPool(megabytes: 64)
    ) throws {
        try self.init(
            image: image, truth: .values(path: target, band: targetBand, valid: validValues), layout: layout,
            bands: bands, aoi: aoi, unplacedGSD: unplacedGSD, pool: pool)
    }

    /// Reads a crop.
    ///
    /// - Parameter place: Pixels of `grid`; outside of it nothing is valid.
    /// - Returns: Image and target of the window's size. Pixels of the image that are not valid hold the crop's mean.
    /// - Throws: what reading throws.
    public func crop(_ place: PixelWindow) throws -> PairCrop {
        let read = try pieces(place, hasImage: true)
        let image = assembled(read.wanted, from: read.images, layout: layout, grid: read.grid)
        return PairCrop(image: image ?? empty(layout, place, read.grid), target: target(place, read))
    }

    /// Reads the truth of a crop alone; see `crop`.
    public func target(_ place: PixelWindow) throws -> PixelBuffer {
        target(place, try pieces(place, hasImage: false))
    }

    /// What is read of a crop.
    private struct Pieces {
        let wanted: PixelWindow
        let grid: Grid
        var images: [(window: PixelWindow, pixels: PixelBuffer)] = []
        var targets: [(window: PixelWindow, pixels: PixelBuffer)] = []
    }

    private func pieces(_ place: PixelWindow, hasImage: Bool) throws -> Pieces {
        precondition(!place.isEmpty, "a crop needs at least one pixel, got \(place.width) x \(place.height)")
        let wanted = place.shifted(columns: window.column, rows: window.row)
        let chunks = Chunk.indices(of: wanted)
        var read = Pieces(wanted: wanted, grid: plan.frame.grid(of: wanted))
        for j in chunks.j {
            for i in chunks.i {
                let index = LatticeIndex(i: i, j: j)
                let piece = try piece(index, hasImage: hasImage)
                // Limited to the shared window: a piece's pixels beyond it count for nobody.
                if let pixels = piece.image { read.images.append((Chunk.window(index), pixels)) }
                if let pixels = piece.target { read.targets.append((Chunk.window(index), pixels)) }
            }
        }
        return read
    }

    private func empty(_ layout: PixelLayout, _ place: PixelWindow, _ grid: Grid) -> PixelBuffer {
        PixelBuffer(
            bands: layout.bands.count, height: place.height, width: place.width,
            samples: zeros(layout.sampleType, count: layout.bands.count * place.height * place.width),
            validity: [Bool](repeating: false, count: place.height * place.width), grid: grid)
    }

    private func target(_ place: PixelWindow, _ read: Pieces) -> PixelBuffer {
        let one = PixelLayout(
            bands: [BandInfo(name: "target")], sampleType: truth.sampleType, tileSize: layout.tileSize, gsd: layout.gsd,
            stretch: .none)
        var target =
            assembled(read.wanted, from: read.targets, layout: one, grid: read.grid) ?? empty(one, place, read.grid)
        guard let validity = target.validity else { return target }
        switch target.samples {
        case .float32(var values):
            for place in values.indices where !validity[place] { values[place] = 0 }
            target.samples = .float32(values)
        case .uint8(var values):
            for place in values.indices where !validity[place] { values[place] = 0 }
            target.samples = .uint8(values)
        default: break
        }
        return target
    }

    /// Where on Earth the pixels of `grid` lie; `nil` where one is nowhere.
    public func places() throws -> GroundPlaces? {
        guard let crs = grid.crs else { return nil }
        let transformer = try CoordinateTransformer(from: crs, to: .wgs84)
        return GroundPlaces(width: grid.width, height: grid.height) { nodes in
            transformer.transform(nodes.map { grid.transform.point(column: $0.column, row: $0.row) }).map { place in
                place.map { (longitude: $0.x, latitude: $0.y) }
            }
        }
    }

    /// A piece at a fixed place of the frame: of both, or of the truth alone.
    private func piece(_ index: LatticeIndex, hasImage: Bool) throws -> PairPool.Piece {
        let key = PairPool.Key(pair: number, index: index, hasImage: hasImage)
        let (found, readers) = pool.take(key)
        if let found { return found }
        let own = try readers ?? PairReaders(mosaic: plan.mosaic, truth: plan.truth)
        let place = Chunk.window(index)
        var piece = PairPool.Piece()
        if !place.intersection(window).isEmpty {
            if hasImage { piece.image = try own.mosaic.read(place).pixels }
            let before = own.truth.rejected
            let truth = try own.truth.read(place)
            let inside = try inside(place)
            // What the network sees stays whole; only what it is asked about ends at the area.
            piece.target = truth.pixels.flatMap { limited($0, to: inside) }
            piece.rejected =
                truth.isDisputed.map { flags in flags.indices.count { flags[$0] && inside?[$0] ?? true } }
                ?? own.truth.rejected - before
        }
        pool.keep(piece, key, own)
        return piece
    }

    /// Which pixels of a piece are in the shared window and in the area; `nil` for all.
    private func inside(_ place: PixelWindow) throws -> [Bool]? {
        var inside = try plan.area.mask(on: plan.frame.grid(of: place))
        if !window.contains(place) {
            var flags = inside ?? [Bool](repeating: true, count: place.width * place.height)
            for row in 0..<place.height {
                for column in 0..<place.width {
                    let x = place.column + column - window.column
                    let y = place.row + row - window.row
                    if x < 0 || y < 0 || x >= window.width || y >= window.height {
                        flags[row * place.width + column] = false
                    }
                }
            }
            inside = flags
        }
        return inside
    }

    /// A piece with its pixels outside of some invalid; `nil` where none is left.
    private func limited(_ buffer: PixelBuffer, to inside: [Bool]?) -> PixelBuffer? {
        guard let inside else { return buffer }
        let validity = inside.indices.map { inside[$0] && (buffer.validity?[$0] ?? true) }
        guard validity.contains(true) else { return nil }
        var buffer = buffer
        buffer.validity = validity.contains(false) ? validity : nil
        return buffer
    }
}

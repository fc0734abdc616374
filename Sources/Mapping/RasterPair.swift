// An image and a target raster on one grid: what a head learns from.
public import Geo
internal import Raster
internal import Synchronization

/// A crop of a pair.
public struct PairCrop: Sendable {
    /// The image, `[band, row, column]` in the layout's sample type (`uint8`, stretched by its rule), with validity.
    public var image: PixelBuffer
    /// The target in physical values, `[1, row, column]` float32, with validity; 0 where not valid.
    public var target: PixelBuffer
}

/// An image and a target, each in any CRS and resolution, brought to one grid.
///
/// The grid follows the rule of maps: the image's CRS when projected, else its UTM zone, pixels of the layout's GSD on the ground, origin at
/// whole multiples of the pixel size. It covers only what image and target share (their bounds; holes are in the validity).
/// The target is averaged where the grid is coarser than it, else interpolated bilinearly. Any thread may read; files are opened per
/// reader and kept, pieces that were read lately are kept in memory.
public final class RasterPair: Sendable {
    /// The image.
    public let imagePath: String
    /// The target.
    public let targetPath: String
    /// What the image's pixels are.
    public let layout: PixelLayout
    /// The shared grid.
    public let grid: Grid
    /// The lattice that it is a window of.
    public let lattice: PixelLattice
    /// The grid's pixels on the lattice.
    public let window: PixelWindow
    /// Metres on the ground per pixel, at the grid's centre.
    public let metresPerPixel: Double
    /// What the user should know.
    public let warnings: [String]

    private let mosaic: MosaicPlan
    private let target: TargetPlan
    private let area: MapArea
    private let pool: Mutex<Pool>
    private let mostPieces: Int

    /// Opens a pair.
    ///
    /// - Parameters:
    ///   - image: The image, anything GDAL opens.
    ///   - target: The target; its first band counts, with scale and offset applied.
    ///   - layout: Bands, sample type, GSD and stretch that the network wants; without GSD the image's own is kept.
    ///   - bands: Bands of the image, from 1; `nil` finds them by colour and name.
    ///   - aoi: An area outside of which nothing is valid.
    ///   - cacheMegabytes: Memory for pieces read lately.
    /// - Throws: `MappingError` as for maps: no CRS, too coarse, values or bands that do not fit, no common area.
    public init(
        image: String, target: String, layout: PixelLayout, bands: [Int]? = nil, aoi: String? = nil,
        cacheMegabytes: Int = 64
    ) throws {
        let imageFacts = try SceneFacts(path: image)
        let targetFacts = try SceneFacts(path: target)
        let crs = MapJob.mapCRS(imageFacts, zone: nil)
        let lattice = try MapJob.lattice(first: imageFacts, crs: crs, gsd: layout.gsd)
        let wanted = try imageFacts.bands(for: layout, asked: bands)
        try imageFacts.checkValues(for: layout, bands: wanted)
        var warnings: [String] = []
        if let gsd = layout.gsd, imageFacts.gsd > gsd * 1.25 {
            let found = "\(rounded(imageFacts.gsd, 3)) m per pixel, the network wants \(rounded(gsd, 3)) m"
            guard imageFacts.gsd <= gsd * 2 else {
                throw MappingError(
                    .tooCoarse, "the image has \(found)", in: image,
                    try: "an image of at most \(rounded(gsd * 2, 3)) m, or weights trained at the image's GSD")
            }
            warnings.append("\(image): \(found)")
        }
        let raw = try aoi.map { try AreaOfInterest(path: $0) }
        warnings += raw?.warnings ?? []
        area = try MapArea(aoi: raw?.transformed(to: crs), allTouched: false, noClip: false)
        let apart = MappingError(
            .badPairs, "image, target\(aoi == nil ? "" : " and area") have no common area", in: image,
            why: [
                "the image's bounds are \(text(imageFacts.degrees)) (west south east north, degrees)",
                "the bounds of \(target) are \(text(targetFacts.degrees))",
            ] + (try raw.map { ["the area's bounds are \(text(try $0.transformed(to: .wgs84).bounds))"] } ?? []),
            try: "check that both belong to the same place, and their CRS with gdalinfo")
        let gsd = layout.gsd ?? imageFacts.gsd
        guard let scene = try MapScene(imageFacts, on: lattice, bands: wanted, gsd: layout.gsd),
            let truth = try MapScene(targetFacts, on: lattice, bands: [1], gsd: gsd)
        else { throw apart }
        var shared = scene.window.intersection(truth.window)
        if let bounds = area.bounds {
            guard let limit = lattice.window(covering: bounds) else { throw apart }
            shared = shared.intersection(limit)
        }
        guard !shared.isEmpty else { throw apart }
        imagePath = image
        targetPath = target
        self.layout = layout
        self.lattice = lattice
        self.warnings = warnings
        window = shared
        grid = lattice.grid(of: shared)
        metresPerPixel = try grid.groundSampleDistance().metres
        mosaic = MosaicPlan(
            lattice: lattice, layout: layout, scenes: [scene],
            stretches: [try Mapping.stretchParameters(of: image, bands: wanted, layout: layout)])
        // A pixel and a bit larger than the target's is an average already; the reader knows equal grids by itself.
        self.target = TargetPlan(
            path: target, lattice: lattice, scene: truth,
            resampling: gsd > targetFacts.gsd * 1.05 ? .average : .bilinear)
        pool = Mutex(Pool())
        let pieceBytes = Chunk.size * Chunk.size * (layout.bands.count * layout.sampleType.byteCount + 6)
        mostPieces = max(4, cacheMegabytes * 1_000_000 / pieceBytes)
    }

    /// Reads a crop.
    ///
    /// - Parameter place: Pixels of `grid`; outside of it nothing is valid.
    /// - Returns: Image and target of the window's size. Pixels of the image that are not valid hold the crop's mean.
    /// - Throws: what reading throws.
    public func crop(_ place: PixelWindow) throws -> PairCrop {
        precondition(!place.isEmpty, "a crop needs at least one pixel, got \(place.width) x \(place.height)")
        let wanted = place.shifted(columns: window.column, rows: window.row)
        let chunks = Chunk.indices(of: wanted)
        var images: [(window: PixelWindow, pixels: PixelBuffer)] = []
        var targets: [(window: PixelWindow, pixels: PixelBuffer)] = []
        for j in chunks.j {
            for i in chunks.i {
                let index = LatticeIndex(i: i, j: j)
                let piece = try piece(index)
                // Limited to the shared window: a piece's pixels beyond it count for nobody.
                if let pixels = piece.image { images.append((Chunk.window(index), pixels)) }
                if let pixels = piece.target { targets.append((Chunk.window(index), pixels)) }
            }
        }
        let cropGrid = lattice.grid(of: wanted)
        func empty(_ layout: PixelLayout) -> PixelBuffer {
            PixelBuffer(
                bands: layout.bands.count, height: place.height, width: place.width,
                samples: zeros(layout.sampleType, count: layout.bands.count * place.height * place.width),
                validity: [Bool](repeating: false, count: place.height * place.width), grid: cropGrid)
        }
        let image =
            assembled(wanted, from: images, layout: layout, grid: cropGrid) ?? empty(layout)
        let one = PixelLayout(
            bands: [BandInfo(name: "target")], sampleType: .float32, tileSize: layout.tileSize, gsd: layout.gsd,
            stretch: .none)
        var target = assembled(wanted, from: targets, layout: one, grid: cropGrid) ?? empty(one)
        if let validity = target.validity, case .float32(var values) = target.samples {
            for place in values.indices where !validity[place] { values[place] = 0 }
            target.samples = .float32(values)
        }
        return PairCrop(image: image, target: target)
    }

    /// The number of the block of ground that a pixel lies in; equal for pixels of one square of `metres` a side.
    ///
    /// Blocks are anchored at the CRS origin, so two pairs of one CRS agree about them.
    /// - Parameters:
    ///   - column: Column of `grid`.
    ///   - row: Row of `grid`.
    ///   - metres: Side of a block on the ground, above 0.
    public func block(column: Int, row: Int, metres: Double) -> BlockIndex {
        let side = max(1, Int((metres / metresPerPixel).rounded()))
        return BlockIndex(
            column: floorDivide(column + window.column, side), row: floorDivide(row + window.row, side))
    }

    /// The windows of all blocks of ground that the grid holds some of, cut at its edge, row by row.
    public func blocks(metres: Double) -> [(block: BlockIndex, window: PixelWindow)] {
        let side = max(1, Int((metres / metresPerPixel).rounded()))
        let first = block(column: 0, row: 0, metres: metres)
        let last = block(column: grid.width - 1, row: grid.height - 1, metres: metres)
        var result: [(block: BlockIndex, window: PixelWindow)] = []
        for row in first.row...last.row {
            for column in first.column...last.column {
                let place = PixelWindow(
                    column: column * side - window.column, row: row * side - window.row, width: side, height: side)
                result.append((BlockIndex(column: column, row: row), place.intersection(grid.window)))
            }
        }
        return result
    }

    /// A piece of both rasters at a fixed place of the lattice.
    private func piece(_ index: LatticeIndex) throws -> Piece {
        let (found, readers) = pool.withLock { pool -> (Piece?, Readers?) in
            if let piece = pool.pieces[index] {
                pool.clock += 1
                pool.used[index] = pool.clock
                return (piece, nil)
            }
            return (nil, pool.idle.popLast())
        }
        if let found { return found }
        let own = try readers ?? Readers(mosaic: mosaic, target: target)
        let place = Chunk.window(index)
        var piece = Piece()
        if !place.intersection(window).isEmpty {
            piece.image = try own.mosaic.read(place).pixels
            piece.target = try own.target.read(place, plan: target)
            try limit(&piece, place)
        }
        let made = piece
        pool.withLock { pool in
            pool.idle.append(own)
            if pool.pieces.count >= mostPieces, let oldest = pool.used.min(by: { $0.value < $1.value })?.key {
                pool.pieces[oldest] = nil
                pool.used[oldest] = nil
            }
            pool.clock += 1
            pool.pieces[index] = made
            pool.used[index] = pool.clock
        }
        return made
    }

    /// Makes a piece's pixels outside of the shared window and of the area invalid.
    private func limit(_ piece: inout Piece, _ place: PixelWindow) throws {
        var inside = try area.mask(on: lattice.grid(of: place))
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
        guard let inside else { return }
        func limited(_ buffer: PixelBuffer?) -> PixelBuffer? {
            guard var buffer else { return nil }
            let before = buffer.validity
            let validity = inside.indices.map { inside[$0] && (before?[$0] ?? true) }
            guard validity.contains(true) else { return nil }
            buffer.validity = validity.contains(false) ? validity : nil
            return buffer
        }
        // What the network sees stays whole; only what it is asked about ends at the area.
        piece.target = limited(piece.target)
    }
}

/// A block of ground.
public struct BlockIndex: Hashable, Sendable, Codable {
    /// Number from the CRS origin to the east.
    public var column: Int
    /// Number from the CRS origin to the south.
    public var row: Int

    /// Makes an index.
    public init(column: Int, row: Int) {
        self.column = column
        self.row = row
    }
}

/// A piece of image and target; `nil` where nothing is valid.
private struct Piece: Sendable {
    var image: PixelBuffer?
    var target: PixelBuffer?
}

/// How the target is read.
private struct TargetPlan: Sendable {
    let path: String
    let lattice: PixelLattice
    let scene: MapScene
    let resampling: Resampling
}

/// The open files of one thread at a time.
private final class Readers: @unchecked Sendable {
    // Checked out of the pool under its lock, and back in again: never used by two threads at once.
    let mosaic: SceneMosaic
    let target: TargetReader

    init(mosaic: MosaicPlan, target: TargetPlan) throws {
        self.mosaic = SceneMosaic(mosaic)
        self.target = try TargetReader(target)
    }
}

/// The target, open.
private final class TargetReader {
    private let reader: RasterReader

    init(_ plan: TargetPlan) throws {
        reader = try RasterReader(path: plan.path, options: RasterOpenOptions(expandPalette: false))
    }

    func read(_ window: PixelWindow, plan: TargetPlan) throws -> PixelBuffer? {
        guard !window.intersection(plan.scene.window).isEmpty else { return nil }
        var buffer: PixelBuffer
        if let column = plan.scene.alignedColumn, let row = plan.scene.alignedRow {
            buffer = try reader.read(window.shifted(columns: -column, rows: -row), bands: [1], values: .physical)
        } else {
            buffer = try reader.read(
                onto: plan.lattice.grid(of: window), bands: [1], resampling: plan.resampling, values: .physical)
        }
        buffer.grid = nil
        guard buffer.validity?.contains(true) ?? true else { return nil }
        return buffer
    }
}

/// Idle readers and the pieces read lately.
private struct Pool {
    var idle: [Readers] = []
    var pieces: [LatticeIndex: Piece] = [:]
    var used: [LatticeIndex: Int] = [:]
    var clock = 0
}

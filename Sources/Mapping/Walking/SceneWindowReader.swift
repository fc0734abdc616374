// The windows of scenes one by one, for whoever wants them as they are instead of a map.
public import Geo
internal import Raster
public import Scenes
public import Telemetry

/// One window of the scenes.
public struct SceneWindow: Sendable {
    /// Its number in the lattice of windows.
    public let index: LatticeIndex
    /// Its pixels in the layout's sample type, with place and validity; what no scene covers holds the window's mean.
    public let pixels: PixelBuffer
    /// Which of its cells count, `[row, column]`: half of their pixels or more are covered, and their centres lie in the
    /// area of interest.
    public let cells: [Bool]
    /// The same for cells of `fineCellSize`; empty where none was asked for.
    public let fineCells: [Bool]
}

/// Reads the windows of scenes on the lattice that a map of them would have.
///
/// Their places do not depend on the area of interest, which only says which are read. Memory does not depend on the height
/// of scenes.
public final class SceneWindowReader {
    /// The map that would be made.
    public let plan: MapPlan
    /// What the user should know.
    public let warnings: [String]
    /// The windows that hold some of the area inside of some scene's outline, row by row; they may turn out to be empty.
    public let candidates: [LatticeIndex]
    private let part: MapPlan.Part
    private let area: LatticeArea
    private let layout: PixelLayout
    private let loader: ChunkLoader
    private let fineCellSize: Int?
    private let output: String

    /// Plans the windows.
    ///
    /// - Parameters:
    ///   - request: Scenes, area, overlap (0 where it does not say), reading threads; all windows are on one grid, so `split` is
    ///     ignored, and nothing is written.
    ///   - layout: What the pixels become.
    ///   - windowSize: Side of a window in pixels.
    ///   - cellSize: Side of a cell in pixels; it divides `windowSize`.
    ///   - fineCellSize: Side of smaller cells that are wanted too; it divides `cellSize`.
    ///   - progress: Told `windows found`; an answer of `false` stops with `cancelled`.
    /// - Throws: `MappingError` (`needsSplit` where the area does not fit one grid), and what opening scenes and area throws.
    public init(
        _ request: MapRequest, layout: PixelLayout, windowSize: Int, cellSize: Int, fineCellSize: Int? = nil,
        progress: ProgressHandler = { _ in true }
    ) throws {
        precondition(cellSize % (fineCellSize ?? cellSize) == 0, "small cells do not fill a cell")
        var request = request
        request.overlap = request.overlap ?? 0
        request.split = false
        request.offersSplit = false
        let job = try MapJob(
            request, layout: layout, windowSize: windowSize, cellSize: cellSize,
            writing: WrittenProduct(.values, blended: [BandInfo(name: "none")]), progress: progress)
        plan = job.plan
        var part = job.plan.parts[0]
        let (stretches, without) = try part.stretchScenes(layout: layout, open: job.open, progress: progress)
        warnings = job.plan.warnings + without
        self.part = part
        area = job.areas[0]
        self.layout = layout
        let plan = MosaicPlan(
            lattice: part.inputLattice, layout: layout, scenes: part.scenes, stretches: stretches)
        loader = ChunkLoader(plan, threads: request.threads)
        let coverage = SceneMosaic(plan, open: job.open)
        self.fineCellSize = fineCellSize
        output = request.output
        // Scene by scene: what lies between scenes far apart is not walked through.
        var found: Set<LatticeIndex> = []
        for scene in part.scenes {
            let piece = scene.window.coarsened(by: cellSize).intersection(part.window)
            for j in part.windows.indices(from: piece.row, length: piece.height) {
                guard progress(Progress(unit: "windows found", done: found.count, total: nil)) else {
                    throw MappingError(.cancelled, "stopped before the first window was read", in: request.output)
                }
                let columns = part.windows.indices(from: piece.column, length: piece.width)
                // A whole row of windows first: what was never written is passed over without a look at each.
                let row = around(
                    part.inputWindow(LatticeIndex(i: columns.lowerBound, j: j)),
                    part.inputWindow(LatticeIndex(i: columns.upperBound, j: j)))
                if try coverage.isEmpty(row) { continue }
                for i in columns {
                    let index = LatticeIndex(i: i, j: j)
                    guard try !coverage.isEmpty(part.inputWindow(index)) else { continue }
                    let grid = part.lattice.grid(of: part.windows.window(index))
                    guard !found.contains(index), area.mayMeet(grid.bounds),
                        try area.mask(on: grid)?.contains(true) ?? true
                    else { continue }
                    found.insert(index)
                }
            }
        }
        candidates = found.sorted { ($0.j, $0.i) < ($1.j, $1.i) }
    }

    /// Reads some windows, in the order given; those without a valid pixel are passed over.
    ///
    /// - Parameters:
    ///   - indices: Windows, best row by row.
    ///   - progress: Told `windows` before each, also before those that are passed over; an answer of `false` stops with `cancelled`.
    ///   - body: Takes each window and its place in `indices`.
    /// - Throws: `MappingError`, what reading throws, and what `body` throws.
    public func read(
        _ indices: [LatticeIndex], progress: ProgressHandler = { _ in true },
        _ body: (_ place: Int, _ window: SceneWindow) throws -> Void
    ) throws {
        let assembler = WindowAssembler(part: part, layout: layout, loader: loader)
        defer { loader.keep { _ in false } }
        for (place, index) in indices.enumerated() {
            guard progress(Progress(unit: "windows", done: place, total: indices.count)) else {
                throw MappingError(.cancelled, "stopped while windows were read", in: output)
            }
            let top = Chunk.indices(of: part.inputWindow(index)).j.lowerBound
            // The next row of windows may see the lower chunks of this one.
            loader.keep { $0.j >= top }
            for ahead in indices[place..<min(place + 4, indices.count)] {
                let chunks = Chunk.indices(of: part.inputWindow(ahead))
                for j in chunks.j { loader.request(chunks.i.map { LatticeIndex(i: $0, j: j) }) }
            }
            guard let pixels = try assembler.window(index) else { continue }
            let cells = try cells(of: pixels, in: index, side: part.cellSize)
            let fine = try fineCellSize.map { try self.cells(of: pixels, in: index, side: $0) } ?? []
            try body(place, SceneWindow(index: index, pixels: pixels, cells: cells, fineCells: fine))
        }
    }

    /// Which cells of a window count.
    private func cells(of pixels: PixelBuffer, in index: LatticeIndex, side cell: Int) throws -> [Bool] {
        let window = part.inputWindow(index).coarsened(by: cell)
        let lattice = PixelLattice(crs: part.lattice.crs, pixelSize: part.inputLattice.pixelSize * Double(cell))
        var cells =
            pixels.validity.map { coarsened($0, side: pixels.width, cell: cell) }
            ?? [Bool](repeating: true, count: window.width * window.height)
        if let mask = try area.mask(on: lattice.grid(of: window)) {
            for cell in cells.indices where !mask[cell] { cells[cell] = false }
        }
        return cells
    }

    /// The candidates in rounds of `count`, each spread evenly over all of them and in the order of rows; together they are all.
    public func rounds(of count: Int) -> [[LatticeIndex]] {
        let rounds = (candidates.count + max(count, 1) - 1) / max(count, 1)
        return (0..<rounds).map { round in
            stride(from: round, to: candidates.count, by: rounds).map { candidates[$0] }
        }
    }
}

// The windows of scenes one by one, for whoever wants them as they are instead of a map.
public import Geo
internal import Raster

/// One window of the scenes.
public struct SceneWindow: Sendable {
    /// Its number in the lattice of windows.
    public let index: LatticeIndex
    /// Its pixels in the layout's sample type, with place and validity; what no scene covers holds the window's mean.
    public let pixels: PixelBuffer
    /// Which of its cells count, `[row, column]`: half of their pixels or more are covered, and their centres lie in the
    /// area of interest.
    public let cells: [Bool]
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
    private let area: MapArea
    private let layout: PixelLayout
    private let loader: ChunkLoader

    /// Plans the windows.
    ///
    /// - Parameters:
    ///   - request: Scenes, area, overlap (0 where it does not say), reading threads; nothing is written.
    ///   - layout: What the pixels become.
    ///   - windowSize: Side of a window in pixels.
    ///   - cellSize: Side of a cell in pixels; it divides `windowSize`.
    /// - Throws: `MappingError` (`needsSplit` where the area does not fit one grid), and what opening scenes and area throws.
    public init(_ request: MapRequest, layout: PixelLayout, windowSize: Int, cellSize: Int) throws {
        var request = request
        request.overlap = request.overlap ?? 0
        request.split = false
        let job = try MapJob(request, layout: layout, windowSize: windowSize, cellSize: cellSize, bands: 1)
        plan = job.plan
        var part = job.plan.parts[0]
        let (stretches, without) = try part.stretchScenes(layout: layout)
        warnings = job.plan.warnings + without
        self.part = part
        area = job.areas[0]
        self.layout = layout
        loader = ChunkLoader(
            MosaicPlan(lattice: part.inputLattice, layout: layout, scenes: part.scenes, stretches: stretches),
            threads: request.threads)
        let pieces = part.scenes.map { $0.window.coarsened(by: cellSize).intersection(part.window) }
        var found: [LatticeIndex] = []
        for j in part.windows.indices(from: part.window.row, length: part.window.height) {
            for i in part.windows.indices(from: part.window.column, length: part.window.width) {
                let index = LatticeIndex(i: i, j: j)
                let window = part.windows.window(index)
                guard pieces.contains(where: { !$0.intersection(window).isEmpty }),
                    area.mayMeet(part.lattice.grid(of: window).bounds),
                    try area.mask(on: part.lattice.grid(of: window))?.contains(true) ?? true
                else { continue }
                found.append(index)
            }
        }
        candidates = found
    }

    /// Reads some windows, in the order given; those without a valid pixel are passed over.
    ///
    /// - Parameters:
    ///   - indices: Windows, best row by row.
    ///   - body: Takes each window and its place in `indices`.
    public func read(_ indices: [LatticeIndex], _ body: (_ place: Int, _ window: SceneWindow) throws -> Void) throws {
        let assembler = WindowAssembler(part: part, layout: layout, loader: loader)
        defer { loader.keep { _ in false } }
        for (place, index) in indices.enumerated() {
            let top = Chunk.indices(of: part.inputWindow(index)).j.lowerBound
            // The next row of windows may see the lower chunks of this one.
            loader.keep { $0.j >= top }
            for ahead in indices[place..<min(place + 4, indices.count)] {
                let chunks = Chunk.indices(of: part.inputWindow(ahead))
                for j in chunks.j { loader.request(chunks.i.map { LatticeIndex(i: $0, j: j) }) }
            }
            guard let pixels = try assembler.window(index) else { continue }
            let window = part.windows.window(index)
            let side = part.windows.windowSize * part.cellSize
            var cells =
                pixels.validity.map { coarsened($0, side: side, cell: part.cellSize) }
                ?? [Bool](repeating: true, count: window.width * window.height)
            if let mask = try area.mask(on: part.lattice.grid(of: window)) {
                for cell in cells.indices where !mask[cell] { cells[cell] = false }
            }
            try body(place, SceneWindow(index: index, pixels: pixels, cells: cells))
        }
    }

    /// At most so many of the candidates, spread evenly.
    public func spread(_ count: Int) -> [LatticeIndex] {
        guard candidates.count > count, count > 0 else { return candidates }
        return (0..<count).map { candidates[$0 * candidates.count / count] }
    }
}

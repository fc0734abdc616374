// The blocks of a map, and a coarse sketch of its area that tells how much work there is.
internal import Geo
internal import Scenes
internal import Telemetry

/// The most blocks of one map; about six million square kilometres at 0.6 m.
private let mostBlocks = 1 << 20

/// The blocks of the map that hold some of the pieces, row by row, in the map's pixels.
///
/// - Parameters:
///   - pieces: What the scenes cover, on the lattice.
///   - window: The map on the lattice.
///   - side: Side of a block.
func blockWindows(
    pieces: [PixelWindow], in window: PixelWindow, side blockSize: Int, output: String
) throws -> [PixelWindow] {
    var places: Set<LatticeIndex> = []
    for piece in pieces {
        let left = (piece.column - window.column) / blockSize
        let right = (piece.column - window.column + piece.width - 1) / blockSize
        let top = (piece.row - window.row) / blockSize
        let bottom = (piece.row - window.row + piece.height - 1) / blockSize
        guard right - left < mostBlocks, bottom - top < mostBlocks,
            (right - left + 1) * (bottom - top + 1) + places.count <= mostBlocks
        else {
            throw MappingError(
                .tooLarge,
                "the map would have \(window.width) x \(window.height) pixels, more than \(mostBlocks) blocks of \(blockSize) x \(blockSize)",
                in: output, try: "choose a smaller area of interest (\(Setting.areaOfInterest))")
        }
        for j in top...bottom { for i in left...right { places.insert(LatticeIndex(i: i, j: j)) } }
    }
    return places.sorted { ($0.j, $0.i) < ($1.j, $1.i) }.map { place in
        PixelWindow(
            column: place.i * blockSize, row: place.j * blockSize,
            width: min(blockSize, window.width - place.i * blockSize),
            height: min(blockSize, window.height - place.j * blockSize))
    }
}

/// The map's area on at most 2048 x 2048 coarse cells, to count windows and pixels before the work begins.
struct Sketch {
    /// Pixels per cell and side.
    let cell: Int
    let width: Int
    let height: Int
    /// Cells that hold some of the area.
    let cells: Int
    /// Pixels of the area, about; at most a cell too many along its edge.
    let pixels: Double
    /// Running sums, `[height + 1, width + 1]`: how many cells lie above and left.
    private let sums: [Int32]

    init(window: PixelWindow, lattice: PixelLattice, pieces: [PixelWindow], area: LatticeArea) throws {
        let cell = max(1, (max(window.width, window.height) + 2047) / 2048)
        let width = (window.width + cell - 1) / cell
        let height = (window.height + cell - 1) / cell
        let corner = lattice.grid(of: window).transform
        let grid = Grid(
            crs: lattice.crs,
            transform: GeoTransform(
                originX: corner.originX, originY: corner.originY, pixelSize: lattice.pixelSize * Double(cell)),
            width: width, height: height)
        let mask = try area.mask(on: grid, touched: cell > 1)
        var covered = [Bool](repeating: false, count: width * height)
        for piece in pieces {
            let left = (piece.column - window.column) / cell
            let right = (piece.column - window.column + piece.width - 1) / cell
            let top = (piece.row - window.row) / cell
            let bottom = (piece.row - window.row + piece.height - 1) / cell
            for row in top...bottom {
                for column in left...right { covered[row * width + column] = true }
            }
        }
        var sums = [Int32](repeating: 0, count: (width + 1) * (height + 1))
        for row in 0..<height {
            var line: Int32 = 0
            for column in 0..<width {
                let place = row * width + column
                if covered[place], mask?[place] ?? true { line += 1 }
                sums[(row + 1) * (width + 1) + column + 1] = sums[row * (width + 1) + column + 1] + line
            }
        }
        self.cell = cell
        self.width = width
        self.height = height
        self.sums = sums
        cells = Int(sums[sums.count - 1])
        pixels = min(
            Double(cells) * Double(cell) * Double(cell), Double(window.width) * Double(window.height))
    }

    /// How many windows a block needs, about.
    func windowCount(block: PixelWindow, windows: WindowLattice) -> Int {
        // Counted from the map's corner instead of the lattice's: right to about one row of windows.
        var count = 0
        for j in windows.indices(from: block.row, length: block.height) {
            for i in windows.indices(from: block.column, length: block.width) {
                let part = windows.window(LatticeIndex(i: i, j: j)).intersection(block)
                if !part.isEmpty, holdsSome(part) { count += 1 }
            }
        }
        return count
    }

    private func holdsSome(_ part: PixelWindow) -> Bool {
        let left = part.column / cell
        let right = min(width, (part.column + part.width - 1) / cell + 1)
        let top = part.row / cell
        let bottom = min(height, (part.row + part.height - 1) / cell + 1)
        let line = width + 1
        return sums[bottom * line + right] - sums[top * line + right] - sums[bottom * line + left]
            + sums[top * line + left] > 0
    }
}

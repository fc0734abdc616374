// The block loop: chunks -> windows -> predictions -> blended rows.
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

/// Computes one part of a map, block by block.
///
/// What it holds depends on the block's size, not on the map's:
/// the chunks of two rows of windows, the sums of one, the block's mask, half a thousand rows on their way to the file.
final class BlockMapper {
    private let part: MapPlan.Part
    private let area: LatticeArea
    private let predictor: any RasterModel
    private let batchSize: Int
    private let loader: ChunkLoader
    private let assembler: WindowAssembler
    private let weights: [Double]
    private let sink: any PartSink
    /// Keeps the rows on disk; `nil` keeps none.
    private let log: RowLog?
    /// Told the number of windows done; `false` stops.
    private let report: (Int) -> Bool
    /// Windows predicted, those of two blocks' halo twice, by this run or for the rows that an earlier one kept.
    private(set) var windows = 0
    /// Calls of the predictor.
    private(set) var calls = 0
    /// The most chunks held at a time; for tests.
    private(set) var mostChunks = 0

    init(
        part: MapPlan.Part, area: LatticeArea, stretches: [StretchParameters?], predictor: any RasterModel,
        batchSize: Int, threads: Int, sink: any PartSink, log: RowLog? = nil, report: @escaping (Int) -> Bool
    ) {
        self.part = part
        self.area = area
        self.predictor = predictor
        self.batchSize = batchSize
        self.sink = sink
        self.log = log
        self.report = report
        loader = ChunkLoader(
            MosaicPlan(
                lattice: part.inputLattice, layout: predictor.layout, scenes: part.scenes, stretches: stretches),
            threads: threads)
        assembler = WindowAssembler(part: part, layout: predictor.layout, loader: loader)
        weights = part.windows.weights()
    }

    /// Computes all blocks, after the rows that are kept.
    func run() throws {
        var start = RowLog.Position()
        if let log {
            try log.replay(progress: goOn) { [sink] row, block, number in
                try sink.store(row, block: block, number: number)
            }
            start = log.position
            windows = start.windows
        }
        for number in part.blocks.indices.dropFirst(start.block) {
            let firstRow = number == start.block ? start.row : 0
            guard firstRow < part.blocks[number].height else { continue }
            try run(number, from: firstRow)
            loader.keep { _ in false }
            releaseFreedMemory()
        }
    }

    /// Computes a block from one of its rows on.
    private func run(_ number: Int, from firstRow: Int) throws {
        let block = part.blocks[number]
        let place = block.shifted(columns: part.window.column, rows: part.window.row)
        let mask = try area.mask(on: part.lattice.grid(of: place))
        if let mask, !mask.contains(true) { return }
        let coarse = CoarseMask(mask, width: block.width, height: block.height)
        let columns = part.windows.indices(from: place.column, length: place.width)
        /// The rows of windows that the rows of the block from one on are made of.
        func windowRows(from row: Int) -> Range<Int> {
            part.windows.indices(from: place.row + row, length: place.height - row)
        }
        let rows = windowRows(from: firstRow)
        func needed(_ j: Int) -> [LatticeIndex] {
            guard rows.contains(j) else { return [] }
            return columns.map { LatticeIndex(i: $0, j: j) }.filter { index in
                let inside = part.windows.window(index).intersection(place)
                    .shifted(columns: -place.column, rows: -place.row)
                return !inside.isEmpty && coarse.holdsSome(inside)
            }
        }

        var sums = StripAccumulator(
            block: place, from: firstRow, bands: predictor.blendedBands.count, weights: weights)
        let before = windows
        /// Windows by their row.
        var added: [Int: Int] = [:]
        let batcher = WindowBatcher(predictor: predictor, batchSize: batchSize) { [part] index, values, validity in
            sums.add(
                window: part.windows.window(index), values: values,
                validity: validity.map {
                    coarsened($0, side: part.windows.windowSize * part.cellSize, cell: part.cellSize)
                })
        }
        func emit(upTo row: Int) throws {
            try sums.take(upTo: row) { row, values, covered in
                let decided = sink.decided(block: block, row: row, sums: values, covered: covered, mask: mask)
                try sink.store(decided, block: block, number: row)
                log?.add(decided, block: block)
            }
            guard let log else { return }
            // A run that continues from here needs the windows of these rows again.
            let rest = windowRows(from: sums.firstRow)
            let settled = added.reduce(0) { rest.isEmpty || $1.key < rest.lowerBound ? $0 + $1.value : $0 }
            try log.commit(block: number, upTo: sums.firstRow, windows: before + settled)
        }
        var ahead = needed(rows.lowerBound)
        for j in rows {
            let now = ahead
            ahead = needed(j + 1)
            let chunks = chunkSet(now)
            let chunksAhead = chunkSet(ahead)
            loader.keep { chunks.contains($0) || chunksAhead.contains($0) }
            loader.request(chunks.sorted { ($0.j, $0.i) < ($1.j, $1.i) })
            loader.request(chunksAhead.sorted { ($0.j, $0.i) < ($1.j, $1.i) })
            mostChunks = max(mostChunks, loader.count)
            for index in now {
                guard let input = try assembler.window(index) else { continue }
                let callsBefore = batcher.calls
                added[j, default: 0] += 1
                try batcher.add(index, input)
                if batcher.calls != callsBefore { try goOn(before + batcher.windows) }
            }
            // Rows above the next window to come, and above any that waits for its batch, are complete.
            let waiting = batcher.firstUndelivered.map { min($0.j, j + 1) } ?? j + 1
            try emit(upTo: waiting * part.windows.stride - place.row)
            try goOn(before + batcher.windows)
        }
        try batcher.flush()
        try emit(upTo: block.height)
        windows = before + batcher.windows
        calls += batcher.calls
        try goOn(windows)
    }

    private func goOn(_ done: Int) throws {
        guard report(done) else {
            throw stoppedMap(in: part.output)
        }
    }

    private func chunkSet(_ indices: [LatticeIndex]) -> Set<LatticeIndex> {
        var set: Set<LatticeIndex> = []
        for index in indices {
            let chunks = Chunk.indices(of: part.inputWindow(index))
            for j in chunks.j { for i in chunks.i { set.insert(LatticeIndex(i: i, j: j)) } }
        }
        return set
    }
}

/// Which squares of `cell` x `cell` pixels of a square window are valid for half or more of their pixels.
package func coarsened(_ validity: [Bool], side: Int, cell: Int) -> [Bool] {
    guard cell > 1 else { return validity }
    let cells = side / cell
    var counts = [Int](repeating: 0, count: cells * cells)
    for row in 0..<cells * cell {
        for column in 0..<cells * cell where validity[row * side + column] {
            counts[row / cell * cells + column / cell] += 1
        }
    }
    return counts.map { 2 * $0 >= cell * cell }
}

/// Whether squares of 16 x 16 pixels hold any of a mask; to skip windows without counting every pixel.
struct CoarseMask {
    private let cells: [Bool]?
    private let width: Int

    init(_ mask: [Bool]?, width: Int, height: Int) {
        self.width = (width + 15) / 16
        guard let mask else {
            cells = nil
            return
        }
        var cells = [Bool](repeating: false, count: self.width * ((height + 15) / 16))
        for row in 0..<height {
            for column in 0..<width where mask[row * width + column] {
                cells[row / 16 * self.width + column / 16] = true
            }
        }
        self.cells = cells
    }

    /// Whether a window inside the block may hold some of the mask.
    func holdsSome(_ window: PixelWindow) -> Bool {
        guard let cells else { return true }
        for row in window.row / 16...(window.row + window.height - 1) / 16 {
            for column in window.column / 16...(window.column + window.width - 1) / 16
            where cells[row * width + column] { return true }
        }
        return false
    }
}

// Which ground is held out: whole blocks, the same ones whichever pair shows them.
internal import Backbone
package import Geo

/// Assigns square blocks of ground to training or validation by a hash of their place.
///
/// Where the places of a pair's pixels are known, blocks lie in longitude and latitude: all pairs agree about the ground
/// that they share. Else they are counted from the origin of the CRS in pixels of the grid, so that pairs on one lattice
/// agree.
package struct SpatialBlocks: Sendable {
    package let blockPixels: Int
    private let ground: GroundBlocks
    package let share: Double
    package let seed: UInt64

    /// Makes the assignment.
    ///
    /// - Parameters:
    ///   - block: Side of a block, metres.
    ///   - gsd: Metres per pixel.
    ///   - share: Share of the blocks that are held out.
    package init(block: Double, gsd: Double, share: Double, seed: UInt64) {
        blockPixels = max(1, Int((block / gsd).rounded()))
        ground = GroundBlocks(side: block)
        self.share = share
        self.seed = seed
    }

    /// Whether a block is held out.
    package func isHeldOut(column: Int, row: Int, crs: CoordinateReferenceSystem?, pair: Int) -> Bool {
        // Without a CRS nobody knows whether two images show the same ground: each has blocks of its own.
        var path = [column, row]
        if let crs {
            path += crs.definition.utf8.map(Int.init)
        } else {
            path += [-1, pair]
        }
        return isDrawn(path)
    }

    /// Whether a block of ground is held out.
    package func isHeldOut(_ block: GroundBlocks.Block) -> Bool { isDrawn([block.column, block.row]) }

    private func isDrawn(_ path: [Int]) -> Bool {
        var random = CounterRandom(seed: seed ^ 0x626c_6f63_6b73, path: path)
        return random.unit() < share
    }

    /// True for every pixel of a window whose centre is in a held-out block of ground, row by row.
    package func heldOut(_ window: PixelWindow, at places: GroundPlaces) -> [Bool] {
        var answers: [GroundBlocks.Block: Bool] = [:]
        var last = (block: GroundBlocks.Block(row: .min, column: 0), columns: 0, answer: false)
        var out: [Bool] = []
        out.reserveCapacity(window.width * window.height)
        for row in window.row..<window.row + window.height {
            for column in window.column..<window.column + window.width {
                let place = places[Double(column) + 0.5, Double(row) + 0.5]
                let line = ground.row(place.latitude)
                // Neighbours lie in one block, but for a few.
                if line != last.block.row {
                    last.columns = ground.columns(inRow: line)
                    last.block = GroundBlocks.Block(row: line, column: -1)
                }
                let across = ground.column(place.longitude, of: last.columns)
                if across != last.block.column {
                    last.block.column = across
                    last.answer = answers[last.block] ?? isHeldOut(last.block)
                    answers[last.block] = last.answer
                }
                out.append(last.answer)
            }
        }
        return out
    }

    /// True for every pixel of a window that is in a held-out block, row by row.
    package func heldOut(_ window: PixelWindow, of grid: Grid, pair: Int) -> [Bool] {
        let place = origin(of: grid)
        var known: [SIMD2<Int>: Bool] = [:]
        var out: [Bool] = []
        out.reserveCapacity(window.width * window.height)
        for row in window.row..<window.row + window.height {
            let blockRow = (place.row + row).flooredQuotient(by: blockPixels)
            for column in window.column..<window.column + window.width {
                let block = SIMD2((place.column + column).flooredQuotient(by: blockPixels), blockRow)
                if let answer = known[block] {
                    out.append(answer)
                } else {
                    let answer = isHeldOut(column: block.x, row: block.y, crs: grid.crs, pair: pair)
                    known[block] = answer
                    out.append(answer)
                }
            }
        }
        return out
    }

    /// Pixels from the origin of the CRS to the grid's first pixel, east and south.
    private func origin(of grid: Grid) -> (column: Int, row: Int) {
        guard grid.crs != nil else { return (0, 0) }
        let transform = grid.transform
        func pixels(_ origin: Double, _ step: Double) -> Int {
            guard step != 0 else { return 0 }
            let count = (origin / step).rounded()
            return count.magnitude < 1e15 ? Int(count) : 0
        }
        return (pixels(transform.originX, transform.columnX), pixels(transform.originY, transform.rowY))
    }
}

extension Int {
    /// The quotient rounded towards minus infinity; the divisor is above 0.
    fileprivate func flooredQuotient(by divisor: Int) -> Int {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }
}

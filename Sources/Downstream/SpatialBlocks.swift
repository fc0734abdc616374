// Which ground is held out: whole blocks, the same ones whichever pair shows them.
internal import Backbone
package import Geo

/// Assigns square blocks of ground to training or validation by a hash of their place.
///
/// Blocks are counted from the origin of the CRS in pixels of the grid, so that pairs on one lattice agree about
/// the ground that they share.
package struct SpatialBlocks: Sendable {
    package let blockPixels: Int
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
        var random = CounterRandom(seed: seed ^ 0x626c_6f63_6b73, path: path)
        return random.unit() < share
    }

    /// True for every pixel of a window that lies in a held-out block, row by row.
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

// Sums blended windows row by row, and hands out rows as soon as nothing more can fall on them.
package import Geo

/// The weighted sums of one block, kept only for the rows that windows still reach.
///
/// Windows come in lattice order (rows of windows from the top, left to right within a row), so that each pixel's sum is
/// taken in one order whatever the block. Sums are double precision: a constant comes back as itself.
package struct StripAccumulator {
    /// The block, on the pixel lattice.
    let block: PixelWindow
    let bands: Int
    private let weights: [Double]
    /// Sums of rows `firstRow` and on (counted in the block), each `[band, column]`.
    private var sums: [[Double]] = []
    /// True where a window had a valid pixel.
    private var covered: [[Bool]] = []
    /// The first row not yet handed out.
    package private(set) var firstRow: Int
    /// The rows of the block that are summed up, on the pixel lattice.
    private let summed: PixelWindow

    /// Starts a block.
    ///
    /// - Parameter firstRow: The first row that is summed up, counted in the block; what windows say of the rows above is left out. The
    ///   sums of a row do not depend on it if all windows that reach the row are added.
    package init(block: PixelWindow, from firstRow: Int = 0, bands: Int, weights: [Double]) {
        self.block = block
        self.firstRow = firstRow
        summed = PixelWindow(
            column: block.column, row: block.row + firstRow, width: block.width, height: block.height - firstRow)
        self.bands = bands
        self.weights = weights
    }

    /// Adds one window's prediction.
    ///
    /// - Parameters:
    ///   - window: The window on the pixel lattice, `weights.count` pixels wide and high.
    ///   - values: `[band, row, column]`.
    ///   - validity: Which of its pixels the scenes cover; `nil` for all.
    package mutating func add(window: PixelWindow, values: [Float], validity: [Bool]?) {
        let size = weights.count
        let shared = window.intersection(summed)
        guard !shared.isEmpty else { return }
        let top = shared.row - block.row
        precondition(top >= firstRow, "a window came after its rows were handed out")
        while sums.count < top + shared.height - firstRow {
            sums.append([Double](repeating: 0, count: bands * block.width))
            covered.append([Bool](repeating: false, count: block.width))
        }
        let inLeft = shared.column - window.column
        let outLeft = shared.column - block.column
        values.withUnsafeBufferPointer { values in
            weights.withUnsafeBufferPointer { weights in
                for step in 0..<shared.height {
                    let inRow = shared.row - window.row + step
                    let weight = weights[inRow]
                    let slot = top - firstRow + step
                    for band in 0..<bands {
                        let source = (band * size + inRow) * size + inLeft
                        let target = band * block.width + outLeft
                        sums[slot].withUnsafeMutableBufferPointer { sums in
                            for x in 0..<shared.width {
                                sums[target + x] += weight * weights[inLeft + x] * Double(values[source + x])
                            }
                        }
                    }
                    covered[slot].withUnsafeMutableBufferPointer { covered in
                        let source = inRow * size + inLeft
                        if let validity {
                            for x in 0..<shared.width where validity[source + x] { covered[outLeft + x] = true }
                        } else {
                            for x in 0..<shared.width { covered[outLeft + x] = true }
                        }
                    }
                }
            }
        }
    }

    /// Hands out all rows above `row` (counted in the block), in order; rows that no window touched are not covered.
    package mutating func take(
        upTo row: Int, _ body: (_ row: Int, _ sums: [Double], _ covered: [Bool]) throws -> Void
    ) rethrows {
        let end = min(row, block.height)
        guard end > firstRow else { return }
        let held = min(end - firstRow, sums.count)
        for step in 0..<held { try body(firstRow + step, sums[step], covered[step]) }
        sums.removeFirst(held)
        covered.removeFirst(held)
        firstRow += held
        guard firstRow < end else { return }
        let empty = [Double](repeating: 0, count: bands * block.width)
        let none = [Bool](repeating: false, count: block.width)
        for late in firstRow..<end { try body(late, empty, none) }
        firstRow = end
    }
}

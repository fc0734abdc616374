// Flips and quarter turns of a square crop, in place.

extension CropPixels {
    /// Mirrors left and right.
    package func flipColumns() {
        for line in 0..<bands * size {
            var samples = UnsafeMutableBufferPointer(start: base + line * size, count: size)
            samples.reverse()
        }
    }

    /// Mirrors top and bottom.
    package func flipRows() {
        for band in 0..<bands {
            let plane = base + band * size * size
            for row in 0..<size / 2 {
                let (upper, lower) = (plane + row * size, plane + (size - 1 - row) * size)
                for x in 0..<size { (upper[x], lower[x]) = (lower[x], upper[x]) }
            }
        }
    }

    /// Turns counter-clockwise by a number of right angles, 0 to 3.
    package func turn(quarters: Int) {
        switch quarters {
        case 1:
            mirrorDiagonal()
            flipRows()
        case 2:
            flipRows()
            flipColumns()
        case 3:
            flipRows()
            mirrorDiagonal()
        default: break
        }
    }

    /// Swaps rows and columns.
    private func mirrorDiagonal() {
        for band in 0..<bands {
            let plane = base + band * size * size
            for row in 0..<size {
                for x in row + 1..<size {
                    let (here, there) = (plane + row * size + x, plane + x * size + row)
                    (here.pointee, there.pointee) = (there.pointee, here.pointee)
                }
            }
        }
    }
}

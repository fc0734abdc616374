// Which part of each source pixel a target pixel covers.
import Geo

/// The four corners of a target pixel in the source, columns and rows, in order around it.
struct Quadrilateral {
    var column: SIMD4<Double>
    var row: SIMD4<Double>

    /// Its area in source pixels.
    var area: Double {
        // Half the cross product of the diagonals.
        0.5 * abs((column[2] - column[0]) * (row[3] - row[1]) - (column[3] - column[1]) * (row[2] - row[0]))
    }

    /// The pixels that it may meet, cut to those of a raster.
    func window(width: Int, height: Int) -> PixelWindow {
        let left = max(0, min(Double(width), column.min().rounded(.down)))
        let right = max(left, min(Double(width), column.max().rounded(.up)))
        let top = max(0, min(Double(height), row.min().rounded(.down)))
        let bottom = max(top, min(Double(height), row.max().rounded(.up)))
        return PixelWindow(column: Int(left), row: Int(top), width: Int(right - left), height: Int(bottom - top))
    }
}

/// The share of each source pixel that lies in a quadrilateral: its area, exactly.
///
/// Each edge adds, signed by whether it runs up or down, the area to its right; the sums along a row are the shares.
struct Footprint {
    /// The pixels that may have a share.
    private(set) var window = PixelWindow(column: 0, row: 0, width: 0, height: 0)
    /// Share of each of these pixels, 0 to 1, row by row.
    private(set) var shares: [Double] = []

    /// Measures a quadrilateral over the pixels of a raster.
    mutating func measure(_ shape: Quadrilateral, width: Int, height: Int) {
        window = shape.window(width: width, height: height)
        shares.removeAll(keepingCapacity: true)
        shares.append(contentsOf: repeatElement(0, count: window.width * window.height))
        guard !window.isEmpty else { return }
        for index in 0..<4 {
            let next = (index + 1) % 4
            add(shape.column[index], shape.row[index], shape.column[next], shape.row[next])
        }
        for row in 0..<window.height {
            var sum = 0.0
            for column in 0..<window.width {
                sum += shares[row * window.width + column]
                shares[row * window.width + column] = abs(sum)
            }
        }
    }

    /// Adds the area to the right of an edge.
    private mutating func add(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double) {
        guard y0 != y1 else { return }
        let sign = y0 < y1 ? 1.0 : -1.0
        let (top, bottom) = y0 < y1 ? ((x: x0, y: y0), (x: x1, y: y1)) : ((x: x1, y: y1), (x: x0, y: y0))
        let slope = (bottom.x - top.x) / (bottom.y - top.y)
        let first = max(top.y, Double(window.row))
        let last = min(bottom.y, Double(window.row + window.height))
        guard first < last else { return }
        var from = first
        var row = Int(first.rounded(.down))
        while from < last {
            let to = min(last, Double(row + 1))
            addPart(
                row - window.row, from == top.y ? top.x : top.x + (from - top.y) * slope,
                to == bottom.y ? bottom.x : top.x + (to - top.y) * slope, sign * (to - from))
            from = to
            row += 1
        }
    }

    /// Adds the part of an edge that is in one row.
    ///
    /// - Parameter height: How much of the row it spans, signed.
    private mutating func addPart(_ row: Int, _ a: Double, _ b: Double, _ height: Double) {
        let base = row * window.width
        let left = Double(window.column)
        let right = Double(window.column + window.width)
        let low = min(a, b)
        let high = max(a, b)
        // What lies left of the window covers its rows whole; what lies right of it covers nothing.
        if low < left {
            let share = high > left ? (left - low) / (high - low) : 1
            shares[base] += height * share
        }
        guard high >= left, low < right else { return }
        var from = max(low, left)
        let end = min(high, right)
        var column = Int(from.rounded(.down))
        repeat {
            let to = min(end, Double(column + 1))
            let part = high > low ? height * (to - from) / (high - low) : height
            let middle = (from + to) / 2 - Double(column)
            let place = base + column - window.column
            shares[place] += part * (1 - middle)
            if column + 1 < window.column + window.width { shares[place + 1] += part * middle }
            from = to
            column += 1
        } while from < end
    }
}

// Which pixels polygons cover, and which ones their edges pass through.
import Geo

/// A straight edge between two places, each a column and a row, fractions; pixel i covers [i, i + 1).
struct PixelEdge {
    let a: (column: Double, row: Double)
    let b: (column: Double, row: Double)

    var top: Double { min(a.row, b.row) }
    var bottom: Double { max(a.row, b.row) }

    func column(atRow row: Double) -> Double {
        a.column + (row - a.row) / (b.row - a.row) * (b.column - a.column)
    }
}

/// Marks pixels of a window; edges and window are counted from one origin.
enum Scanline {
    /// Marks the pixels whose centres have an odd number of edges to their left.
    ///
    /// - Parameter mark: Told rows and columns inside the window, row by row from the top.
    @inline(__always)
    static func fill(_ edges: [PixelEdge], in window: PixelWindow, mark: (_ row: Int, _ columns: Range<Int>) -> Void) {
        let left = Double(window.column)
        let right = Double(window.column + window.width)
        let top = Double(window.row)
        let bottom = Double(window.row + window.height)
        var starts: [(row: Int, edge: Int)] = []
        var end = window.row
        for (index, edge) in edges.enumerated() where edge.top != edge.bottom {
            // Rows whose centre lies in [top, bottom).
            let first = max(top, (edge.top - 0.5).rounded(.up))
            let after = min(bottom, (edge.bottom - 0.5).rounded(.up))
            guard first < after else { continue }
            starts.append((Int(first), index))
            end = max(end, Int(after))
        }
        guard !starts.isEmpty else { return }
        starts.sort { $0.row < $1.row }
        var next = 0
        var active: [Int] = []
        var crossings: [Double] = []
        for row in starts[0].row..<end {
            let middle = Double(row) + 0.5
            while next < starts.count, starts[next].row == row {
                active.append(starts[next].edge)
                next += 1
            }
            active.removeAll { edges[$0].bottom <= middle }
            crossings.removeAll(keepingCapacity: true)
            for index in active { crossings.append(edges[index].column(atRow: middle)) }
            crossings.sort()
            for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
                let first = max(left, (crossings[pair] - 0.5).rounded(.up))
                let after = min(right, (crossings[pair + 1] - 0.5).rounded(.up))
                guard first < after else { continue }
                mark(row, Int(first)..<Int(after))
            }
        }
    }

    /// Marks every pixel that an edge passes through.
    @inline(__always)
    static func trace(_ edge: PixelEdge, in window: PixelWindow, mark: (_ row: Int, _ columns: Range<Int>) -> Void) {
        let first = max(Double(window.row), edge.top.rounded(.down))
        let last = min(Double(window.row + window.height - 1), edge.bottom.rounded(.down))
        guard first <= last else { return }
        for row in Int(first)...Int(last) {
            let level = edge.top == edge.bottom
            let from = level ? edge.a.column : edge.column(atRow: max(edge.top, Double(row)))
            let to = level ? edge.b.column : edge.column(atRow: min(edge.bottom, Double(row + 1)))
            let left = max(Double(window.column), min(from, to).rounded(.down))
            let right = min(Double(window.column + window.width - 1), max(from, to).rounded(.down))
            guard left <= right else { continue }
            mark(row, Int(left)..<Int(right) + 1)
        }
    }
}

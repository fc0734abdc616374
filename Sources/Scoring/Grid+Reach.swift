// Which part of a grid something may reach, and where a grid is.
import Geo
import Raster

extension Grid {
    /// The window that bounds of some CRS reach, a little larger; all of it where that cannot be told.
    func window(reachedBy bounds: Bounds, in from: CoordinateReferenceSystem?) -> PixelWindow {
        guard let from, let to = crs, let transformer = try? CoordinateTransformer(from: from, to: to),
            let reached = transformer.bounds(bounds)
        else { return window }
        // Degrees come round, and either side may count past 180.
        let turns: [Double] = to.isGeographic ? [0, -360, 360] : [0]
        var found: PixelWindow?
        for turn in turns {
            let box = Bounds(
                minX: reached.minX + turn, minY: reached.minY, maxX: reached.maxX + turn, maxY: reached.maxY)
            if turn != 0, box.intersection(self.bounds) == nil { continue }
            let corners = [
                (box.minX, box.minY), (box.maxX, box.minY), (box.minX, box.maxY), (box.maxX, box.maxY),
            ].compactMap { transform.pixel(x: $0.0, y: $0.1) }
            guard corners.count == 4 else { return window }
            let part = window(around: corners)
            if !part.isEmpty { found = found.map { $0.union(part) } ?? part }
        }
        return found ?? PixelWindow(column: 0, row: 0, width: 0, height: 0)
    }

    /// The window of some places and two pixels around them.
    private func window(around places: [(column: Double, row: Double)]) -> PixelWindow {
        func clamped(_ value: Double, _ limit: Int) -> Int {
            guard !value.isNaN else { return 0 }
            return Int(min(Double(limit), max(0, value)))
        }
        let columns = places.map(\.column)
        let rows = places.map(\.row)
        let left = clamped((columns.min() ?? 0) - 2, width)
        let right = clamped((columns.max() ?? 0) + 3, width)
        let top = clamped((rows.min() ?? 0) - 2, height)
        let bottom = clamped((rows.max() ?? 0) + 3, height)
        return PixelWindow(column: left, row: top, width: right - left, height: bottom - top)
    }

    /// Its CRS and bounds, for messages.
    var placeText: String {
        let bounds = self.bounds
        return "in \(crs?.name ?? "no CRS") at \(bounds.minX) \(bounds.minY) \(bounds.maxX) \(bounds.maxY)"
    }
}

extension PixelWindow {
    /// The smallest window that holds both.
    fileprivate func union(_ other: PixelWindow) -> PixelWindow {
        let left = min(column, other.column)
        let top = min(row, other.row)
        return PixelWindow(
            column: left, row: top, width: max(column + width, other.column + other.width) - left,
            height: max(row + height, other.row + other.height) - top)
    }
}

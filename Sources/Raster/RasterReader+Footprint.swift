// The outline of a raster on Earth.
import Geo

extension RasterReader {
    /// The outline of the raster's grid in degrees of longitude and latitude (WGS 84).
    ///
    /// - Returns: Closed rings, counter-clockwise, 16 points to a side; two where the raster crosses 180 degrees.
    /// - Throws: `noCRS`, `badGrid` where the outline is nowhere on Earth.
    public func footprint() throws(RasterError) -> [[(x: Double, y: Double)]] {
        guard let crs = grid.crs else {
            throw RasterError(
                .noCRS, "a raster without CRS has no outline on Earth", in: path,
                try: "give it a CRS: gdal_edit.py -a_srs EPSG:CODE '\(path)'")
        }
        let toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        let steps = 16
        var outline: [(x: Double, y: Double)] = []
        let width = Double(grid.width)
        let height = Double(grid.height)
        let corners = [(0.0, 0.0), (0, height), (width, height), (width, 0), (0, 0)]
        for (from, to) in zip(corners, corners.dropFirst()) {
            for i in 0..<steps {
                let part = Double(i) / Double(steps)
                outline.append(
                    grid.transform.point(
                        column: from.0 + (to.0 - from.0) * part, row: from.1 + (to.1 - from.1) * part))
            }
        }
        let images = toDegrees.transform(outline)
        var ring = images.compactMap { $0 }
        guard ring.count == images.count, let first = ring.first else {
            throw RasterError(
                .badGrid, "part of the raster's outline is nowhere on Earth in \(crs.name)", in: path,
                try: "check its CRS and geotransform with gdalinfo")
        }
        // Unrolled, so that neighbours are never more than half a turn apart.
        for i in ring.indices.dropFirst() {
            ring[i].x -= 360 * ((ring[i].x - ring[i - 1].x) / 360).rounded()
        }
        ring.append(first)
        return Ring.split(ring)
    }
}

/// Rings of points in degrees.
enum Ring {
    /// Splits an unrolled ring at 180 degrees, each part within -180 to 180, counter-clockwise, closed.
    static func split(_ ring: [(x: Double, y: Double)]) -> [[(x: Double, y: Double)]] {
        var points = ring
        if let last = points.last, let first = points.first, last.x == first.x, last.y == first.y {
            points.removeLast()
        }
        guard let west = points.map(\.x).min(), let east = points.map(\.x).max() else { return [] }
        let turn = 360 * ((west + 180) / 360).rounded(.down)
        points = points.map { ($0.x - turn, $0.y) }
        var parts: [[(x: Double, y: Double)]] = []
        if east - turn <= 180 {
            parts = [points]
        } else {
            parts = [clip(points, keepingBelow: 180)]
            parts.append(clip(points.map { (-$0.x, $0.y) }, keepingBelow: -180).map { (-$0.x - 360, $0.y) })
        }
        return parts.filter { $0.count >= 3 }.map { part in
            var closed = area(part) < 0 ? part.reversed() : part
            if let first = closed.first { closed.append(first) }
            return closed
        }
    }

    /// The part of a ring with x up to a limit (Sutherland and Hodgman's clipping by one half plane).
    static func clip(_ points: [(x: Double, y: Double)], keepingBelow limit: Double) -> [(x: Double, y: Double)] {
        var kept: [(x: Double, y: Double)] = []
        for i in points.indices {
            let a = points[i]
            let b = points[(i + 1) % points.count]
            if a.x <= limit { kept.append(a) }
            if (a.x < limit && b.x > limit) || (a.x > limit && b.x < limit) {
                let part = (limit - a.x) / (b.x - a.x)
                kept.append((limit, a.y + (b.y - a.y) * part))
            }
        }
        return kept
    }

    /// Signed area, above 0 for counter-clockwise rings (the shoelace formula).
    static func area(_ points: [(x: Double, y: Double)]) -> Double {
        var sum = 0.0
        for i in points.indices {
            let a = points[i]
            let b = points[(i + 1) % points.count]
            sum += a.x * b.y - b.x * a.y
        }
        return sum / 2
    }
}

// Footprints: rings of longitude and latitude, parted at 180 degrees.

/// A polygon on the globe as closed rings; each ring is one part, none crosses 180 degrees.
package enum Footprint {
    /// Parts a ring that may cross 180 degrees.
    ///
    /// - Parameter ring: Longitude and latitude in degrees, in order, not closed; steps of more than 180 degrees are
    ///   taken the short way round.
    /// - Returns: One closed ring, or several where the ring crosses 180 degrees; each counter-clockwise.
    package static func parts(_ ring: [(x: Double, y: Double)]) -> [[[Double]]] {
        let (points, west, east) = unrolled(ring)
        guard points.count >= 3 else { return [] }
        // Turns of 360 degrees that the ring reaches; almost always one.
        let first = Int(((west + 180) / 360).rounded(.down))
        let last = max(first, Int(((east + 180) / 360).rounded(.up)) - 1)
        return (first...last).compactMap { turn -> [[Double]]? in
            let shift = Double(turn) * 360
            var part = points.map { (x: $0.x - shift, y: $0.y) }
            part = clipped(part, keep: { $0 >= -180 }, at: -180)
            part = clipped(part, keep: { $0 <= 180 }, at: 180)
            return closed(part)
        }
    }

    /// The ring with steps the short way round, and the longitudes it reaches; the first point is within -180 and 180.
    static func unrolled(_ ring: [(x: Double, y: Double)]) -> (
        points: [(x: Double, y: Double)], west: Double, east: Double
    ) {
        var points: [(x: Double, y: Double)] = []
        var west = Double.infinity
        var east = -Double.infinity
        for point in ring {
            var x = point.x
            if let before = points.last?.x {
                x -= ((x - before) / 360).rounded() * 360
            } else {
                x -= ((x + 180) / 360).rounded(.down) * 360
            }
            points.append((x, point.y))
            west = min(west, x)
            east = max(east, x)
        }
        return (points, west, east)
    }

    /// The part of a polygon on one side of a meridian (Sutherland and Hodgman 1974).
    private static func clipped(
        _ ring: [(x: Double, y: Double)], keep: (Double) -> Bool, at meridian: Double
    ) -> [(x: Double, y: Double)] {
        var kept: [(x: Double, y: Double)] = []
        for (index, point) in ring.enumerated() {
            let before = ring[(index + ring.count - 1) % ring.count]
            if keep(point.x) != keep(before.x) {
                let share = (meridian - before.x) / (point.x - before.x)
                kept.append((meridian, before.y + share * (point.y - before.y)))
            }
            if keep(point.x) { kept.append(point) }
        }
        return kept
    }

    /// The ring closed, counter-clockwise, rounded to about a millimetre; `nil` where it has no area.
    private static func closed(_ ring: [(x: Double, y: Double)]) -> [[Double]]? {
        var area = 0.0
        for (index, point) in ring.enumerated() {
            let next = ring[(index + 1) % ring.count]
            area += point.x * next.y - next.x * point.y
        }
        guard ring.count >= 3, abs(area) > 1e-16 else { return nil }
        func rounded(_ value: Double) -> Double { (value * 1e8).rounded() / 1e8 }
        var points = (area > 0 ? ring : ring.reversed()).map { [rounded($0.x), rounded($0.y)] }
        points.append(points[0])
        return points
    }
}

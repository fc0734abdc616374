// Polygons in longitude and latitude, parted at 180 degrees.

/// What becomes of rings and polygons that cross 180 degrees.
///
/// Points are longitude `x` and latitude `y` in degrees.
package enum Antimeridian {
    /// A point in degrees.
    package typealias Point = (x: Double, y: Double)

    /// A ring with steps the short way round, and the longitudes it reaches; the first point is within -180 and 180.
    package static func unrolled(_ ring: [Point]) -> (points: [Point], west: Double, east: Double) {
        var points: [Point] = []
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

    /// Parts a polygon that may cross 180 degrees.
    ///
    /// - Parameter polygon: The outer ring, then its holes; closed or not, running either way.
    /// - Returns: Polygons within -180 and 180, none where the outer ring has no area. Rings are closed; outer ones run
    ///   counter-clockwise, holes clockwise, as RFC 7946 wants them.
    package static func parted(_ polygon: [[Point]]) -> [[[Point]]] {
        guard let outline = polygon.first else { return [] }
        let (points, west, east) = unrolled(open(outline))
        guard points.count >= 3 else { return [] }
        let holes = polygon.dropFirst().map { ring in
            let hole = unrolled(open(ring))
            // Onto the turn on which the outline lies.
            let turn = (((west + east) / 2 - (hole.west + hole.east) / 2) / 360).rounded() * 360
            return turn.isFinite ? hole.points.map { (x: $0.x + turn, y: $0.y) } : []
        }
        // Turns of 360 degrees that the ring reaches; almost always one.
        let first = Int(((west + 180) / 360).rounded(.down))
        let last = max(first, Int(((east + 180) / 360).rounded(.up)) - 1)
        return (first...last).compactMap { turn in
            let shift = Double(turn) * 360
            guard let outer = part(points, shift: shift, counterClockwise: true) else { return nil }
            return [outer] + holes.compactMap { part($0, shift: shift, counterClockwise: false) }
        }
    }

    /// Signed area, above 0 for counter-clockwise rings (the shoelace formula).
    package static func area(_ ring: [Point]) -> Double {
        var sum = 0.0
        for (index, point) in ring.enumerated() {
            let next = ring[(index + 1) % ring.count]
            sum += point.x * next.y - next.x * point.y
        }
        return sum / 2
    }

    private static func open(_ ring: [Point]) -> [Point] {
        guard let first = ring.first, let last = ring.last, ring.count > 1, first == last else { return ring }
        return ring.dropLast()
    }

    /// What of a ring is within one turn, closed; `nil` where it has no area.
    private static func part(_ ring: [Point], shift: Double, counterClockwise: Bool) -> [Point]? {
        var part = ring.map { (x: $0.x - shift, y: $0.y) }
        part = clipped(part, at: -180) { $0 >= -180 }
        part = clipped(part, at: 180) { $0 <= 180 }
        let area = area(part)
        guard part.count >= 3, abs(area) > 1e-16 else { return nil }
        if (area > 0) != counterClockwise { part.reverse() }
        part.append(part[0])
        return part
    }

    /// The part of a ring on one side of a meridian (Sutherland and Hodgman 1974).
    package static func clipped(_ ring: [Point], at meridian: Double, keep: (Double) -> Bool) -> [Point] {
        var kept: [Point] = []
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
}

// One polygon, line or point of a label layer, and what coming round the Earth does to it.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// A part of a feature: one polygon, line or point, or a piece of a line that has a width.
struct LabelShape: Sendable {
    /// What it is, in units of its CRS.
    enum Form: Sendable {
        /// The outer ring and its holes, closed.
        case polygon([Outline])
        /// Points in order.
        case line(Outline)
        /// A place.
        case point(x: Double, y: Double)
        /// All that is within reach of a straight line: half its width along it and across it.
        case band(LineBand)
    }

    /// The number of the value that it is labelled with.
    let value: Int
    let form: Form
    /// The rectangle around it.
    let bounds: Bounds

    /// Makes a shape; `nil` where it has no points, or one that is not finite.
    init?(_ value: Int, _ form: Form) {
        let bounds: Bounds?
        switch form {
        case .polygon(let rings):
            // All rings: a hole that reaches out of its polygon adds to it.
            let parts = rings.compactMap { Bounds(points: $0) }
            bounds = parts.count == rings.count ? parts.dropFirst().reduce(parts.first) { $0?.union($1) } : nil
        case .line(let points): bounds = Bounds(points: points)
        case .point(let x, let y): bounds = Bounds(points: [(x, y)])
        case .band(let band): bounds = band.bounds
        }
        guard let bounds else { return nil }
        self.value = value
        self.form = form
        self.bounds = bounds
    }
}

/// A straight piece of a line with a width: a rectangle with a half circle at either end.
struct LineBand: Sendable {
    let from: (x: Double, y: Double)
    let to: (x: Double, y: Double)
    /// Half of the width, in CRS units, in the direction of the line.
    let along: (x: Double, y: Double)
    /// Half of the width, in CRS units, to the left of it.
    let across: (x: Double, y: Double)

    /// Steps of each half circle; the circle's chords are at most 0.3 % of half the width off.
    private static let steps = 24

    /// `nil` where a number is not finite.
    var bounds: Bounds? {
        let x = abs(along.x) + abs(across.x)
        let y = abs(along.y) + abs(across.y)
        return Bounds(
            points: [from, to].flatMap { end in
                [(x: end.x - x, y: end.y - y), (x: end.x + x, y: end.y + y)]
            })
    }

    /// Its outline, closed.
    var ring: Outline {
        var ring: Outline = []
        for step in 0...Self.steps { ring.append(place(to, half: 1, step)) }
        for step in 0...Self.steps { ring.append(place(from, half: -1, step)) }
        ring.append(ring[0])
        return ring
    }

    /// A place on the half circle around an end: from the right of the line over its end to the left, or back.
    private func place(_ end: (x: Double, y: Double), half: Double, _ step: Int) -> (x: Double, y: Double) {
        let (sine, cosine) = Self.circle[step]
        return (
            end.x + half * (cosine * along.x + sine * across.x), end.y + half * (cosine * along.y + sine * across.y)
        )
    }

    /// Sine and cosine from -90 to 90 degrees.
    private static let circle: [(sine: Double, cosine: Double)] = (0...steps).map { step in
        let angle = Double(step) / Double(steps) * .pi - .pi / 2
        return (sin(angle), cos(angle))
    }
}

/// Rings and lines where x comes round the Earth: neighbours at most half a turn apart.
enum Turns {
    /// A line on one turn: each point on the side of the one before it.
    static func line(_ points: Outline, turn: Double) -> Outline {
        var result = points
        var offset = 0.0
        for i in points.indices.dropFirst() {
            let jump = points[i].x - points[i - 1].x
            // A whole turn from one point to the next is drawn on purpose: a box around the Earth.
            if abs(jump) > turn / 2, abs(jump) < turn * (1 - 1e-9) { offset -= turn * (jump / turn).rounded() }
            result[i].x += offset
        }
        return result
    }

    /// A polygon on one turn, holes where the outer ring is; `nil` where it surrounds a pole.
    static func polygon(_ rings: [Outline], turn: Double) -> [Outline]? {
        var result: [Outline] = []
        for drawn in rings {
            var ring = line(drawn, turn: turn)
            guard let first = ring.first, let last = ring.last, abs(first.x - last.x) < turn / 2 else { return nil }
            if let outer = result.first.flatMap({ Bounds(points: $0) }), let hole = Bounds(points: ring) {
                let shift = turn * ((outer.centre.x - hole.centre.x) / turn).rounded()
                ring = ring.map { ($0.x + shift, $0.y) }
            }
            result.append(ring)
        }
        return result
    }
}

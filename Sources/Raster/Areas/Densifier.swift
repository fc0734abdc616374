// Straight edges of one CRS as bent edges of another.

/// Takes rings and lines to another CRS, with as many points more as their edges' bending needs.
struct Densifier {
    let transformer: CoordinateTransformer
    /// How far a new edge may lie from the true curve: 5 cm, or about that in degrees.
    private let tolerance: Double
    private let wraps: Bool

    init(transformer: CoordinateTransformer) {
        self.transformer = transformer
        wraps = transformer.target.isGeographic
        tolerance = wraps ? 5e-7 : 0.05
    }

    /// The ring or line in the target CRS; `nil` where a point has no image.
    func apply(to ring: Outline) -> Outline? {
        let images = transformer.transform(ring)
        guard let first = images.first, let start = first else { return nil }
        let straight = straightEdges(ring, images)
        var result = [start]
        for i in 1..<max(1, images.count) {
            guard let from = images[i - 1], let to = images[i] else { return nil }
            guard straight[i - 1] || bend(ring[i - 1], ring[i], from, to, 0, &result) else { return nil }
            result.append(to)
        }
        return result
    }

    /// Which edges `bend` adds no points to: nearly all of most rings, found in one call of PROJ instead of three for each edge.
    private func straightEdges(_ ring: Outline, _ images: [(x: Double, y: Double)?]) -> [Bool] {
        var inner: Outline = []
        inner.reserveCapacity(3 * max(0, ring.count - 1))
        for (a, b) in zip(ring, ring.dropFirst()) {
            let middle = ((a.x + b.x) / 2, (a.y + b.y) / 2)
            inner.append(((a.x + middle.0) / 2, (a.y + middle.1) / 2))
            inner.append(middle)
            inner.append(((middle.0 + b.x) / 2, (middle.1 + b.y) / 2))
        }
        let innerImages = transformer.transform(inner)
        return (0..<max(0, ring.count - 1)).map { i in
            guard let from = images[i], let to = images[i + 1], let first = innerImages[3 * i],
                let middle = innerImages[3 * i + 1], let last = innerImages[3 * i + 2]
            else { return false }
            return isStraight(middle, from, to) && isStraight(first, from, middle) && isStraight(last, middle, to)
        }
    }

    /// Whether the image of an edge's middle is in the middle of its ends' images.
    private func isStraight(
        _ image: (x: Double, y: Double), _ from: (x: Double, y: Double), _ to: (x: Double, y: Double)
    ) -> Bool {
        var offX = image.x - (from.x + to.x) / 2
        if wraps { offX -= 180 * (offX / 180).rounded() }
        let offY = image.y - (from.y + to.y) / 2
        return abs(offX) <= tolerance && abs(offY) <= tolerance
    }

    /// Adds the points between two ends; false where a point has no image.
    private func bend(
        _ a: (x: Double, y: Double), _ b: (x: Double, y: Double), _ from: (x: Double, y: Double),
        _ to: (x: Double, y: Double), _ depth: Int, _ result: inout Outline
    ) -> Bool {
        guard depth < 12 else { return true }
        let middle = ((a.x + b.x) / 2, (a.y + b.y) / 2)
        guard let image = transformer.transform([middle])[0] else { return false }
        // An S-shaped edge can pass its chord's middle: long ones are halved once in any case.
        let straight = isStraight(image, from, to)
        if straight, depth > 0 { return true }
        guard bend(a, middle, from, image, depth + 1, &result) else { return false }
        if !straight { result.append(image) }
        return bend(middle, b, image, to, depth + 1, &result)
    }
}

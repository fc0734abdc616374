// Straight edges of one CRS as bent edges of another.

/// Takes rings to another CRS, with as many points more as their edges' bending needs.
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

    /// The ring in the target CRS; `nil` where a point has no image.
    func apply(to ring: Outline) -> Outline? {
        let images = transformer.transform(ring)
        guard let first = images.first, let start = first else { return nil }
        var result = [start]
        for i in 1..<max(1, images.count) {
            guard let from = images[i - 1], let to = images[i] else { return nil }
            guard bend(ring[i - 1], ring[i], from, to, 0, &result) else { return nil }
            result.append(to)
        }
        return result
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
        var offX = image.x - (from.x + to.x) / 2
        if wraps { offX -= 180 * (offX / 180).rounded() }
        let offY = image.y - (from.y + to.y) / 2
        let isStraight = abs(offX) <= tolerance && abs(offY) <= tolerance
        if isStraight, depth > 0 { return true }
        guard bend(a, middle, from, image, depth + 1, &result) else { return false }
        if !isStraight { result.append(image) }
        return bend(middle, b, image, to, depth + 1, &result)
    }
}

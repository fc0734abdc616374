// Buildings: lots along the streets of a settlement, houses with gable roofs, halls with flat ones.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// Reflectances of roofs: red, green, blue, near infrared.
let roofColours: [SIMD4<Float>] = [
    SIMD4(0.54, 0.28, 0.22, 0.42), SIMD4(0.47, 0.26, 0.20, 0.40), SIMD4(0.36, 0.31, 0.28, 0.32),
    SIMD4(0.31, 0.31, 0.33, 0.28), SIMD4(0.58, 0.35, 0.26, 0.44), SIMD4(0.62, 0.61, 0.60, 0.52),
    SIMD4(0.44, 0.42, 0.40, 0.38),
]

extension Block {
    /// Builds on every lot of every street block that may reach into this block.
    func raiseBuildings() {
        let place = landscape
        let axis = place.streetAxis
        let spacing = Landscape.streetSpacing
        // Street blocks over the window: the range of both street coordinates at its corners.
        var low = SIMD2<Float>(repeating: .infinity)
        var high = SIMD2<Float>(repeating: -.infinity)
        for (column, row) in [(0, 0), (width, 0), (0, height), (width, height)] {
            let x = Float(window.column + column) * place.gsd
            let y = Float(window.row + row) * place.gsd
            let street = SIMD2(x * axis.x + y * axis.y, y * axis.x - x * axis.y) / spacing
            low = pointwiseMin(low, street)
            high = pointwiseMax(high, street)
        }
        for q in Int(low.y.rounded(.down))...Int(high.y.rounded(.down)) {
            for p in Int(low.x.rounded(.down))...Int(high.x.rounded(.down)) {
                var draw = Draw(latticeHash(place.seed &+ 0xB1D, p, q))
                if draw.chance(0.16) {
                    raiseHall(&draw, p: p, q: q)
                } else {
                    raiseHouses(&draw, p: p, q: q)
                }
            }
        }
    }

    private func raiseHouses(_ draw: inout Draw, p: Int, q: Int) {
        let spacing = Landscape.streetSpacing
        for side in 0..<3 {
            for lot in 0..<5 {
                let empty = draw.chance(side == 1 ? 0.7 : 0.12)
                let centre = SIMD2(
                    (Float(p) + (Float(side) * 2 + 1) / 6) * spacing.x + draw.uniform(-2, 2),
                    (Float(q) + (Float(lot) + 0.5) / 5) * spacing.y + draw.uniform(-2, 2))
                let across = draw.chance(0.5)
                let length = draw.uniform(10, 15)
                let depth = draw.uniform(7.5, 10.5)
                let house = House(
                    centre: centre, half: SIMD2(across ? depth : length, across ? length : depth) / 2,
                    eaves: draw.uniform(3.5, 6.5), ridge: draw.uniform(1.8, 3.6), alongFirst: !across,
                    roof: Int(draw.next() % 5))
                if !empty { raise(house) }
            }
        }
    }

    private func raiseHall(_ draw: inout Draw, p: Int, q: Int) {
        let spacing = Landscape.streetSpacing
        for part in 0..<2 {
            let centre = SIMD2(
                (Float(p) + 0.5) * spacing.x, (Float(q) + (part == 0 ? 0.29 : 0.71)) * spacing.y)
            raise(
                House(
                    centre: centre, half: SIMD2(draw.uniform(16, 25), draw.uniform(12, 17)),
                    eaves: draw.uniform(5, 10), ridge: 0, alongFirst: true, roof: 5 + Int(draw.next() % 2)))
        }
    }

    /// A building in street coordinates, metres.
    private struct House {
        let centre: SIMD2<Float>
        let half: SIMD2<Float>
        let eaves: Float
        /// Metres of the ridge above the eaves; 0 is a flat roof.
        let ridge: Float
        /// Whether the ridge runs along the first street coordinate.
        let alongFirst: Bool
        let roof: Int
    }

    private func raise(_ house: House) {
        let place = landscape
        let axis = place.streetAxis
        // Street coordinates are a rotation of metres; back to pixels of the block.
        let x = (house.centre.x * axis.x - house.centre.y * axis.y) / place.gsd - Float(window.column)
        let y = (house.centre.x * axis.y + house.centre.y * axis.x) / place.gsd - Float(window.row)
        let reach = (house.half * house.half).sum().squareRoot() / place.gsd + 1
        // Whether there is room is decided by the scene, not by the block: noise at the centre, roads by distance.
        let sx = x + Float(window.column)
        let sy = y + Float(window.row)
        guard x > -reach, y > -reach, x < Float(width) + reach, y < Float(height) + reach,
            place.settlement.value(sx, sy) > place.settlementThreshold,
            (place.elevation.value(sx, sy) - place.waterThreshold) * place.relief > 1,
            place.roads.allSatisfy({ $0.distance(to: SIMD2(sx, sy)) * place.gsd > $0.halfWidth + 3 + reach * place.gsd }
            )
        else { return }
        roofs.append(roofColours[house.roof])
        let identity = -Int32(truncatingIfNeeded: roofs.count)
        let base = place.metres(place.elevation.value(sx, sy))
        for row in max(0, Int(y - reach))...max(0, min(height - 1, Int(y + reach))) {
            for column in max(0, Int(x - reach))...max(0, min(width - 1, Int(x + reach))) {
                let dx = (Float(column) + 0.5 - x) * place.gsd
                let dy = (Float(row) + 0.5 - y) * place.gsd
                let u = abs(dx * axis.x + dy * axis.y)
                let v = abs(dy * axis.x - dx * axis.y)
                guard u < house.half.x, v < house.half.y else { continue }
                let slope = house.alongFirst ? 1 - v / house.half.y : 1 - u / house.half.x
                let index = row &* width &+ column
                guard row < height, column < width else { continue }
                // Roofs are level whatever the ground does below them.
                objectHeight.values[index] = max(
                    2.5, base + house.eaves + house.ridge * slope - elevation.values[index])
                owner.values[index] = identity
            }
        }
    }
}

extension Road {
    /// Distance to its middle line in pixels.
    func distance(to point: SIMD2<Float>) -> Float {
        var nearest = Float.infinity
        for (a, b) in zip(points, points.dropFirst()) {
            let step = b - a
            let p = point - a
            let t = min(1, max(0, (p * step).sum() / max(1e-6, (step * step).sum())))
            let off = p - t * step
            nearest = min(nearest, (off * off).sum())
        }
        return nearest.squareRoot()
    }
}

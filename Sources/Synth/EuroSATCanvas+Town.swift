// The classes of EuroSAT that people built: houses along streets, halls on plots, a highway through the land.

extension EuroSATCanvas {
    /// Blocks of small houses in gardens, two rows to a block, with narrow streets between them.
    mutating func paintHouses() {
        let palette = palette
        let town = Town(
            seed: draw.next(), axis: draw.direction(),
            block: SIMD2(draw.uniform(62, 92), draw.uniform(110, 190)), street: draw.uniform(8, 11),
            lot: draw.uniform(22, 30), vacancy: draw.uniform(0.04, 0.25))
        let shade = 6 * draw.direction()
        let greens = noise(60, metres: 34, octaves: 3, gain: 0.6)
        let wooded = draw.uniform(0.4, 1.6)
        fill { place, index, _ in
            guard let roof = town.house(at: place) else {
                if town.isStreet(place) { return palette.asphalt }
                var garden = mixed(palette.grass, palette.earth, 0.25 + 0.2 * greens[index])
                if greens[index] > wooded { garden = palette.woods }
                return town.house(at: place + shade) == nil ? garden : garden * 0.55
            }
            return palette.houses[Int(roof.hash % 5)] * (roof.isLit ? 1.18 : 0.8)
        }
    }

    /// Large flat roofs in all shades on paved plots, aligned with wide streets; they throw shadows.
    mutating func paintHalls() {
        let palette = palette
        let works = Works(
            seed: draw.next(), axis: draw.direction(), plot: SIMD2(draw.uniform(100, 170), draw.uniform(90, 190)),
            street: draw.uniform(13, 20))
        let shade = draw.uniform(8, 14) * draw.direction()
        let dirt = noise(70, metres: 50, octaves: 3)
        let yard = mixed(palette.asphalt, palette.earth, draw.uniform(0, 0.7))
        fill { place, index, _ in
            let plot = works.plot(at: place)
            if let roof = plot.roof { return palette.halls[Int(roof % 6)] * (0.9 + 0.2 * unit(roof << 20)) }
            if plot.isStreet { return palette.asphalt }
            let ground = plot.isGreen ? palette.grass : yard * (1.05 + 0.09 * dirt[index])
            return works.plot(at: place + shade).roof == nil ? ground : ground * 0.5
        }
    }

    /// A wide road with two carriageways, nearly straight, through land of another class; perhaps a lane across it.
    mutating func paintHighway() {
        paint(oneOf: [.annualCrop, .pasture, .herbaceousVegetation, .forest, .residential, .permanentCrop])
        let palette = palette
        let axis = draw.direction()
        let road = Course(
            axis: axis, offset: draw.uniform(-0.28, 0.28) * extent,
            bends: (draw.uniform(5, 45), draw.uniform(900, 1500)), seed: draw.next(), on: self)
        let lean = draw.uniform(-0.5, 0.5)
        let across = SIMD2(lean - axis.y, axis.x)
        let lane = Course(
            axis: across / (across.x * across.x + across.y * across.y).squareRoot(),
            offset: draw.uniform(-0.35, 0.35) * extent, bends: (draw.uniform(5, 30), 700), seed: draw.next(), on: self)
        let half = draw.uniform(12, 18)
        let verge = half + draw.uniform(6, 14)
        let surface = palette.asphalt * draw.uniform(0.9, 1.35)
        let hasLane = draw.chance(0.45)
        fill { place, _, under in
            let distance = abs(road.distance(to: place))
            if distance < 2.5 { return palette.shrubs }
            if distance < half { return surface }
            if hasLane, abs(lane.distance(to: place)) < 5 { return palette.asphalt }
            return distance < verge ? mixed(palette.grass, palette.dryGrass, 0.4) : under
        }
    }
}

/// A town of houses: streets around blocks of lots.
private struct Town {
    let seed: UInt64
    let axis: SIMD2<Float>
    /// Metres from street to street, both ways.
    let block: SIMD2<Float>
    /// Metres across a street.
    let street: Float
    /// Metres of a lot along its street.
    let lot: Float
    /// Share of lots without a house.
    let vacancy: Float

    func isStreet(_ place: SIMD2<Float>) -> Bool {
        let inside = inside(place).place
        return inside.x < street || inside.y < street
    }

    /// The house at a place: what is drawn for it, and whether this side of its roof faces the sun.
    func house(at place: SIMD2<Float>) -> (hash: UInt64, isLit: Bool)? {
        let (place, number) = inside(place)
        let width = (block.x - street) / 2
        let inner = place - street
        guard inner.x >= 0, inner.y >= 0 else { return nil }
        let row = inner.x < width ? 0 : 1
        let index = Int(inner.y / lot)
        // The last lot of a row has what is left.
        guard Float(index + 1) * lot <= block.y - street else { return nil }
        let hash = latticeHash(latticeHash(seed, number.x, number.y), row, index)
        guard unit(hash) >= vacancy else { return nil }
        var draw = Draw(hash)
        let centre = SIMD2(
            (Float(row) + 0.5) * width + draw.uniform(-3, 3), (Float(index) + 0.5) * lot + draw.uniform(-2, 2))
        let half = SIMD2(draw.uniform(5.5, 8), draw.uniform(6, 9.5))
        let off = inner - centre
        guard abs(off.x) < half.x, abs(off.y) < half.y else { return nil }
        return (draw.next(), off.x > 0)
    }

    /// Metres from the start of the block that holds a place, and the block's numbers.
    private func inside(_ place: SIMD2<Float>) -> (place: SIMD2<Float>, number: SIMD2<Int>) {
        let turned = turned(place, to: axis)
        let number = (turned / block).rounded(.down)
        return (turned - number * block, SIMD2(Int(number.x), Int(number.y)))
    }
}

/// An estate of halls: streets around plots with one or two of them.
private struct Works {
    let seed: UInt64
    let axis: SIMD2<Float>
    /// Metres from street to street, both ways.
    let plot: SIMD2<Float>
    /// Metres across a street.
    let street: Float

    /// What is at a place.
    struct Plot {
        var isStreet = false
        var isGreen = false
        /// What is drawn for the hall there.
        var roof: UInt64?
    }

    func plot(at place: SIMD2<Float>) -> Plot {
        let turned = turned(place, to: axis)
        let number = (turned / plot).rounded(.down)
        let inner = turned - number * plot - street
        guard inner.x >= 0, inner.y >= 0 else { return Plot(isStreet: true) }
        var draw = Draw(latticeHash(seed, Int(number.x), Int(number.y)))
        if draw.chance(0.16) { return Plot(isGreen: draw.chance(0.6)) }
        let room = plot - street
        let low = SIMD2(draw.uniform(5, 18), draw.uniform(5, 18))
        let high = room - SIMD2(draw.uniform(5, 24), draw.uniform(5, 24))
        let split = draw.uniform(0.35, 0.65) * room.y
        let isSplit = draw.chance(0.5)
        let roofs = (draw.next(), draw.next())
        guard inner.x > low.x, inner.x < high.x, inner.y > low.y, inner.y < high.y else { return Plot() }
        guard isSplit else { return Plot(roof: roofs.0) }
        if abs(inner.y - split) < 5 { return Plot() }
        return Plot(roof: inner.y < split ? roofs.0 : roofs.1)
    }
}

// The classes of EuroSAT that are water: a river through the land, and a lake or the sea, perhaps with a shore.

extension EuroSATCanvas {
    /// A band of water in bends, with banks, through land of another class.
    mutating func paintRiver() {
        paint(oneOf: [.annualCrop, .pasture, .herbaceousVegetation, .forest, .permanentCrop])
        let palette = palette
        let river = Course(
            axis: draw.direction(), offset: draw.uniform(-0.15, 0.15) * extent,
            bends: (draw.uniform(40, 95), draw.uniform(240, 420)), seed: draw.next(), on: self)
        let half = draw.uniform(20, 65)
        let bank = draw.uniform(6, 18)
        let wobble = noise(80, metres: 90, octaves: 3)
        let edge = draw.chance(0.4) ? palette.sand : palette.shrubs
        fill { place, index, under in
            let off = abs(river.distance(to: place)) + 0.16 * half * wobble[index]
            if off < half { return palette.water * (1 + 0.02 * wobble[index]) }
            return off < half + bank ? mixed(edge, under, 0.25) : under
        }
    }

    /// Water from edge to edge, with a swell; one image in three shows a piece of the shore.
    mutating func paintLake() {
        let hasShore = draw.chance(0.35)
        if hasShore { paint(oneOf: [.annualCrop, .pasture, .herbaceousVegetation, .forest, .residential]) }
        let palette = palette
        let inland = draw.direction()
        let shore = draw.uniform(0.18, 0.42) * extent
        let beach = draw.uniform(4, 26)
        let bays = noise(90, metres: 260, octaves: 4)
        let depth = noise(91, metres: 500, octaves: 2)
        let swell = draw.direction()
        let period = max(draw.uniform(34, 70), 3 * pixel)
        let height = draw.uniform(0.0, 0.05)
        fill { place, index, under in
            let off = place.x * inland.x + place.y * inland.y + 26 * bays[index] - shore
            if hasShore, off > beach { return under }
            if hasShore, off > 0 { return palette.sand }
            let phase = (place.x * swell.x + place.y * swell.y + 18 * bays[index]) / period
            let saw = 4 * abs(phase - phase.rounded()) - 1
            return palette.water * (1 + 0.07 * depth[index] + height * saw)
        }
    }
}

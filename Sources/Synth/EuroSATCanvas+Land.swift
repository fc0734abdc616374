// The classes of EuroSAT without buildings and water: fields, rows, meadows, shrubs and woods.

extension EuroSATCanvas {
    /// Paints the land of a class.
    mutating func paint(_ kind: EuroSATClass) {
        switch kind {
        case .annualCrop: paintFields()
        case .forest: paintWoods()
        case .herbaceousVegetation: paintShrubs()
        case .highway: paintHighway()
        case .industrial: paintHalls()
        case .pasture: paintMeadows()
        case .permanentCrop: paintRows()
        case .residential: paintHouses()
        case .river: paintRiver()
        case .seaLake: paintLake()
        }
    }

    /// Paints one of some classes.
    mutating func paint(oneOf kinds: [EuroSATClass]) {
        let choice = Int(draw.next() % UInt64(max(1, kinds.count)))
        if choice < kinds.count { paint(kinds[choice]) }
    }

    /// Large parcels with straight edges, even inside, each with one of the image's crops.
    private mutating func paintFields() {
        let palette = palette
        let grid = ParcelGrid(
            seed: draw.next(), axis: draw.direction(), size: SIMD2(draw.uniform(110, 200), draw.uniform(180, 360)))
        let soft = noise(10, metres: 120, octaves: 3)
        let path = draw.uniform(2, 6)
        fill { place, index, _ in
            let parcel = grid.parcel(at: place)
            if parcel.edge < path { return mixed(palette.dryGrass, palette.earth, unit(parcel.hash << 40)) }
            let crop = palette.crops[Int((parcel.hash >> 8) % 3)]
            return crop * (0.88 + 0.24 * unit(parcel.hash << 24)) * (1 + 0.035 * soft[index])
        }
    }

    /// Parcels of vines and orchards: rows that run along or across, wider than in truth so that pixels show them.
    private mutating func paintRows() {
        let palette = palette
        let grid = ParcelGrid(
            seed: draw.next(), axis: draw.direction(), size: SIMD2(draw.uniform(160, 280), draw.uniform(200, 380)))
        let soft = noise(20, metres: 90, octaves: 3)
        let wander = noise(21, metres: 160, octaves: 2)
        let period = max(draw.uniform(29, 44), 2.9 * pixel)
        let isOrchard = draw.chance(0.35)
        let contrast = draw.uniform(0.45, 1)
        let ground = mixed(palette.earth, palette.grass, draw.uniform(0, 1))
        let plants = mixed(palette.shrubs, palette.woods, draw.uniform())
        fill { place, index, _ in
            let parcel = grid.parcel(at: place)
            if parcel.edge < 5 { return palette.dryGrass }
            let light = (0.9 + 0.2 * unit(parcel.hash << 24)) * (1 + 0.05 * soft[index])
            // One parcel in eight is fallow.
            if parcel.hash & 7 == 0 { return mixed(ground, palette.dryGrass, 0.5) * light }
            let isTurned = parcel.hash & 8 == 0
            let across = (isTurned ? parcel.place.y : parcel.place.x) + 2.5 * wander[index]
            let along = isTurned ? parcel.place.x : parcel.place.y
            var share = wave(across / period)
            if isOrchard { share *= wave(along / period) }
            return mixed(ground, plants, contrast * (isOrchard ? 1.3 : 1) * share) * light
        }
    }

    /// Large smooth meadows between hedges, with some trees.
    private mutating func paintMeadows() {
        let palette = palette
        let grid = ParcelGrid(
            seed: draw.next(), axis: draw.direction(), size: SIMD2(draw.uniform(190, 300), draw.uniform(240, 420)))
        let trees = ParcelGrid(seed: draw.next(), axis: draw.direction(), size: SIMD2(70, 70))
        let soft = noise(30, metres: 140, octaves: 2)
        let wobble = noise(31, metres: 30, octaves: 2)
        let hedge = draw.uniform(4, 8)
        let hedges = draw.uniform(0.55, 0.95)
        let wooded = draw.uniform(0, 0.12)
        fill { place, index, _ in
            let parcel = grid.parcel(at: place)
            if parcel.edge < hedge * (1 + 0.35 * wobble[index]), unit(parcel.hash << 30) < hedges {
                return palette.woods
            }
            let tree = trees.parcel(at: place)
            if unit(tree.hash << 20) < wooded, tree.edge > 18 { return palette.woods }
            let grass = mixed(palette.grass, palette.dryGrass, 0.25 * unit(parcel.hash << 12))
            return grass * (0.95 + 0.10 * unit(parcel.hash << 24)) * (1 + 0.03 * soft[index])
        }
    }

    /// Grass, bare patches and shrubs that pass into each other at every scale, without straight lines.
    private mutating func paintShrubs() {
        let palette = palette
        let patches = noise(40, metres: draw.uniform(120, 240), octaves: 5, gain: 0.66)
        let cover = noise(41, metres: draw.uniform(60, 110), octaves: 4, gain: 0.6)
        let level = draw.uniform(0.3, 0.7)
        let bare = mixed(palette.dryGrass, palette.earth, draw.uniform())
        let bushes = draw.uniform(0.2, 1.2)
        fill { _, index, _ in
            let open = mixed(palette.grass, bare, level + 0.32 * patches[index])
            return mixed(open, palette.shrubs, 0.8 * (cover[index] - bushes)) * (1 + 0.05 * cover[index])
        }
    }

    /// Crowns close to each other, in stands; now and then a clearing.
    private mutating func paintWoods() {
        let palette = palette
        let crowns = noise(50, metres: max(draw.uniform(22, 32), 2.2 * pixel), octaves: 2, gain: 0.6)
        let stands = noise(51, metres: 260, octaves: 3)
        let depth = draw.uniform(0.13, 0.26)
        let clearing: Float = draw.chance(0.35) ? draw.uniform(0.9, 1.6) : 9
        fill { _, index, _ in
            if stands[index] > clearing { return palette.grass * (1 + 0.03 * crowns[index]) }
            return palette.woods * max(0.3, 1 + depth * crowns[index] + 0.08 * stands[index])
        }
    }
}

/// A wave of period 1 between 0 and 1, smooth, without sines.
@inline(__always)
private func wave(_ phase: Float) -> Float {
    let saw = 2 * abs(phase - phase.rounded())
    return saw * saw * (3 - 2 * saw)
}

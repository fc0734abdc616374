// What the surfaces of one image in EuroSAT's form reflect: as its season has them.

/// Reflectances of the surfaces of one image: red, green, blue.
struct EuroSATPalette: Sendable {
    let grass: SIMD4<Float>
    let dryGrass: SIMD4<Float>
    let woods: SIMD4<Float>
    let shrubs: SIMD4<Float>
    let earth: SIMD4<Float>
    let sand: SIMD4<Float>
    let asphalt: SIMD4<Float>
    let water: SIMD4<Float>
    /// What grows in the fields of the image.
    let crops: [SIMD4<Float>]
    /// Roofs of houses and of halls.
    let houses: [SIMD4<Float>]
    let halls: [SIMD4<Float>]

    /// Draws the season, the soil and the water of an image.
    init(seed: UInt64) {
        var draw = Draw(latticeHash(seed, 4, 0))
        func colour(_ red: Float, _ green: Float, _ blue: Float, _ spread: Float = 0.12) -> SIMD4<Float> {
            draw.uniform(1 - spread, 1 + spread) * SIMD4(red, green, blue, 0)
        }
        let dryness = draw.uniform()
        let autumn = max(0, draw.uniform(-0.6, 1))
        let straw = colour(0.42, 0.38, 0.25)
        let soil = mixed(colour(0.44, 0.34, 0.25), colour(0.30, 0.26, 0.21), draw.uniform())
        grass = mixed(colour(0.20, 0.30, 0.16), straw, 0.75 * dryness)
        dryGrass = straw
        woods = mixed(colour(0.16, 0.23, 0.14, 0.3), colour(0.31, 0.26, 0.16, 0.2), autumn)
        shrubs = mixed(colour(0.18, 0.24, 0.14), colour(0.26, 0.25, 0.16), dryness)
        earth = soil
        sand = colour(0.56, 0.50, 0.39)
        asphalt = colour(0.34, 0.34, 0.34, 0.2)
        let clear = mixed(colour(0.08, 0.15, 0.20), colour(0.13, 0.22, 0.17), draw.uniform())
        water = mixed(clear, colour(0.34, 0.33, 0.24, 0.2), draw.uniform(-0.6, 0.8))
        let sown = [
            colour(0.19, 0.29, 0.14), colour(0.50, 0.44, 0.27), soil, colour(0.28, 0.33, 0.18),
            mixed(soil, straw, 0.5), colour(0.52, 0.50, 0.24),
        ]
        let first = Int(draw.next() % 6)
        crops = [sown[first], sown[(first + 1 + Int(draw.next() % 2)) % 6], sown[(first + 3) % 6]]
        houses = [
            colour(0.50, 0.28, 0.22), colour(0.44, 0.26, 0.20), colour(0.36, 0.31, 0.28), colour(0.30, 0.30, 0.32),
            colour(0.54, 0.38, 0.30),
        ]
        halls = [
            colour(0.72, 0.72, 0.72), colour(0.50, 0.50, 0.52), colour(0.36, 0.37, 0.40), colour(0.48, 0.32, 0.27),
            colour(0.34, 0.44, 0.56), colour(0.60, 0.58, 0.52),
        ]
    }
}

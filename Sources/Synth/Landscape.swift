// The plan of one scene: what depends on the seed alone and serves all of its blocks.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// A road as a chain of points in pixels of the scene.
struct Road: Sendable {
    let points: [SIMD2<Float>]
    /// Half its width in metres.
    let halfWidth: Float
}

/// The plan of one scene; every place of it can be computed without its neighbours.
package struct Landscape: Sendable {
    let size: Int
    let gsd: Float
    let nir: Bool
    let seed: UInt64
    /// How the scene was taken.
    package let conditions: SceneConditions

    let elevation: FractalNoise
    let forest: FractalNoise
    let settlement: FractalNoise
    let bare: FractalNoise
    let warpX: FractalNoise
    let warpY: FractalNoise
    let patches: FractalNoise

    /// Standard deviation of the terrain in metres.
    let relief: Float
    /// Noise value below which there is water; the other thresholds are values above which there is something.
    let waterThreshold: Float
    let forestThreshold: Float
    let settlementThreshold: Float
    let bareThreshold: Float

    let roads: [Road]
    /// Directions (cosine, sine) of streets and of fields.
    let streetAxis: SIMD2<Float>
    let fieldAxis: SIMD2<Float>
    /// Distance of the centres of forest stands, in pixels.
    let standSpacing: Float

    /// Draws the plan of a scene.
    ///
    /// - Parameters:
    ///   - options: Size, GSD and seed; the number of scenes plays no part.
    ///   - scene: Number of the scene, from 0.
    ///   - mix: How much there is of each kind of land.
    package init(_ options: LandscapeOptions, scene: Int, mix: LandMix = .countryside) {
        size = options.size
        gsd = Float(options.gsd)
        nir = options.nir
        let seed = latticeHash(options.seed, scene, 0x6E0D)
        self.seed = seed
        conditions = SceneConditions(seed: seed)

        var draw = Draw(latticeHash(seed, 2, 0))
        let extent = Float(options.size) * Float(options.gsd)
        // Small scenes get small features, so that they too hold several kinds of land.
        let base = min(420, 0.55 * extent) / Float(options.gsd)
        func noise(_ name: Int, _ wavelength: Float, _ octaves: Int, _ gain: Float) -> FractalNoise {
            FractalNoise(seed: latticeHash(seed, 3, name), wavelength: wavelength, octaves: octaves, gain: gain)
        }
        elevation = noise(0, base, 6, 0.42)
        forest = noise(1, base * 0.8, 5, 0.45)
        settlement = noise(2, base, 3, 0.35)
        bare = noise(3, base * 0.35, 4, 0.5)
        warpX = noise(4, 40 / Float(options.gsd), 3, 0.5)
        warpY = noise(5, 40 / Float(options.gsd), 3, 0.5)
        patches = noise(6, 22 / Float(options.gsd), 4, 0.6)
        relief = draw.uniform(6, 14) * min(1, extent / 600)

        func threshold(_ shares: ClosedRange<Float>, of noise: FractalNoise) -> Float {
            Self.quantile(draw.uniform(shares.lowerBound, shares.upperBound), of: noise, size: options.size)
        }
        waterThreshold = threshold(mix.water, of: elevation)
        forestThreshold = threshold(mix.unforested, of: forest)
        settlementThreshold = threshold(mix.unsettled, of: settlement)
        bareThreshold = threshold(mix.covered, of: bare)

        let streetAngle = draw.uniform(0, .pi / 2)
        let fieldAngle = draw.uniform(0, .pi)
        streetAxis = SIMD2(cos(streetAngle), sin(streetAngle))
        fieldAxis = SIMD2(cos(fieldAngle), sin(fieldAngle))
        standSpacing = min(100, max(40, extent / 9)) / Float(options.gsd)
        roads = Self.drawRoads(&draw, size: Float(options.size), gsd: Float(options.gsd))
    }

    /// The value below which a share of the scene lies, from a lattice of 48 x 48 points.
    private static func quantile(_ share: Float, of noise: FractalNoise, size: Int) -> Float {
        let count = 48
        var values: [Float] = []
        values.reserveCapacity(count * count)
        for j in 0..<count {
            for i in 0..<count {
                let x = (Float(i) + 0.5) / Float(count) * Float(size)
                let y = (Float(j) + 0.5) / Float(count) * Float(size)
                values.append(noise.value(x, y))
            }
        }
        values.sort()
        return values[min(values.count - 1, Int(share * Float(values.count)))]
    }

    /// Two or three roads from edge to edge, bent by smooth noise along their way.
    private static func drawRoads(_ draw: inout Draw, size: Float, gsd: Float) -> [Road] {
        var roads: [Road] = []
        let count = draw.chance(0.5) ? 3 : 2
        let margin = 150 / gsd
        for index in 0..<count {
            let start = draw.uniform(0.12, 0.88) * size
            let end = draw.uniform(0.12, 0.88) * size
            let bend = FractalNoise(seed: draw.next(), wavelength: 260 / gsd, octaves: 2, gain: 0.3)
            let amplitude = min(22 / gsd, 0.05 * size)
            let steps = Int(((size + 2 * margin) * gsd / 6).rounded(.up))
            let points = (0...steps).map { step -> SIMD2<Float> in
                let along = -margin + (size + 2 * margin) * Float(step) / Float(steps)
                let across = start + (end - start) * along / size + amplitude * bend.value(along, 0)
                return index % 2 == 0 ? SIMD2(along, across) : SIMD2(across, along)
            }
            roads.append(Road(points: points, halfWidth: index == 0 ? draw.uniform(3.4, 5) : draw.uniform(2.2, 3.4)))
        }
        return roads
    }

    /// Metres above the valley floor's datum of a value of the elevation noise.
    func metres(_ value: Float) -> Float { max(value, waterThreshold) * relief }
}

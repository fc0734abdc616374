// Colours: what every surface reflects, lit by sun and sky.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// Reflectances of the ground: red, green, blue, near infrared.
private enum Soil {
    static let grass = SIMD4<Float>(0.285, 0.365, 0.200, 0.58)
    static let dryGrass = SIMD4<Float>(0.430, 0.405, 0.270, 0.48)
    static let earth = SIMD4<Float>(0.455, 0.365, 0.275, 0.44)
    static let sand = SIMD4<Float>(0.640, 0.570, 0.440, 0.60)
    static let asphalt = SIMD4<Float>(0.365, 0.365, 0.370, 0.33)
    static let litter = SIMD4<Float>(0.215, 0.200, 0.130, 0.34)
    static let deepWater = SIMD4<Float>(0.075, 0.135, 0.150, 0.03)
    static let shallowWater = SIMD4<Float>(0.190, 0.235, 0.190, 0.09)

    static let crops: [SIMD4<Float>] = [
        SIMD4(0.270, 0.390, 0.170, 0.66), SIMD4(0.560, 0.490, 0.290, 0.54), SIMD4(0.430, 0.340, 0.250, 0.42),
        SIMD4(0.225, 0.330, 0.160, 0.62), SIMD4(0.600, 0.560, 0.230, 0.60), SIMD4(0.340, 0.375, 0.210, 0.56),
    ]
}

extension Block {
    /// Light that leaves the surface at one pixel, before air and sensor.
    ///
    /// - Parameters:
    ///   - patch: Fractal noise at the pixel, standard deviation 1.
    ///   - grain: A number from -1 to 1 for this pixel alone.
    @inline(__always)
    func radiance(row: Int, column: Int, under light: Light, patch: Float, grain: Float, sun: SIMD3<Float>) -> SIMD4<
        Float
    > {
        let index = row &* width &+ column
        let who = owner.values[index]
        var colour: SIMD4<Float>
        // Share of the light that leaves do not shade away: they let it through and scatter it.
        var soft: Float = 0
        if who > 0 {
            colour = trees[Int(who) &- 1] * (1 + 0.16 * texture.values[index] + 0.10 * grain)
            soft = 0.25
        } else if who < 0 {
            colour = roofs[-Int(who) &- 1] * (1 + 0.05 * grain)
        } else {
            colour = groundColour(row: row, column: column, index: index, patch: patch, grain: grain)
        }
        let surface = light.surface.values
        let scale = 0.5 / landscape.gsd
        let east = (surface[index &+ 1] - surface[index &- 1]) * scale
        let south = (surface[index &+ width] - surface[index &- width]) * scale
        let length = (1 + east * east + south * south).squareRoot()
        let cosine = max(0, (sun.z - east * sun.x - south * sun.y) / length)
        let lambert = soft * sun.z + (1 - soft) * cosine
        let direct = 1.28 * lambert * light.direct.values[index]
        let sky = SIMD4<Float>(0.25, 0.28, 0.34, 0.20) * light.sky.values[index]
        return colour * (SIMD4<Float>(1.02, 1.0, 0.95, 1.0) * direct + sky)
    }

    @inline(__always)
    private func groundColour(row: Int, column: Int, index: Int, patch: Float, grain: Float) -> SIMD4<Float> {
        let dryness = landscape.conditions.dryness
        switch Ground(rawValue: ground.values[index]) ?? .meadow {
        case .meadow:
            let dry = min(1, max(0, 0.15 + 0.55 * dryness + 0.16 * patch))
            return (Soil.grass * (1 - dry) + Soil.dryGrass * dry) * (1 + 0.07 * grain)
        case .garden:
            let dry = min(1, max(0, 0.2 + 0.3 * dryness + 0.35 * patch))
            return (Soil.grass * (1 - dry) + Soil.earth * dry) * (1 + 0.10 * grain)
        case .crop: return cropColour(row: row, column: column, patch: patch, grain: grain)
        case .bare:
            let wet = min(1, max(0, 0.45 + 0.35 * patch))
            return (Soil.sand * (1 - wet) + Soil.earth * wet) * (1 + 0.08 * grain)
        case .shore: return Soil.sand * (0.9 + 0.06 * patch + 0.06 * grain)
        case .road:
            return Soil.asphalt * (1 + 0.03 * patch + 0.04 * grain)
        case .street: return Soil.asphalt * (1.08 + 0.05 * patch + 0.05 * grain)
        case .forestFloor:
            let green = min(1, max(0, 0.35 + 0.25 * patch))
            return (Soil.litter * (1 - green) + Soil.grass * 0.8 * green) * (1 + 0.10 * grain)
        case .water:
            let depth = min(1, -texture.values[index] / 2.5)
            return (Soil.shallowWater * (1 - depth) + Soil.deepWater * depth) * (1 + 0.03 * patch + 0.05 * grain)
        }
    }

    /// A crop with its rows and, every 18 m, the tracks of machines.
    @inline(__always)
    private func cropColour(row: Int, column: Int, patch: Float, grain: Float) -> SIMD4<Float> {
        let parcel = landscape.parcel(Float(window.column + column), Float(window.row + row))
        var colour = Soil.crops[Int((parcel.hash >> 8) % 6)]
        let bits = parcel.hash >> 16
        let period: Float = 2.2 + 2.6 * unit(bits << 32)
        let phase = parcel.across / period
        let saw = abs(phase - phase.rounded()) * 4 - 1
        let depth: Float = 0.02 + 0.10 * unit(bits << 44)
        let light: Float = 0.86 + 0.26 * unit(bits << 26)
        colour *= light * (1 + depth * saw + 0.05 * patch + 0.05 * grain)
        let track = parcel.across - (parcel.across / 18).rounded() * 18
        if abs(abs(track) - 0.9) < 0.35 { colour = colour * 0.7 + Soil.earth * 0.25 }
        if parcel.edge < 0.9 { colour = colour * 0.4 + Soil.dryGrass * 0.5 }
        return colour
    }
}

// The acquisition of one scene: sun, season, air and sensor, drawn from the seed.
#if canImport(Glibc)
    import Glibc
#endif

/// Under what sun, season, air and sensor a scene was taken.
package struct SceneConditions: Sendable, Hashable {
    /// Degrees clockwise from north to the sun.
    package let sunAzimuth: Float
    /// Degrees of the sun above the horizon.
    package let sunElevation: Float
    /// How far leaves have turned, 0 (summer) to 1 (autumn).
    package let autumn: Float
    /// How dry grass is, 0 to 1.
    package let dryness: Float
    /// Share of the light that the air scatters into the view.
    package let haze: Float
    /// Sensor gain per band: red, green, blue, near infrared.
    package let gain: SIMD4<Float>
    /// Standard deviation of the optics' blur in pixels.
    package let blur: Float
    /// Standard deviation of the noise in grey levels at full signal.
    package let noise: Float

    init(seed: UInt64) {
        var draw = Draw(latticeHash(seed, 1, 0x5CE9E))
        sunAzimuth = draw.uniform(110, 250)
        sunElevation = draw.uniform(34, 58)
        let season = draw.uniform()
        autumn = max(0, (season - 0.6) / 0.4)
        dryness = draw.uniform()
        haze = draw.uniform(0.01, 0.10)
        let exposure = draw.uniform(0.88, 1.14)
        gain = SIMD4(
            exposure * draw.uniform(0.96, 1.04), exposure * draw.uniform(0.97, 1.03),
            exposure * draw.uniform(0.95, 1.05), exposure * draw.uniform(0.95, 1.05))
        blur = draw.uniform(0.45, 0.75)
        noise = draw.uniform(2, 4.5)
    }

    /// Unit vector to the sun: east, south, up.
    var sun: SIMD3<Float> {
        let azimuth = sunAzimuth * .pi / 180
        let elevation = sunElevation * .pi / 180
        return SIMD3(sin(azimuth) * cos(elevation), -cos(azimuth) * cos(elevation), sin(elevation))
    }
}

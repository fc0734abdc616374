// Air and sensor: haze, blur of the optics, shot noise, eight bits.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

extension Block {
    /// The image of the core: `uint8`, bands first.
    func image(of core: PixelWindow, under light: Light) -> [UInt8] {
        let conditions = landscape.conditions
        let radius = 2
        // Pixels of the core and of the blur's reach, four bands at a time.
        let area = core.expanded(by: radius)
        let left = area.column - window.column
        let top = area.row - window.row
        let sun = conditions.sun
        let patches = landscape.patches.plane(over: area)
        let kernel = Self.kernel(deviation: conditions.blur, radius: radius)
        let airlight = SIMD4<Float>(0.62, 0.68, 0.78, 0.45) * conditions.haze
        let clear = 1 - conditions.haze
        let bands = landscape.nir ? 4 : 3
        let planeSize = core.width * core.height
        var samples = [UInt8](repeating: 0, count: bands * planeSize)
        let ring = Plane<SIMD4<Float>>(width: core.width, height: 2 * radius + 1, filledWith: .zero)
        let line = Plane<SIMD4<Float>>(width: area.width, height: 1, filledWith: .zero)
        samples.withUnsafeMutableBufferPointer { out in
            for row in 0..<area.height {
                for column in 0..<area.width {
                    let hash = latticeHash(landscape.seed &+ 0x64A1, area.column + column, area.row + row)
                    line.values[column] = radiance(
                        row: top + row, column: left + column, under: light, patch: patches[row, column],
                        grain: signedUnit(hash), sun: sun)
                }
                let blurred = ring.values + (row % (2 * radius + 1)) * core.width
                for column in 0..<core.width {
                    var sum = SIMD4<Float>.zero
                    for k in 0...2 * radius { sum += line.values[column &+ k] * kernel[k] }
                    blurred[column] = sum
                }
                guard row >= 2 * radius else { continue }
                let outRow = row - 2 * radius
                for column in 0..<core.width {
                    var sum = SIMD4<Float>.zero
                    for k in 0...2 * radius {
                        let slot = (outRow &+ k) % (2 &* radius &+ 1)
                        sum += ring.values[slot &* core.width &+ column] * kernel[k]
                    }
                    let signal = pointwiseMax((sum * clear + airlight) * conditions.gain, .zero)
                    // A film-like shoulder keeps bright roofs and sand from clipping.
                    let tone = 1.5 * signal / (1 + 0.62 * signal)
                    let hash = latticeHash(landscape.seed &+ 0x5071, core.column + column, core.row + outRow)
                    let noise = Self.noise(hash) * (tone + 0.02).squareRoot() * conditions.noise
                    let grey = pointwiseMin(
                        pointwiseMax((255 * tone + noise).rounded(.toNearestOrEven), .zero), SIMD4(repeating: 255))
                    for band in 0..<bands {
                        out[band &* planeSize &+ outRow &* core.width &+ column] = UInt8(grey[band])
                    }
                }
            }
        }
        return samples
    }

    /// A normalised Gauss kernel of `2 * radius + 1` weights.
    private static func kernel(deviation: Float, radius: Int) -> [Float] {
        let raw = (-radius...radius).map { exp(-0.5 * Float($0 * $0) / (deviation * deviation)) }
        let total = raw.reduce(0, +)
        return raw.map { $0 / total }
    }

    /// Four numbers of variance 1 from one hash: each the sum of two uniform bytes.
    @inline(__always)
    private static func noise(_ hash: UInt64) -> SIMD4<Float> {
        let bytes = unsafeBitCast(hash, to: SIMD8<UInt8>.self)
        let sums = SIMD4<Float>(bytes.lowHalf) + SIMD4<Float>(bytes.highHalf)
        return (sums - 255) * (1 / 104.5)
    }
}

// Deterministic noise: a value of (seed, place), never of the order in which places are visited.
package import Geo

/// A number that depends on a seed and a lattice point and on nothing else.
///
/// The finisher is that of SplitMix64 (Steele, Lea, Flood 2014); all arithmetic wraps on purpose.
@inline(__always)
func latticeHash(_ seed: UInt64, _ x: Int, _ y: Int) -> UInt64 {
    var z = seed &+ UInt64(bitPattern: Int64(x)) &* 0x9E37_79B9_7F4A_7C15
    z ^= (UInt64(bitPattern: Int64(y)) &+ 0x632B_E59B_D9B4_E019) &* 0xD6E8_FEB8_6659_FD93
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}

/// A hash as a number from -1 to below 1.
@inline(__always)
func signedUnit(_ hash: UInt64) -> Float { Float(Int32(truncatingIfNeeded: hash >> 32)) * 0x1p-31 }

/// A hash as a number from 0 to below 1.
@inline(__always)
func unit(_ hash: UInt64) -> Float { Float(hash >> 40) * 0x1p-24 }

/// A sequence of random numbers (SplitMix64) for things drawn once: a scene's weather, a stand's species.
struct Draw {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return latticeHash(state, 0, 0)
    }

    mutating func uniform() -> Float { unit(next()) }

    mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * uniform() }

    /// About normal, variance 1, within 3.5 (the sum of four uniform numbers).
    mutating func normal() -> Float {
        (uniform() + uniform() + uniform() + uniform() - 2) * 1.732_050_8
    }

    mutating func chance(_ probability: Float) -> Bool { uniform() < probability }
}

/// A plane of numbers in row order, reached without bounds checks by the loops of this module.
///
/// Keep it in a variable while its pointer is in use: a temporary is gone with the expression.
final class Plane<Element: BitwiseCopyable> {
    let width: Int
    let height: Int
    let values: UnsafeMutablePointer<Element>

    init(width: Int, height: Int, filledWith value: Element) {
        self.width = width
        self.height = height
        values = .allocate(capacity: width * height)
        values.initialize(repeating: value, count: width * height)
    }

    deinit { values.deallocate() }

    @inline(__always)
    subscript(row: Int, column: Int) -> Element {
        get { values[row &* width &+ column] }
        set { values[row &* width &+ column] = newValue }
    }
}

/// Fractal noise: octaves of cubic B-spline lattice noise, mean 0 and standard deviation about 1.
///
/// B-splines make it twice differentiable, so that slopes have no creases.
package struct FractalNoise: Sendable {
    /// Names the noise.
    let seed: UInt64
    /// Distance of lattice points of the first octave, in pixels.
    let wavelength: Float
    /// Number of octaves; each has half the wavelength of the one before.
    let octaves: Int
    /// Amplitude of an octave over that of the one before.
    let gain: Float

    /// A B-spline of uniform numbers in -1...1 has the standard deviation (151/315) / sqrt(3).
    private static let splineDeviation: Float = 0.276_8

    private func amplitudes() -> [Float] {
        var raw: [Float] = []
        var next: Float = 1
        for _ in 0..<octaves {
            raw.append(next)
            next *= gain
        }
        let norm = raw.reduce(0) { $0 + $1 * $1 }.squareRoot() * Self.splineDeviation
        return raw.map { $0 / norm }
    }

    @inline(__always)
    static func splineWeights(_ t: Float) -> SIMD4<Float> {
        let s = 1 - t
        let t2 = t * t
        return SIMD4(
            s * s * s, 3 * t2 * t - 6 * t2 + 4, -3 * t2 * t + 3 * t2 + 3 * t + 1, t2 * t) * (1 / 6)
    }

    /// Makes noise; `wavelength` in pixels is that of the first of its octaves.
    package init(seed: UInt64, wavelength: Float, octaves: Int, gain: Float) {
        self.seed = seed
        self.wavelength = wavelength
        self.octaves = octaves
        self.gain = gain
    }

    /// The noise at one place, in pixels of the scene.
    package func value(_ x: Float, _ y: Float) -> Float {
        var sum: Float = 0
        for (octave, amplitude) in amplitudes().enumerated() {
            let scale = Float(1 << octave) / wavelength
            let fx = x * scale
            let fy = y * scale
            let ix = Int(fx.rounded(.down))
            let iy = Int(fy.rounded(.down))
            let wx = Self.splineWeights(fx - Float(ix))
            let wy = Self.splineWeights(fy - Float(iy))
            let octaveSeed = seed &+ UInt64(octave)
            var blend: Float = 0
            for j in 0..<4 {
                for i in 0..<4 {
                    blend += wy[j] * wx[i] * signedUnit(latticeHash(octaveSeed, ix + i - 1, iy + j - 1))
                }
            }
            sum += amplitude * blend
        }
        return sum
    }

    /// The noise over a window of the scene, row by row.
    package func values(over window: PixelWindow) -> [Float] {
        let plane = plane(over: window)
        return withExtendedLifetime(plane) {
            Array(UnsafeBufferPointer(start: plane.values, count: plane.width * plane.height))
        }
    }

    /// The noise over a window of the scene.
    func plane(over window: PixelWindow) -> Plane<Float> {
        let plane = Plane<Float>(width: window.width, height: window.height, filledWith: 0)
        for (octave, amplitude) in amplitudes().enumerated() {
            addOctave(octave, amplitude, to: plane, over: window)
        }
        return plane
    }

    private func addOctave(_ octave: Int, _ amplitude: Float, to plane: Plane<Float>, over window: PixelWindow) {
        let scale = Float(1 << octave) / wavelength
        let octaveSeed = seed &+ UInt64(octave)
        let firstCell = Int((Float(window.column) * scale).rounded(.down)) - 1
        let lastCell = Int((Float(window.column + window.width) * scale).rounded(.down)) + 3
        let cells = lastCell - firstCell + 1

        // Along x, cell and weights are the same in every row.
        let offsets = Plane<Int32>(width: window.width, height: 1, filledWith: 0)
        let weights = Plane<SIMD4<Float>>(width: window.width, height: 1, filledWith: .zero)
        for column in 0..<window.width {
            let fx = Float(window.column + column) * scale
            let cell = fx.rounded(.down)
            offsets.values[column] = Int32(Int(cell) - 1 - firstCell)
            weights.values[column] = Self.splineWeights(fx - cell)
        }

        let lattice = Plane<Float>(width: cells, height: 4, filledWith: 0)
        let line = Plane<Float>(width: cells, height: 1, filledWith: 0)
        var cellOfLattice = Int.min
        for row in 0..<window.height {
            let fy = Float(window.row + row) * scale
            let iy = Int(fy.rounded(.down))
            if iy != cellOfLattice {
                cellOfLattice = iy
                for j in 0..<4 {
                    for i in 0..<cells {
                        lattice[j, i] = signedUnit(latticeHash(octaveSeed, firstCell + i, iy + j - 1))
                    }
                }
            }
            let wy = Self.splineWeights(fy - Float(iy)) * amplitude
            for i in 0..<cells {
                line.values[i] =
                    wy[0] * lattice[0, i] + wy[1] * lattice[1, i] + wy[2] * lattice[2, i] + wy[3] * lattice[3, i]
            }
            let out = plane.values + row * window.width
            for column in 0..<window.width {
                let at = line.values + Int(offsets.values[column])
                let w = weights.values[column]
                out[column] += w[0] * at[0] + w[1] * at[1] + w[2] * at[2] + w[3] * at[3]
            }
        }
    }
}

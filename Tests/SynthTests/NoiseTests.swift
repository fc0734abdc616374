// Noise: a function of place, with the moments it promises.
import Geo
import Synth
import Testing

struct NoiseTests {
    @Test func `a plane of noise equals the noise at its places`() {
        let noise = FractalNoise(seed: 5, wavelength: 37, octaves: 4, gain: 0.5)
        let window = PixelWindow(column: -70, row: 31, width: 90, height: 50)
        let plane = noise.values(over: window)
        for (column, row) in [(0, 0), (89, 49), (45, 20), (69, 3), (70, 3)] {
            let exact = noise.value(Float(window.column + column), Float(window.row + row))
            #expect(abs(plane[row * 90 + column] - exact) < 1e-4)
        }
    }

    @Test func `fractal noise has mean 0 and standard deviation 1`() {
        let noise = FractalNoise(seed: 9, wavelength: 9, octaves: 3, gain: 0.6)
        let values = noise.values(over: PixelWindow(column: 0, row: 0, width: 1000, height: 1000)).map(Double.init)
        let mean = values.reduce(0, +) / 1e6
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1e6
        #expect(abs(mean) < 0.03)
        #expect(abs(variance.squareRoot() - 1) < 0.04)
    }

    @Test func `fractal noise is smooth`() {
        // One octave of a cubic B-spline with lattice distance 50 changes by little from pixel to pixel, and its
        // slope by less: a crease would show as a jump of the slope.
        let noise = FractalNoise(seed: 2, wavelength: 50, octaves: 1, gain: 1)
        let line = noise.values(over: PixelWindow(column: 0, row: 7, width: 2000, height: 1))
        var bend: Float = 0
        for column in 1..<1999 {
            let slopeBefore: Float = line[column] - line[column - 1]
            let slopeAfter: Float = line[column + 1] - line[column]
            bend = max(bend, abs(slopeAfter - slopeBefore))
        }
        #expect(bend < 0.01)
    }
}

// One image in EuroSAT's form: the light, air and sensor it was taken with, drawn from its seed.
internal import Geo

/// One image of a class: what is drawn for it before anything is painted.
struct EuroSATView {
    private let kind: EuroSATClass
    private let size: Int
    private let gsd: Float
    private let seed: UInt64

    /// Gain of the image as a whole and of its bands.
    private let gain: SIMD4<Float>
    /// Share of the light that the air scatters into the view, and its colour.
    private let haze: Float
    private let airlight: SIMD4<Float>
    /// Share of a pixel's light that each neighbour in its row or column gets.
    private let spill: Float
    /// Standard deviation of the noise in grey levels.
    private let noise: Float

    /// Draws the conditions of an image.
    ///
    /// - Parameters:
    ///   - options: Size, GSD and seed; the number of scenes plays no part.
    ///   - kind: What it shows.
    ///   - number: Its number within the class.
    init(_ options: EuroSATOptions, kind: EuroSATClass, number: Int) {
        self.kind = kind
        size = options.size
        gsd = Float(options.gsd)
        seed = latticeHash(latticeHash(options.seed, 0xE0, 0x5A7), kind.rawValue, number)
        var draw = Draw(latticeHash(seed, 1, 0))
        let exposure = draw.uniform(0.76, 1.30)
        gain =
            exposure
            * SIMD4(draw.uniform(0.94, 1.06), draw.uniform(0.96, 1.04), draw.uniform(0.93, 1.07), 1)
        haze = draw.uniform(0, 0.20)
        airlight = SIMD4(draw.uniform(0.40, 0.56), draw.uniform(0.46, 0.54), draw.uniform(0.48, 0.62), 0)
        spill = draw.uniform(0.05, 0.14)
        noise = draw.uniform(0.8, 2.6)
    }

    /// The image: `uint8`, red, green, blue.
    func render() -> PixelBuffer {
        // One more pixel on every side, which the blur reaches.
        let wide = size + 2
        var canvas = EuroSATCanvas(seed: seed, size: wide, gsd: gsd)
        canvas.paint(kind)
        let light = blurred(canvas.pixels(), side: wide)
        var samples = [UInt8](repeating: 0, count: 3 * size * size)
        for index in light.indices {
            let signal = pointwiseMax((light[index] * (1 - haze) + airlight * haze) * gain, .zero)
            // A film-like shoulder keeps bright roofs and sand from clipping.
            let tone = 1.5 * signal / (1 + 0.62 * signal)
            var draw = Draw(latticeHash(seed &+ 0x5071, index % size, index / size))
            for band in 0..<3 {
                let grey = 255 * tone[band] + noise * draw.normal()
                samples[band * size * size + index] = UInt8(min(255, max(0, grey.rounded(.toNearestOrEven))))
            }
        }
        return PixelBuffer(bands: 3, height: size, width: size, samples: .uint8(samples))
    }

    /// Blurs along rows and columns, without the outermost pixels.
    private func blurred(_ light: [SIMD4<Float>], side: Int) -> [SIMD4<Float>] {
        let centre = 1 - 2 * spill
        var lines: [SIMD4<Float>] = []
        lines.reserveCapacity(side * size)
        for row in 0..<side {
            for column in 1...size {
                let index = row * side + column
                lines.append(light[index] * centre + (light[index - 1] + light[index + 1]) * spill)
            }
        }
        return (size..<size * (size + 1)).map { index in
            lines[index] * centre + (lines[index - size] + lines[index + size]) * spill
        }
    }
}

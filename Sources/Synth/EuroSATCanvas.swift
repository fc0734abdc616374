// What an image of EuroSAT's classes is painted on: places finer than pixels, in metres from the image's middle.
internal import Geo

/// The land of one image while it is painted.
///
/// All its arithmetic is addition, multiplication, division and square roots, which are the same on every machine.
struct EuroSATCanvas {
    /// Places per pixel, each way.
    private static let fineness = 3

    /// Places each way.
    let side: Int
    /// Metres between places.
    let step: Float
    /// Metres per pixel of the image.
    let pixel: Float
    /// Everything drawn for the image comes from this.
    let seed: UInt64
    /// What its surfaces reflect.
    let palette: EuroSATPalette
    /// Reflectances: red, green, blue.
    private(set) var colours: [SIMD4<Float>]
    /// The next number for things drawn once.
    var draw: Draw

    /// Makes an empty canvas for an image of `size` pixels a side, of `gsd` metres.
    init(seed: UInt64, size: Int, gsd: Float) {
        self.seed = seed
        side = size * Self.fineness
        step = gsd / Float(Self.fineness)
        pixel = gsd
        palette = EuroSATPalette(seed: seed)
        colours = [SIMD4<Float>](repeating: .zero, count: side * side)
        draw = Draw(latticeHash(seed, 2, 0))
    }

    /// Metres from one edge to the other.
    var extent: Float { Float(side) * step }

    /// Fractal noise at every place, mean 0, standard deviation about 1.
    ///
    /// - Parameters:
    ///   - name: Tells noises of one image apart.
    ///   - metres: Distance of the lattice points of its first octave.
    func noise(_ name: Int, metres: Float, octaves: Int, gain: Float = 0.5) -> [Float] {
        FractalNoise(seed: latticeHash(seed, 3, name), wavelength: metres / step, octaves: octaves, gain: gain)
            .values(over: PixelWindow(column: 0, row: 0, width: side, height: side))
    }

    /// Gives every place a colour: a function of the place in metres, its index and its colour so far.
    mutating func fill(
        _ colour: (_ place: SIMD2<Float>, _ index: Int, _ under: SIMD4<Float>) -> SIMD4<Float>
    ) {
        let middle = Float(side) / 2 - 0.5
        for row in 0..<side {
            for column in 0..<side {
                let index = row * side + column
                let place = (SIMD2(Float(column), Float(row)) - middle) * step
                colours[index] = pointwiseMax(colour(place, index, colours[index]), .zero)
            }
        }
    }

    /// The colours of the image's pixels, row by row: the means over their places.
    func pixels() -> [SIMD4<Float>] {
        let width = Self.fineness
        let count = side / width
        let scale = 1 / Float(width * width)
        var means: [SIMD4<Float>] = []
        means.reserveCapacity(count * count)
        for row in 0..<count {
            for column in 0..<count {
                var sum = SIMD4<Float>.zero
                for y in 0..<width {
                    for x in 0..<width { sum += colours[(row * width + y) * side + column * width + x] }
                }
                means.append(sum * scale)
            }
        }
        return means
    }
}

/// A place in the coordinates of an axis: metres along it and metres to its left.
@inline(__always)
func turned(_ place: SIMD2<Float>, to axis: SIMD2<Float>) -> SIMD2<Float> {
    SIMD2(place.x * axis.x + place.y * axis.y, place.y * axis.x - place.x * axis.y)
}

extension Draw {
    /// A unit vector, all directions alike; without sines, which differ between machines.
    mutating func direction() -> SIMD2<Float> {
        while true {
            let point = SIMD2(uniform(-1, 1), uniform(-1, 1))
            let square = point.x * point.x + point.y * point.y
            if square > 0.01, square <= 1 { return point / square.squareRoot() }
        }
    }
}

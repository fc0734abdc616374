// Shapes that the land of EuroSAT's classes is laid out with: parcels, and the course of a road or a river.
internal import Geo

/// Parcels of land in strips: which one holds a place, and how far its edge is.
struct ParcelGrid {
    let seed: UInt64
    /// Direction across the strips.
    let axis: SIMD2<Float>
    /// Metres across and along a parcel, on average.
    let size: SIMD2<Float>

    /// One parcel, seen from a place.
    struct Parcel {
        /// Everything drawn for the parcel comes from this.
        let hash: UInt64
        /// Metres across and along, from somewhere.
        let place: SIMD2<Float>
        /// Metres to the nearest edge.
        let edge: Float
    }

    /// The parcel that holds a place.
    func parcel(at place: SIMD2<Float>) -> Parcel {
        let turned = turned(place, to: axis)
        let (strip, across) = cell(turned.x / size.x, seed)
        let (number, along) = cell(turned.y / size.y, latticeHash(seed, strip, 1))
        return Parcel(
            hash: latticeHash(seed &+ 29, strip, number), place: turned, edge: min(across * size.x, along * size.y))
    }

    /// The cell of a line with uneven cells that holds a value, and the distance to the nearer of its ends.
    private func cell(_ value: Float, _ seed: UInt64) -> (number: Int, edge: Float) {
        func start(_ number: Int) -> Float { Float(number) + 0.6 * unit(latticeHash(seed, number, 0x57A1)) }
        var number = Int(value.rounded(.down))
        if value < start(number) { number -= 1 }
        return (number, min(value - start(number), start(number + 1) - value))
    }
}

/// The middle line of a road or a river from edge to edge, bent by smooth noise along its way.
struct Course {
    private let axis: SIMD2<Float>
    private let reach: Float
    private let step: Float
    /// Metres to the left of the axis, every `step` metres.
    private let middle: [Float]

    /// Draws a course.
    ///
    /// - Parameters:
    ///   - axis: Where it leads.
    ///   - offset: Metres to the left of the image's middle.
    ///   - bends: Their size and the distance of one from the next, in metres.
    ///   - canvas: What it crosses.
    init(
        axis: SIMD2<Float>, offset: Float, bends: (size: Float, distance: Float), seed: UInt64, on canvas: EuroSATCanvas
    ) {
        self.axis = axis
        // Half the diagonal, and a little.
        reach = 0.75 * canvas.extent
        step = canvas.step
        let noise = FractalNoise(seed: seed, wavelength: bends.distance / canvas.step, octaves: 2, gain: 0.3)
        let line = noise.values(
            over: PixelWindow(column: 0, row: 0, width: Int(2 * reach / canvas.step) + 2, height: 1))
        middle = line.map { offset + bends.size * $0 }
    }

    /// Metres from the middle line, negative to its right.
    func distance(to place: SIMD2<Float>) -> Float {
        let turned = turned(place, to: axis)
        let along = min(Float(middle.count - 2), max(0, (turned.x + reach) / step))
        let index = min(middle.count - 2, Int(along))
        let rise = middle[index + 1] - middle[index]
        let slope = rise / step
        return (turned.y - middle[index] - rise * (along - Float(index))) / (1 + slope * slope).squareRoot()
    }
}

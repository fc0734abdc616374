// The blur of a crop, in place.
internal import Backbone
internal import Training

extension CropPixels {
    /// Blurs with a Gaussian of nine taps per axis; edges are mirrored without repeating the edge pixel.
    ///
    /// - Parameter sigma: Standard deviation in pixels, above 0. The size is at least 5.
    package func blur(sigma: Float) { blur(sigma: sigma) { _ in } }

    /// Blurs, and hands out each row of pixels when it is done.
    ///
    /// A row is blurred down its columns into a line with room at both ends for the mirrored pixels, and from there along itself
    /// back to its place. The four rows above, already replaced, are kept aside.
    func blur(sigma: Float, then: (Range<Int>) -> Void) {
        precondition(size >= 5, "a blur of nine taps needs 5 pixels or more, got \(size)")
        let kernel = BlurKernel(sigma: sigma)
        let line = UnsafeMutablePointer<Float>.allocate(capacity: size + 8 + 5 * size * bands)
        defer { line.deallocate() }
        let kept = line + size + 8
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 9) { taps in
            guard let rows = taps.baseAddress else { return }
            for row in 0..<size {
                for band in 0..<bands {
                    let (samples, above) = (plane(band), kept + 5 * size * band)
                    let here = samples + row * size
                    (above + row % 5 * size).update(from: here, count: size)
                    for tap in 0..<9 {
                        var other = abs(row + tap - 4)
                        if other >= size { other = 2 * (size - 1) - other }
                        let place = other < row ? above + other % 5 * size : samples + other * size
                        (rows + tap).initialize(to: UnsafePointer(place))
                    }
                    kernel.apply(rows, count: size, into: line + 4)
                    for offset in 1...4 {
                        line[4 - offset] = line[4 + offset]
                        line[3 + size + offset] = line[3 + size - offset]
                    }
                    for tap in 0..<9 { rows[tap] = UnsafePointer(line + tap) }
                    kernel.apply(rows, count: size, into: here)
                }
                then(row * size..<(row + 1) * size)
            }
        }
    }
}

/// A symmetric kernel of nine taps.
private struct BlurKernel {
    /// Weight of the middle and of the four taps on each side.
    private let weights: [Float]
    /// Taps on each side that count: those of a narrow Gaussian are soon less than a float can tell.
    private let radius: Int

    init(sigma: Float) {
        let heights = (0...4).map { offset in
            let x = Float(offset) / sigma
            return exponential(-0.5 * x * x)
        }
        let sum = 2 * heights.reduce(0, +) - heights[0]
        let weights = heights.map { $0 / sum }
        self.weights = weights
        radius = weights.lastIndex { $0 > 1e-9 } ?? 0
    }

    /// Weighs nine rows of samples (or nine places of one row), the middle one being the fifth.
    @inline(__always)
    func apply(
        _ rows: UnsafePointer<UnsafePointer<Float>>, count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        weights.withUnsafeBufferPointer { weights in
            @inline(__always)
            func sums<Vector: SIMD<Float> & BitwiseCopyable>(_ x: Int, _ type: Vector.Type) -> Vector {
                var sum = weights[0] * rows[4].vector(x, as: type)
                for offset in 0..<radius {
                    let (before, after) = (rows[3 - offset].vector(x, as: type), rows[5 + offset].vector(x, as: type))
                    sum += weights[offset + 1] * (before + after)
                }
                return sum
            }
            var x = 0
            while x + 16 <= count {
                target.set(x, sums(x, Sixteen.self))
                x += 16
            }
            while x + 4 <= count {
                target.set(x, sums(x, Four.self))
                x += 4
            }
            while x < count {
                var sum = weights[0] * rows[4][x]
                for offset in 0..<radius { sum += weights[offset + 1] * (rows[3 - offset][x] + rows[5 + offset][x]) }
                target[x] = sum
                x += 1
            }
        }
    }
}

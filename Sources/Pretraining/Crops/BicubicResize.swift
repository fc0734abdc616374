// Antialiased bicubic resampling of a window, one axis at a time.

/// The weights that take a row of `input` samples to `output` samples with the cubic kernel of Keys (1981), a = -0.5.
///
/// When shrinking, the kernel is widened by the ratio so that it averages all samples under it (the support scaling of
/// Pillow, and of torchvision with `antialias`). Taps outside the row are dropped and the rest scaled to sum to one.
package struct BicubicTaps {
    /// First input sample of each output sample.
    package private(set) var starts: [Int] = []
    /// Weights of each output sample, `width` per sample, padded with zeros.
    package private(set) var weights: [Float] = []
    /// Taps per output sample.
    package private(set) var counts: [Int] = []
    /// Stride of `weights`.
    package let width: Int

    package init(input: Int, output: Int) {
        precondition(input > 0 && output > 0, "resampling needs sizes above 0, got \(input) to \(output)")
        let ratio = Double(input) / Double(output)
        let stretch = max(ratio, 1)
        let support = 2 * stretch
        width = min(input, Int(2 * support.rounded(.up)) + 1)
        starts.reserveCapacity(output)
        weights.reserveCapacity(output * width)
        for index in 0..<output {
            let centre = (Double(index) + 0.5) * ratio
            let first = max(0, Int((centre - support - 0.5).rounded(.up)))
            let last = min(input - 1, Int((centre + support - 0.5).rounded(.down)))
            var taps = (first...last).map { Self.kernel((Double($0) + 0.5 - centre) / stretch) }
            let sum = taps.reduce(0, +)
            taps = taps.map { $0 / sum }
            starts.append(first)
            counts.append(taps.count)
            weights += taps.map(Float.init)
            weights += repeatElement(0, count: width - taps.count)
        }
    }

    /// Keys' cubic convolution kernel with a = -0.5.
    private static func kernel(_ offset: Double) -> Double {
        let x = offset.magnitude
        if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
        if x < 2 { return ((-0.5 * x + 2.5) * x - 4) * x + 2 }
        return 0
    }

    /// Resamples along the slow axis: `[input, columns]` to `[output, columns]`; the inner loop runs over columns.
    ///
    /// - Parameters:
    ///   - source: First sample of the first row.
    ///   - stride: Samples from one source row to the next.
    ///   - target: `counts.count * columns` samples, overwritten.
    func apply(
        _ source: UnsafePointer<Float>, stride: Int, columns: Int, into target: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<counts.count {
            let row = target + index * columns
            let first = source + starts[index] * stride
            let base = index * width
            let count = counts[index]
            row.update(repeating: 0, count: columns)
            var tap = 0
            while tap + 4 <= count {
                let (a, b) = (weights[base + tap], weights[base + tap + 1])
                let (c, d) = (weights[base + tap + 2], weights[base + tap + 3])
                let p = first + tap * stride
                let (q, r, s) = (p + stride, p + 2 * stride, p + 3 * stride)
                for x in 0..<columns { row[x] += (a * p[x] + b * q[x]) + (c * r[x] + d * s[x]) }
                tap += 4
            }
            while tap < count {
                let a = weights[base + tap]
                let p = first + tap * stride
                for x in 0..<columns { row[x] += a * p[x] }
                tap += 1
            }
        }
    }
}

/// Resamples a window of an image to a square, band by band: antialiased bicubic, values cut to 0...1.
///
/// - Parameters:
///   - image: `[bands, height, width]`.
///   - window: Lies inside the image; samples outside the window are not used, as if it had been cut out first.
///   - size: Side of the result in pixels.
///   - target: `bands * size * size` samples, overwritten.
package func resizeBicubic(
    _ image: FloatImage, window: (row: Int, column: Int, height: Int, width: Int), size: Int,
    into target: UnsafeMutablePointer<Float>
) {
    let vertical = BicubicTaps(input: window.height, output: size)
    let horizontal = BicubicTaps(input: window.width, output: size)
    // The first half holds `[size, window.width]`, then `[size, size]`; either may be the larger.
    let half = size * max(size, window.width)
    let scratch = UnsafeMutablePointer<Float>.allocate(capacity: half + size * window.width)
    defer { scratch.deallocate() }
    let turned = scratch + half
    image.values.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return }
        for band in 0..<image.bands {
            let corner = base + (band * image.height + window.row) * image.width + window.column
            vertical.apply(corner, stride: image.width, columns: window.width, into: scratch)
            transpose(scratch, rows: size, columns: window.width, into: turned)
            horizontal.apply(turned, stride: size, columns: size, into: scratch)
            let plane = target + band * size * size
            transpose(scratch, rows: size, columns: size, into: plane)
            for index in 0..<size * size { plane[index] = min(max(plane[index], 0), 1) }
        }
    }
}

/// Writes `[rows, columns]` as `[columns, rows]`.
func transpose(
    _ source: UnsafePointer<Float>, rows: Int, columns: Int, into target: UnsafeMutablePointer<Float>
) {
    for column in 0..<columns {
        let line = target + column * rows
        for row in 0..<rows { line[row] = source[row * columns + column] }
    }
}

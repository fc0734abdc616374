// Changes of colour, sharpness and tone of a crop, in floats from 0 to 1.

/// Weights of red, green and blue in the luma of ITU-R BT.601, as torchvision rounds them.
private let luma: (red: Float, green: Float, blue: Float) = (0.2989, 0.587, 0.114)

/// A crop being changed: `bands` planes of `size * size` samples in memory owned by somebody else.
///
/// The formulas are those of torchvision on float images. What needs colour (saturation, hue, grayscale) changes only the
/// red, green and blue bands, and only where all three are known; brightness and contrast change every band.
package struct CropPixels {
    let base: UnsafeMutablePointer<Float>
    let bands: Int
    let size: Int
    let colour: ColourBands?
    private var count: Int { size * size }

    package init(base: UnsafeMutablePointer<Float>, bands: Int, size: Int, colour: ColourBands?) {
        self.base = base
        self.bands = bands
        self.size = size
        self.colour = colour
    }

    private func plane(_ band: Int) -> UnsafeMutablePointer<Float> { base + band * count }

    /// Multiplies all samples and cuts to 0...1.
    package func brightness(_ factor: Float) {
        for index in 0..<bands * count { base[index] = unit(base[index] * factor) }
    }

    /// Moves samples away from the mean of the luma (bands that are no colour: from their own mean).
    package func contrast(_ factor: Float) {
        var means = [Float](repeating: 0, count: bands)
        for band in 0..<bands {
            var sum: Double = 0
            let samples = plane(band)
            for index in 0..<count { sum += Double(samples[index]) }
            means[band] = Float(sum / Double(count))
        }
        if let colour {
            let grey =
                luma.red * means[colour.red] + luma.green * means[colour.green] + luma.blue
                * means[colour.blue]
            for band in [colour.red, colour.green, colour.blue] { means[band] = grey }
        }
        for band in 0..<bands {
            let samples = plane(band)
            let shift = (1 - factor) * means[band]
            for index in 0..<count { samples[index] = unit(factor * samples[index] + shift) }
        }
    }

    /// Moves colours away from their luma; nothing without colour.
    package func saturation(_ factor: Float) {
        guard let colour else { return }
        let (red, green, blue) = (plane(colour.red), plane(colour.green), plane(colour.blue))
        for index in 0..<count {
            let (r, g, b) = (red[index], green[index], blue[index])
            let shift = (1 - factor) * (luma.red * r + luma.green * g + luma.blue * b)
            red[index] = unit(factor * r + shift)
            green[index] = unit(factor * g + shift)
            blue[index] = unit(factor * b + shift)
        }
    }

    /// Turns hues by a share of the full circle; nothing without colour.
    package func hue(_ turn: Float) {
        guard let colour else { return }
        let (red, green, blue) = (plane(colour.red), plane(colour.green), plane(colour.blue))
        for index in 0..<count {
            let (r, g, b) = (red[index], green[index], blue[index])
            let value = max(r, max(g, b))
            let chroma = value - min(r, min(g, b))
            // A grey has no hue to turn.
            guard chroma > 0 else { continue }
            // Hue in sixths of the circle, 0 at red.
            let sixths: Float =
                value == r ? (g - b) / chroma : value == g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma
            var turned = sixths / 6 + turn
            turned -= turned.rounded(.down)
            // The hexcone: each colour is `value` minus the chroma, scaled by its distance from the hue.
            let position = turned * 6
            func channel(_ offset: Float) -> Float {
                var k = offset + position
                if k >= 6 { k -= 6 }
                return value - chroma * max(0, min(k, 4 - k, 1))
            }
            red[index] = unit(channel(5))
            green[index] = unit(channel(3))
            blue[index] = unit(channel(1))
        }
    }

    /// Gives the three colours their luma; nothing without colour.
    package func grayscale() {
        guard let colour else { return }
        let (red, green, blue) = (plane(colour.red), plane(colour.green), plane(colour.blue))
        for index in 0..<count {
            let grey = luma.red * red[index] + luma.green * green[index] + luma.blue * blue[index]
            red[index] = grey
            green[index] = grey
            blue[index] = grey
        }
    }

    /// Turns samples at or above a threshold over: `1 - value`.
    package func solarize(_ threshold: Float) {
        for index in 0..<bands * count {
            let value = base[index]
            base[index] = value >= threshold ? 1 - value : value
        }
    }

    /// Blurs with a Gaussian of nine taps per axis; edges are mirrored without repeating the edge pixel.
    ///
    /// - Parameter sigma: Standard deviation in pixels, above 0. The size is at least 5.
    package func blur(sigma: Float) {
        var weights = (-4...4).map { offset in
            let x = Float(offset) / sigma
            return exponential(-0.5 * x * x)
        }
        let sum = weights.reduce(0, +)
        weights = weights.map { $0 / sum }
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: 2 * count)
        defer { scratch.deallocate() }
        for band in 0..<bands {
            let samples = plane(band)
            blurRows(samples, weights, into: scratch)
            transpose(scratch, rows: size, columns: size, into: scratch + count)
            blurRows(scratch + count, weights, into: scratch)
            transpose(scratch, rows: size, columns: size, into: samples)
        }
    }

    /// Averages each row with its four neighbours above and below.
    private func blurRows(
        _ source: UnsafePointer<Float>, _ weights: [Float], into target: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<size {
            let line = target + row * size
            line.update(repeating: 0, count: size)
            for (tap, weight) in weights.enumerated() {
                var from = abs(row + tap - 4)
                if from >= size { from = 2 * (size - 1) - from }
                let other = source + from * size
                for x in 0..<size { line[x] += weight * other[x] }
            }
        }
    }

    /// Subtracts the mean and divides by the standard deviation, band by band.
    package func normalize(mean: [Float], deviation: [Float]) {
        for band in 0..<bands {
            let samples = plane(band)
            let scale = 1 / deviation[band]
            let shift = mean[band]
            for index in 0..<count { samples[index] = (samples[index] - shift) * scale }
        }
    }

    @inline(__always)
    private func unit(_ value: Float) -> Float { min(max(value, 0), 1) }
}

/// Where red, green and blue are among the bands.
package struct ColourBands: Sendable, Equatable {
    package let red: Int
    package let green: Int
    package let blue: Int

    package init(red: Int, green: Int, blue: Int) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Finds the three by name; `nil` unless each is there.
    package init?(names: [String]) {
        guard let red = names.firstIndex(of: "red"), let green = names.firstIndex(of: "green"),
            let blue = names.firstIndex(of: "blue")
        else { return nil }
        self.init(red: red, green: green, blue: blue)
    }
}

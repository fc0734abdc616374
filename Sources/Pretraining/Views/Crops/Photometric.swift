// Changes of colour and tone of a crop, in floats from 0 to 1.

/// A change that makes every pixel from itself alone, with its numbers.
enum PixelChange: Sendable {
    case brightness(Float)
    /// Multiplies all samples, adds to each band and cuts to 0...1: contrast, once the means are known.
    case mix(factor: Float, shifts: [Float])
    case saturation(Float)
    case hue(Float)
    case grayscale
    case solarize(threshold: Float)
    /// Multiplies each band and adds to it.
    case normalize(factors: [Float], shifts: [Float])

    /// Normalisation by the mean and standard deviation of each band.
    static func normalize(mean: [Float], deviation: [Float]) -> PixelChange {
        .normalize(factors: deviation.map { 1 / $0 }, shifts: zip(mean, deviation).map { -$0 / $1 })
    }
}

/// A crop being changed: `bands` planes of `size * size` samples in memory owned by the caller.
///
/// The formulas are those of torchvision on float images. What needs colour (saturation, hue, grayscale) changes only the
/// red, green and blue bands, and only where all three are known; brightness and contrast change every band.
package struct CropPixels {
    /// Weights of red, green and blue in the luma of ITU-R BT.601, as torchvision rounds them.
    static let luma: (red: Float, green: Float, blue: Float) = (0.2989, 0.587, 0.114)

    let base: UnsafeMutablePointer<Float>
    let bands: Int
    let size: Int
    let colour: ColourBands?
    /// Pixels.
    var count: Int { size * size }

    package init(base: UnsafeMutablePointer<Float>, bands: Int, size: Int, colour: ColourBands?) {
        self.base = base
        self.bands = bands
        self.size = size
        self.colour = colour
    }

    @inline(__always)
    func plane(_ band: Int) -> UnsafeMutablePointer<Float> { base + band * count }

    /// Multiplies all samples and cuts to 0...1.
    package func brightness(_ factor: Float) { make(.brightness(factor), 0..<count) }

    /// Moves samples away from the mean of the luma (bands that are not a colour: from their own mean).
    package func contrast(_ factor: Float) {
        make(.mix(factor: factor, shifts: means().map { (1 - factor) * $0 }), 0..<count)
    }

    /// Moves colours away from their luma; nothing without colour.
    package func saturation(_ factor: Float) { make(.saturation(factor), 0..<count) }

    /// Turns hues by a share of the full circle; nothing without colour.
    package func hue(_ turn: Float) { make(.hue(turn), 0..<count) }

    /// Gives the three colours their luma; nothing without colour.
    package func grayscale() { make(.grayscale, 0..<count) }

    /// Turns samples at or above a threshold over: `1 - value`.
    package func solarize(_ threshold: Float) { make(.solarize(threshold: threshold), 0..<count) }

    /// Subtracts the mean and divides by the standard deviation, band by band.
    package func normalize(mean: [Float], deviation: [Float]) {
        make(.normalize(mean: mean, deviation: deviation), 0..<count)
    }

    /// Makes a change of some of the pixels, so that several can be made while these are in the cache.
    func make(_ change: PixelChange, _ pixels: Range<Int>) {
        switch change {
        case .brightness(let factor): brightness(factor, pixels)
        case .mix(let factor, let shifts): mix(factor, shifts, pixels)
        case .saturation(let factor): saturation(factor, pixels)
        case .hue(let turn): hue(turn, pixels)
        case .grayscale: grayscale(pixels)
        case .solarize(let threshold): solarize(threshold, pixels)
        case .normalize(let factors, let shifts): normalize(factors, shifts, pixels)
        }
    }
}

// The formulas are local functions that are always inlined: a closure that the optimiser leaves as a call costs more than its work.
extension CropPixels {
    private func brightness(_ factor: Float, _ pixels: Range<Int>) {
        @inline(__always)
        func change(_ sample: Four) -> Four { (sample * factor).unit }
        for band in 0..<bands { eachSample(band, pixels, change) }
    }

    private func mix(_ factor: Float, _ shifts: [Float], _ pixels: Range<Int>) {
        for (band, shift) in shifts.enumerated() {
            @inline(__always)
            func change(_ sample: Four) -> Four { (factor * sample + shift).unit }
            eachSample(band, pixels, change)
        }
    }

    private func saturation(_ factor: Float, _ pixels: Range<Int>) {
        @inline(__always)
        func change(_ red: inout Four, _ green: inout Four, _ blue: inout Four) {
            let shift = (1 - factor) * (Self.luma.red * red + Self.luma.green * green + Self.luma.blue * blue)
            red = (factor * red + shift).unit
            green = (factor * green + shift).unit
            blue = (factor * blue + shift).unit
        }
        eachColour(pixels, change)
    }

    private func hue(_ turn: Float, _ pixels: Range<Int>) {
        // From -3 to 3 sixths of the circle, so that no hue is turned past red more than once.
        let sixths = 6 * (turn - turn.rounded())
        @inline(__always)
        func change(_ red: inout Four, _ green: inout Four, _ blue: inout Four) {
            let value = Four.larger(red, .larger(green, blue))
            let chroma = value - Four.smaller(red, .smaller(green, blue))
            // Hue in sixths of the circle, 0 at red. A grey has none to turn: with no chroma nothing is taken below.
            let (isRed, isGreen) = (value .== red, value .== green)
            var difference = (red - green).replacing(with: blue - red, where: isGreen)
            difference.replace(with: green - blue, where: isRed)
            var hue = Four(repeating: 4).replacing(with: 2, where: isGreen)
            hue.replace(with: 0, where: isRed)
            hue += difference / Four.larger(chroma, Four(repeating: .leastNormalMagnitude)) + sixths
            hue.replace(with: hue + 6, where: hue .< 0)
            hue.replace(with: hue - 6, where: hue .>= 6)
            // The hexcone: each colour is `value` minus a share of the chroma that grows with its distance from the hue. Never
            // more than the chroma is taken, so the result stays between 0 and 1.
            red = value - chroma * (2 - (hue - 3).absolute).unit
            green = value - chroma * ((hue - 2).absolute - 1).unit
            blue = value - chroma * ((hue - 4).absolute - 1).unit
        }
        eachColour(pixels, change)
    }

    private func grayscale(_ pixels: Range<Int>) {
        @inline(__always)
        func change(_ red: inout Four, _ green: inout Four, _ blue: inout Four) {
            let grey = Self.luma.red * red + Self.luma.green * green + Self.luma.blue * blue
            (red, green, blue) = (grey, grey, grey)
        }
        eachColour(pixels, change)
    }

    private func solarize(_ threshold: Float, _ pixels: Range<Int>) {
        @inline(__always)
        func change(_ sample: Four) -> Four { sample.replacing(with: 1 - sample, where: sample .>= threshold) }
        for band in 0..<bands { eachSample(band, pixels, change) }
    }

    private func normalize(_ factors: [Float], _ shifts: [Float], _ pixels: Range<Int>) {
        for (band, (factor, shift)) in zip(factors, shifts).enumerated() {
            @inline(__always)
            func change(_ sample: Four) -> Four { sample * factor + shift }
            eachSample(band, pixels, change)
        }
    }

    /// Replaces the samples of some pixels of a band, four at a time.
    @inline(__always)
    private func eachSample(_ band: Int, _ pixels: Range<Int>, _ change: (Four) -> Four) {
        let samples = plane(band)
        var index = pixels.lowerBound
        while index + 4 <= pixels.upperBound {
            samples.set(index, change(samples.vector(index, as: Four.self)))
            index += 4
        }
        while index < pixels.upperBound {
            samples[index] = change(Four(repeating: samples[index]))[0]
            index += 1
        }
    }

    /// Changes the colours of some pixels, four at a time; nothing without colour.
    @inline(__always)
    private func eachColour(_ pixels: Range<Int>, _ change: (inout Four, inout Four, inout Four) -> Void) {
        guard let colour else { return }
        let (red, green, blue) = (plane(colour.red), plane(colour.green), plane(colour.blue))
        var index = pixels.lowerBound
        while index + 4 <= pixels.upperBound {
            var r = red.vector(index, as: Four.self)
            var g = green.vector(index, as: Four.self)
            var b = blue.vector(index, as: Four.self)
            change(&r, &g, &b)
            red.set(index, r)
            green.set(index, g)
            blue.set(index, b)
            index += 4
        }
        while index < pixels.upperBound {
            var (r, g, b) = (Four(repeating: red[index]), Four(repeating: green[index]), Four(repeating: blue[index]))
            change(&r, &g, &b)
            (red[index], green[index], blue[index]) = (r[0], g[0], b[0])
            index += 1
        }
    }
}

// What is drawn for the look of a crop, apart from its making.
internal import Training

/// The changes of colour, sharpness and tone of one crop, with all numbers drawn.
struct CropLook {
    /// A change before the blur.
    enum Change {
        case pixels(PixelChange)
        /// Contrast, which needs the mean of the crop first.
        case contrast(Float)
    }

    /// Before the blur, in order.
    private(set) var first: [Change] = []
    /// Standard deviation of the blur in pixels; `nil` for none.
    private(set) var sigma: Float?
    /// After the blur, in order.
    private(set) var last: [PixelChange] = []

    /// Nothing but normalisation.
    init(normalize: PixelChange) { last = [normalize] }

    /// Draws a look.
    ///
    /// - Parameters:
    ///   - blur: Probability of a blur.
    ///   - solarize: Probability of solarising.
    ///   - normalize: What ends every look.
    init(
        _ recipe: PretrainingRecipe.Crops, blur: Double, solarize: Double, normalize: PixelChange,
        _ stream: inout RandomStream
    ) {
        if stream.chance(recipe.jitter.probability) { jitter(recipe.jitter, &stream) }
        if stream.chance(recipe.grayscale) { first.append(.pixels(.grayscale)) }
        if stream.chance(blur) { sigma = Float(stream.uniform(recipe.blur.sigma[0], recipe.blur.sigma[1])) }
        if stream.chance(solarize) { last.append(.solarize(threshold: 128.0 / 255)) }
        last.append(normalize)
    }

    private mutating func jitter(_ jitter: PretrainingRecipe.Crops.Jitter, _ stream: inout RandomStream) {
        var order = [0, 1, 2, 3]
        stream.shuffle(&order)
        func factor(_ strength: Double) -> Float { Float(stream.uniform(max(0, 1 - strength), 1 + strength)) }
        for change in order {
            switch change {
            case 0: if jitter.brightness > 0 { first.append(.pixels(.brightness(factor(jitter.brightness)))) }
            case 1: if jitter.contrast > 0 { first.append(.contrast(factor(jitter.contrast))) }
            case 2: if jitter.saturation > 0 { first.append(.pixels(.saturation(factor(jitter.saturation)))) }
            default:
                if jitter.hue > 0 { first.append(.pixels(.hue(Float(stream.uniform(-jitter.hue, jitter.hue))))) }
            }
        }
    }
}

extension CropPixels {
    /// Pixels that are changed at a time: a few bands of them stay in the nearest cache from one change to the next.
    private static let chunk = 1024

    /// Gives the crop a look.
    ///
    /// Changes are gathered and made chunk by chunk, not each over the whole crop. Contrast needs the mean of the crop, and the
    /// blur needs neighbours: those end a gathering.
    func apply(_ look: CropLook) {
        var gathered: [PixelChange] = []
        for change in look.first {
            switch change {
            case .pixels(let change): gathered.append(change)
            case .contrast(let factor):
                let shifts = means(after: gathered).map { (1 - factor) * $0 }
                gathered = [.mix(factor: factor, shifts: shifts)]
            }
        }
        guard let sigma = look.sigma else {
            make(gathered + look.last)
            return
        }
        make(gathered)
        blur(sigma: sigma) { pixels in for change in look.last { make(change, pixels) } }
    }

    /// Makes changes chunk by chunk.
    private func make(_ changes: [PixelChange], then: (Range<Int>) -> Void = { _ in }) {
        for start in stride(from: 0, to: count, by: Self.chunk) {
            let pixels = start..<min(start + Self.chunk, count)
            for change in changes { make(change, pixels) }
            then(pixels)
        }
    }

    /// Makes changes and returns what contrast then moves the samples of each band away from.
    ///
    /// That is the mean of the luma for red, green and blue, and of a band's own samples for others.
    func means(after changes: [PixelChange] = []) -> [Float] {
        var sums = [Double](repeating: 0, count: bands)
        make(changes) { pixels in
            // Floats within a chunk, doubles over the crop.
            for band in 0..<bands { sums[band] += Double(sum(band, pixels)) }
        }
        var means = sums.map { Float($0 / Double(count)) }
        guard let colour else { return means }
        let grey =
            Self.luma.red * means[colour.red] + Self.luma.green * means[colour.green]
            + Self.luma.blue * means[colour.blue]
        for band in [colour.red, colour.green, colour.blue] { means[band] = grey }
        return means
    }

    private func sum(_ band: Int, _ pixels: Range<Int>) -> Float {
        let samples = plane(band)
        var lanes = Eight.zero
        var index = pixels.lowerBound
        while index + 8 <= pixels.upperBound {
            lanes += samples.vector(index, as: Eight.self)
            index += 8
        }
        var sum = lanes.sum()
        while index < pixels.upperBound {
            sum += samples[index]
            index += 1
        }
        return sum
    }
}

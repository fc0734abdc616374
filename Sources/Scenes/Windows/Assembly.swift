// Puts windows together from pieces of the lattice; what is missing holds the mean.
package import Geo

/// Puts the parts of a window together and fills what is missing with the mean; `nil` where nothing is valid.
///
/// The mean, band by band over the window's valid pixels, is what disturbs a network least: no edge to black, no colour
/// that the window does not have. It is a function of the window alone.
package func assembled(
    _ window: PixelWindow, from pieces: [(window: PixelWindow, pixels: PixelBuffer)], layout: PixelLayout,
    grid: Grid?
) -> PixelBuffer? {
    let count = window.width * window.height
    var validity = [Bool](repeating: false, count: count)
    var valid = 0
    for piece in pieces {
        let shared = window.intersection(piece.window)
        for step in 0..<shared.height {
            let target = (shared.row - window.row + step) * window.width + shared.column - window.column
            let source =
                (shared.row - piece.window.row + step) * piece.window.width + shared.column - piece.window.column
            for x in 0..<shared.width where piece.pixels.validity?[source + x] ?? true {
                validity[target + x] = true
                valid += 1
            }
        }
    }
    guard valid > 0 else { return nil }
    let bands = layout.bands.count

    func gather<S>(_ zero: S, _ pick: (PixelBuffer.Samples) -> [S]?, _ value: (S) -> Double, _ sample: (Double) -> S)
        -> [S]
    {
        var out = [S](repeating: zero, count: bands * count)
        for piece in pieces {
            guard let samples = pick(piece.pixels.samples) else { continue }
            let shared = window.intersection(piece.window)
            let side = piece.window.width
            for band in 0..<bands {
                for step in 0..<shared.height {
                    let target =
                        band * count + (shared.row - window.row + step) * window.width + shared.column - window.column
                    let source =
                        (band * piece.window.height + shared.row - piece.window.row + step) * side + shared.column
                        - piece.window.column
                    for x in 0..<shared.width { out[target + x] = samples[source + x] }
                }
            }
        }
        guard valid < count else { return out }
        for band in 0..<bands {
            var sum = 0.0
            for place in 0..<count where validity[place] { sum += value(out[band * count + place]) }
            let mean = sample(sum / Double(valid))
            for place in 0..<count where !validity[place] { out[band * count + place] = mean }
        }
        return out
    }
    let samples: PixelBuffer.Samples =
        switch layout.sampleType {
        case .uint8:
            .uint8(gather(0, { if case .uint8(let s) = $0 { s } else { nil } }, Double.init, { UInt8($0.rounded()) }))
        case .uint16:
            .uint16(
                gather(0, { if case .uint16(let s) = $0 { s } else { nil } }, Double.init, { UInt16($0.rounded()) }))
        case .int16:
            .int16(gather(0, { if case .int16(let s) = $0 { s } else { nil } }, Double.init, { Int16($0.rounded()) }))
        case .float32:
            .float32(gather(0, { if case .float32(let s) = $0 { s } else { nil } }, Double.init, { Float($0) }))
        }
    return PixelBuffer(
        bands: bands, height: window.height, width: window.width, samples: samples,
        validity: valid < count ? validity : nil, grid: grid)
}

/// Zeros of a sample type.
package func zeros(_ type: SampleType, count: Int) -> PixelBuffer.Samples {
    switch type {
    case .uint8: .uint8([UInt8](repeating: 0, count: count))
    case .uint16: .uint16([UInt16](repeating: 0, count: count))
    case .int16: .int16([Int16](repeating: 0, count: count))
    case .float32: .float32([Float](repeating: 0, count: count))
    }
}

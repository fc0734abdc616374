// A tile as floats from 0 to 1, without holes.
package import Geo
internal import Telemetry

/// Float samples `[bands, height, width]`, 0 to 1.
package struct FloatImage: Sendable {
    package let bands: Int
    package let height: Int
    package let width: Int
    package var values: [Float]

    package init(bands: Int, height: Int, width: Int, values: [Float]) {
        precondition(
            values.count == bands * height * width,
            "an image of \(bands) x \(height) x \(width) needs as many samples")
        self.bands = bands
        self.height = height
        self.width = width
        self.values = values
    }

    /// Brings a tile to 0...1 and fills its invalid pixels with the mean of the valid ones, band by band.
    ///
    /// The mean keeps a hole from making an edge in a crop's statistics, and is what a blurred view of the tile would show.
    /// A tile without a valid pixel becomes `fallback` (the mean of the normalisation, so zero after it).
    package init(_ tile: PixelBuffer, scale: SampleScale, fallback: [Float]) {
        bands = tile.bands
        height = tile.height
        width = tile.width
        let plane = height * width
        switch tile.samples {
        case .uint8(let samples):
            let table = (0...255).map { scale.apply(Float($0)) }
            values = table.withUnsafeBufferPointer { table in samples.map { table[Int($0)] } }
        case .uint16(let samples): values = samples.map { scale.apply(Float($0)) }
        case .int16(let samples): values = samples.map { scale.apply(Float($0)) }
        case .float32(let samples): values = samples.map { scale.apply($0) }
        }
        guard let validity = tile.validity, validity.contains(false) else { return }
        for band in 0..<bands {
            var sum = 0.0
            var count = 0
            for index in 0..<plane where validity[index] {
                sum += Double(values[band * plane + index])
                count += 1
            }
            let mean = count > 0 ? Float(sum / Double(count)) : band < fallback.count ? fallback[band] : 0
            for index in 0..<plane where !validity[index] { values[band * plane + index] = mean }
        }
    }
}

/// How stored samples become 0...1.
package struct SampleScale: Sendable, Equatable {
    package let low: Float
    package let high: Float

    /// The scale of a layout: 8 bits by 255, 16 bits by the corpus' fixed stretch.
    ///
    /// - Throws: `badSource` where the parameters of the stretch are per scene, which crops do not know.
    package init(_ layout: PixelLayout) throws {
        switch (layout.sampleType, layout.stretch) {
        case (.uint8, _):
            low = 0
            high = 255
        case (.uint16, .fixed(let from, let to)) where from < to:
            low = Float(from)
            high = Float(to)
        default:
            throw PretrainingError(
                .badSource,
                "cannot train on tiles of \(layout.sampleType.rawValue) samples with the stretch '\(layout.stretch.text)'; "
                    + "expected uint8, or uint16 with fixed:LOW,HIGH",
                try: "cut the tiles again with a profile that has pixels: stretched")
        }
    }

    @inline(__always)
    func apply(_ value: Float) -> Float { min(max((value - low) / (high - low), 0), 1) }
}

// Rows of a tile as floats, converted where and when a crop needs them.
import Geo

/// The samples of a tile `[bands, height, width]` in memory owned by the caller, read as floats from 0 to 1.
///
/// Crops read windows of a tile, each row once; a tile of 8 bits stays a quarter as large in the cache as its floats.
struct TileRows {
    private enum Samples {
        case uint8(UnsafePointer<UInt8>)
        case uint16(UnsafePointer<UInt16>)
        case unit(UnsafePointer<Float>)
    }

    let bands: Int
    let height: Int
    let width: Int
    private let samples: Samples
    private let low: Float
    private let factor: Float

    private init(_ samples: Samples, bands: Int, height: Int, width: Int, scale: SampleScale? = nil) {
        self.samples = samples
        self.bands = bands
        self.height = height
        self.width = width
        low = scale?.low ?? 0
        factor = scale.map { 1 / ($0.high - $0.low) } ?? 1
    }

    /// Reads an image of floats.
    static func with<Result>(_ image: FloatImage, _ body: (TileRows) throws -> Result) rethrows -> Result? {
        try image.values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return nil }
            return try body(TileRows(.unit(base), bands: image.bands, height: image.height, width: image.width))
        }
    }

    /// Reads a tile; one with invalid pixels, or of another type than a corpus has, becomes floats as a whole first.
    static func with(
        _ tile: PixelBuffer, scale: SampleScale, fallback: [Float], _ body: (TileRows) throws -> Void
    ) rethrows {
        let (bands, height, width) = (tile.bands, tile.height, tile.width)
        switch tile.samples {
        case .uint8(let samples) where tile.isWhole:
            try samples.withUnsafeBufferPointer {
                guard let base = $0.baseAddress else { return }
                try body(TileRows(.uint8(base), bands: bands, height: height, width: width, scale: scale))
            }
        case .uint16(let samples) where tile.isWhole:
            try samples.withUnsafeBufferPointer {
                guard let base = $0.baseAddress else { return }
                try body(TileRows(.uint16(base), bands: bands, height: height, width: width, scale: scale))
            }
        default: try with(FloatImage(tile, scale: scale, fallback: fallback), body)
        }
    }

    /// Converts a part of a row.
    ///
    /// - Parameter target: `count` samples, overwritten.
    func read(
        band: Int, row: Int, column: Int, count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let start = (band * height + row) * width + column
        switch samples {
        case .uint8(let base):
            let source = base + start
            for index in 0..<count { target[index] = Float(source[index]) * factor }
        case .uint16(let base):
            let source = base + start
            for index in 0..<count { target[index] = min(max((Float(source[index]) - low) * factor, 0), 1) }
        case .unit(let base): target.update(from: base + start, count: count)
        }
    }
}

extension PixelBuffer {
    /// Whether all pixels are valid.
    fileprivate var isWhole: Bool {
        guard let validity else { return true }
        // Without leaving early, which keeps the loop one of vectors.
        return validity.withUnsafeBytes { flags in flags.reduce(1) { $0 & $1 } & 1 == 1 }
    }
}

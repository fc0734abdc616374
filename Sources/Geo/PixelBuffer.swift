// Plain pixel values: (band, row, column), with the validity of every pixel and, where known, a grid.

/// How one sample of a pixel is stored.
public enum SampleType: String, Sendable, Codable, CaseIterable {
    /// 8 bits, 0 to 255.
    case uint8
    /// 16 bits, 0 to 65535.
    case uint16
    /// 16 bits with sign.
    case int16
    /// IEEE single precision.
    case float32

    /// Bytes per sample.
    public var byteCount: Int {
        switch self {
        case .uint8: 1
        case .uint16, .int16: 2
        case .float32: 4
        }
    }
}

/// Pixel values as an array (band, row, column), row-major, with a validity mask.
///
/// A value type: copies are cheap until written to. Loader threads pass these; tensors never leave their thread.
public struct PixelBuffer: Sendable, Equatable {
    /// The samples, bands first, then rows, then columns.
    public enum Samples: Sendable, Equatable {
        /// 8 bits.
        case uint8([UInt8])
        /// 16 bits.
        case uint16([UInt16])
        /// 16 bits with sign.
        case int16([Int16])
        /// Single precision.
        case float32([Float])

        /// Number of samples.
        public var count: Int {
            switch self {
            case .uint8(let s): s.count
            case .uint16(let s): s.count
            case .int16(let s): s.count
            case .float32(let s): s.count
            }
        }

        /// The type of each sample.
        public var type: SampleType {
            switch self {
            case .uint8: .uint8
            case .uint16: .uint16
            case .int16: .int16
            case .float32: .float32
            }
        }
    }

    /// Number of bands.
    public let bands: Int
    /// Number of rows.
    public let height: Int
    /// Number of columns.
    public let width: Int
    /// `bands * height * width` samples.
    public var samples: Samples
    /// `height * width` flags, true where a pixel is valid; `nil` where all are.
    public var validity: [Bool]?
    /// Where the pixels are; `nil` if unknown.
    public var grid: Grid?

    /// Makes a buffer; the counts must agree.
    public init(
        bands: Int, height: Int, width: Int, samples: Samples, validity: [Bool]? = nil, grid: Grid? = nil
    ) {
        precondition(
            samples.count == bands * height * width,
            "a buffer of \(bands) x \(height) x \(width) pixels needs \(bands * height * width) samples, got \(samples.count)"
        )
        precondition(
            validity == nil || validity?.count == height * width,
            "a validity mask has one flag per pixel, \(height * width), got \(validity?.count ?? 0)")
        self.bands = bands
        self.height = height
        self.width = width
        self.samples = samples
        self.validity = validity
        self.grid = grid
    }

    /// The type of each sample.
    public var sampleType: SampleType { samples.type }

    /// One sample as a float; for tests and small things, not for loops over images.
    public subscript(band: Int, row: Int, column: Int) -> Float {
        let index = (band * height + row) * width + column
        return switch samples {
        case .uint8(let s): Float(s[index])
        case .uint16(let s): Float(s[index])
        case .int16(let s): Float(s[index])
        case .float32(let s): s[index]
        }
    }

    /// All samples as floats, in the same order.
    public func floats() -> [Float] {
        switch samples {
        case .uint8(let s): s.map(Float.init)
        case .uint16(let s): s.map(Float.init)
        case .int16(let s): s.map(Float.init)
        case .float32(let s): s
        }
    }

    /// Whether the pixel counts.
    public func isValid(row: Int, column: Int) -> Bool { validity?[row * width + column] ?? true }

    /// Share of valid pixels, 0 to 1; 0 for a buffer without pixels.
    public var validFraction: Double {
        guard height * width > 0 else { return 0 }
        guard let validity else { return 1 }
        return Double(validity.reduce(0) { $0 + ($1 ? 1 : 0) }) / Double(height * width)
    }

    /// A copy of a window, which must lie inside.
    public func cropped(to window: PixelWindow) -> PixelBuffer {
        precondition(
            PixelWindow(column: 0, row: 0, width: width, height: height).contains(window),
            "the window \(window) is not inside \(width) x \(height) pixels")
        func cut<S>(_ s: [S], planes: Int) -> [S] {
            var out: [S] = []
            out.reserveCapacity(planes * window.height * window.width)
            for plane in 0..<planes {
                for row in window.row..<window.row + window.height {
                    let start = (plane * height + row) * width + window.column
                    out.append(contentsOf: s[start..<start + window.width])
                }
            }
            return out
        }
        let cutSamples: Samples =
            switch samples {
            case .uint8(let s): .uint8(cut(s, planes: bands))
            case .uint16(let s): .uint16(cut(s, planes: bands))
            case .int16(let s): .int16(cut(s, planes: bands))
            case .float32(let s): .float32(cut(s, planes: bands))
            }
        return PixelBuffer(
            bands: bands, height: window.height, width: window.width, samples: cutSamples,
            validity: validity.map { cut($0, planes: 1) }, grid: grid?.grid(of: window))
    }
}

// How images of a benchmark become the input of a network.

/// How images become the input of a network.
public struct InputRule: Sendable, Hashable, Codable {
    /// The interpolation kernel.
    public enum Kernel: String, Sendable, Codable, CaseIterable {
        /// Nearest neighbour.
        case nearest
        /// Bilinear.
        case bilinear
        /// Bicubic (a = -0.5 with antialiasing, as in Pillow; else -0.75).
        case bicubic
    }

    /// Pixels a side, as the network sees them.
    public var size: Int
    /// The shorter side is resized to this, and the centre of `size` pixels is cut out; `nil` resizes both sides to `size`.
    public var shortSide: Int?
    /// The kernel of the resizing.
    public var kernel: Kernel
    /// Whether the kernel grows with the reduction, so that no pixel is skipped.
    public var antialias: Bool
    /// What pixels are normalised with.
    public var normalization: Normalization

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case size
        case shortSide = "short_side"
        case kernel, antialias, normalization
    }

    /// Makes a rule.
    public init(
        size: Int, shortSide: Int? = nil, kernel: Kernel = .bicubic, antialias: Bool = true,
        normalization: Normalization = .weights
    ) {
        self.size = size
        self.shortSide = shortSide
        self.kernel = kernel
        self.antialias = antialias
        self.normalization = normalization
    }

    /// What is wrong, one sentence each; empty where nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if !(8...4096).contains(size) { wrong.append("input.size is \(size); expected 8 to 4096") }
        if let shortSide, !(size...8192).contains(shortSide) {
            wrong.append("input.short_side is \(shortSide); expected input.size, which is \(size), to 8192, or null")
        }
        if kernel == .nearest, antialias {
            wrong.append("input.antialias is true, which the nearest pixel has no use for; expected false")
        }
        return wrong
    }

    /// The size of an image after resizing, before the centre is cut out: rounded down, as torchvision does it, and never below `size`.
    ///
    /// - Returns: Height and width; `nil` where the image is so narrow that a side would pass 65,536 pixels.
    public func resized(height: Int, width: Int) -> (height: Int, width: Int)? {
        guard let shortSide else { return (size, size) }
        guard height > 0, width > 0 else { return nil }
        let (long, overflow) = max(height, width).multipliedReportingOverflow(by: shortSide)
        guard !overflow else { return nil }
        let side = max(long / min(height, width), shortSide)
        guard side <= 1 << 16 else { return nil }
        return height <= width ? (shortSide, side) : (side, shortSide)
    }
}

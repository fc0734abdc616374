// How a raster is opened, and how its values are wanted.

/// How a raster is opened.
public struct RasterOpenOptions: Sendable, Hashable {
    /// Short names of the GDAL drivers that may open it, such as `GTiff`; `nil` allows all.
    ///
    /// Untrusted files are opened with one driver, since some formats name other files to read.
    public var allowedDrivers: [String]?
    /// Whether GDAL may look for files next to it (`.aux.xml`, `.msk`, `.ovr`, world files).
    public var siblings: Bool
    /// GDAL's open options, `NAME=VALUE`.
    public var openOptions: [String]
    /// Whether a raster without CRS is refused.
    public var requireCRS: Bool
    /// Whether it is a picture: a palette's indices are read as red, green, blue, and a picture with 0 for white is turned round.
    ///
    /// False reads the numbers as they are, as heights and class maps want.
    public var expandPalette: Bool
    /// Physical values that count; pixels with any other are absent before anything is resampled.
    ///
    /// `nil` takes all.
    public var validValues: ClosedRange<Double>?

    /// Makes options; the default opens anything that GDAL can.
    public init(
        allowedDrivers: [String]? = nil, siblings: Bool = true, openOptions: [String] = [],
        requireCRS: Bool = false, expandPalette: Bool = true, validValues: ClosedRange<Double>? = nil
    ) {
        self.allowedDrivers = allowedDrivers
        self.siblings = siblings
        self.openOptions = openOptions
        self.requireCRS = requireCRS
        self.expandPalette = expandPalette
        self.validValues = validValues
    }
}

/// Which values a read returns.
public enum ValueKind: Sendable, Hashable {
    /// As stored.
    case raw
    /// With each band's scale and offset applied, as `float32`.
    case physical
}

/// How values between pixels are found.
public enum Resampling: String, Sendable, Codable, CaseIterable {
    /// The pixel that holds the point.
    case nearest
    /// Linear between pixel centres; widened to the target's pixels where those are larger.
    case bilinear
    /// Cubic convolution (Keys, a = -0.5); widened to the target's pixels where those are larger.
    case cubic
    /// Mean over the target pixel's area, by shared area.
    case average
    /// The value with the largest share of the target pixel's area; of equal ones the lowest.
    case mode
}

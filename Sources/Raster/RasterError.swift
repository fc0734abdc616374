// The error of this module.
public import Telemetry

/// Something about rasters, coordinate reference systems or areas of interest that could not be done.
public struct RasterError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable, CaseIterable {
        /// The file is not there.
        case notFound
        /// The file is there, but GDAL does not read it as a raster.
        case notRaster
        /// The file is a raster of a kind that is not handled, such as complex values.
        case unsupported
        /// A grid or window is impossible, or too large to hold.
        case badGrid
        /// The raster does not say where on Earth it lies.
        case noCRS
        /// A CRS that PROJ does not know, or that has no way to another one.
        case badCRS
        /// Pixels could not be read.
        case readFailed
        /// Pixels could not be written.
        case writeFailed
        /// The output is there already.
        case exists
        /// No space is left where the output goes.
        case diskFull
        /// An area of interest that is no area.
        case badAOI
        /// A value range that does not suit the pixels.
        case badRange
        /// A raster without a valid pixel where one is needed.
        case noPixels
        /// The caller asked to stop.
        case cancelled
        /// libgdal is missing or too old.
        case gdalMissing
    }
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file concerned; empty where there is none.
    public let place: String
    /// GDAL's messages or other causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Whether somebody asked for the work to stop.
    public var isCancellation: Bool { code == .cancelled }

    /// Makes an error.
    public init(
        _ code: Code, _ what: String, in place: String = "", why causes: [String] = [],
        try remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

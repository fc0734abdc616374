// The error of this module.
public import Files
public import Telemetry

/// Something about rasters, coordinate reference systems or areas of interest that could not be done.
public typealias RasterError = ModuleError<RasterFailure>

/// Kinds of failure.
public enum RasterFailure: String, FileFailure, CaseIterable {
    /// The file is not there.
    case notFound
    /// The file is there, but GDAL does not read it as a raster.
    case notRaster
    /// The file is a raster of a kind that is not handled, such as complex values.
    case unsupported
    /// A grid or window is impossible, or too large to hold.
    case badGrid
    /// The raster does not say where on Earth it is.
    case noCRS
    /// A CRS that PROJ does not know, or that has no way to another one.
    case badCRS
    /// Pixels could not be read.
    case readFailed
    /// Pixels could not be written.
    case writeFailed
    /// The output exists already.
    case exists
    /// No space is left where the output goes.
    case diskFull
    /// An area of interest that is not an area.
    case badAOI
    /// Labels that are not classes, or that do not say which class they are.
    case badLabels
    /// A value range that does not suit the pixels.
    case badRange
    /// A raster without a valid pixel where one is needed.
    case noPixels
    /// The caller asked to stop.
    case cancelled
    /// libgdal is missing or too old.
    case gdalMissing
}

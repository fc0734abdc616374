// The error of this module.
internal import Raster
public import Telemetry

/// A map that could not be scored.
public typealias ScoringError = ModuleError<ScoringFailure>

/// Kinds of failure.
public enum ScoringFailure: String, ErrorCode {
    /// A number asked for is out of range.
    case badRange
    /// A raster could not be read.
    case readFailed
    /// A raster has no CRS.
    case noCRS
    /// A raster does not hold one band of heights in metres.
    case badUnit
    /// Map, truth and AOI have no valid pixel in common.
    case noOverlap
    /// The AOI cannot be used.
    case badAOI
    /// A map or a truth does not have the classes of the legend.
    case badLegend
    /// Samples are not points with a class.
    case badSamples
    /// A file could not be written.
    case writeFailed
    /// The progress handler asked to stop.
    case cancelled
}

extension ScoringError {
    /// The same of a read that was given up because the user asked to stop.
    init(stopped error: RasterError) {
        self.init(.cancelled, error.what, in: error.place, why: error.causes, try: error.remedy)
    }
}

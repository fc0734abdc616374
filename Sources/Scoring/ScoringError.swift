// The error of this module.
internal import Raster
public import Telemetry

/// A map that could not be scored.
public struct ScoringError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
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
        /// The progress handler asked to stop.
        case cancelled
    }
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file or option.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Whether somebody asked for the work to stop.
    public var isCancellation: Bool { code == .cancelled }

    /// Makes an error.
    public init(_ code: Code, _ what: String, in place: String, why causes: [String] = [], try remedy: String? = nil) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }

    /// The same of a read that was given up because somebody asked to stop.
    init(stopped error: RasterError) {
        self.init(.cancelled, error.what, in: error.place, why: error.causes, try: error.remedy)
    }
}

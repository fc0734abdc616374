// The error of this module.
public import Telemetry

/// A map or a training pair that could not be made.
public struct MappingError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// The request contradicts itself or the model.
        case badRequest
        /// The area of interest is empty or does not meet the scenes.
        case badArea
        /// A scene has no coordinate reference system.
        case noCRS
        /// The scenes are too coarse for the model.
        case tooCoarse
        /// The scene's values cannot be brought to 8 bits by the model's rule.
        case badValues
        /// The model wants bands that the scene does not have.
        case missingBands
        /// The area does not fit one grid.
        case needsSplit
        /// The output is there already.
        case exists
        /// The output would be larger than GDAL or the disk can take.
        case tooLarge
        /// The disk has too little room.
        case diskFull
        /// The predictor answered something that is no map.
        case badPrediction
        /// A file beside the map could not be written.
        case writeFailed
        /// The user asked to stop.
        case cancelled
        /// A list of training pairs, or a pair, cannot be used.
        case badPairs
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
    public init(
        _ code: Code, _ what: String, in place: String = "", why causes: [String] = [], try remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

// The error of this module.
public import Files
public import Telemetry

/// A map or a training pair that could not be made.
public typealias MappingError = ModuleError<MappingFailure>

/// Kinds of failure.
public enum MappingFailure: String, FileFailure {
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
    /// The output exists already.
    case exists
    /// The output would be larger than GDAL or the disk can take.
    case tooLarge
    /// The disk has too little room.
    case diskFull
    /// The predictor answered something that is not a map.
    case badPrediction
    /// A file next to the map could not be written.
    case writeFailed
    /// The user asked to stop.
    case cancelled
    /// A list of training pairs, or a pair, cannot be used.
    case badPairs

    /// Files next to a map are only written.
    public static var readFailed: Self { writeFailed }
}

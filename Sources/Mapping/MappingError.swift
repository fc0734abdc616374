// The error of this module.
public import Files
public import Telemetry

/// A map that could not be made.
public typealias MappingError = ModuleError<MappingFailure>

/// Kinds of failure.
public enum MappingFailure: String, FileFailure {
    /// The request contradicts itself or the model.
    case badRequest
    /// The area of interest is empty or does not meet the scenes.
    case badArea
    /// No scene has a pixel to show.
    case badValues
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
    /// Another process makes the same map.
    case locked
    /// The rows that are kept belong to another map.
    case changed
    /// The user asked to stop.
    case cancelled

    /// Files next to a map are only written.
    public static var readFailed: Self { writeFailed }
}

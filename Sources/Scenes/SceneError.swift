// The error of this module.
public import Files
public import Telemetry

/// A scene, or a pair of rasters, that cannot be used.
public typealias SceneError = ModuleError<SceneFailure>

/// Kinds of failure.
public enum SceneFailure: String, FileFailure {
    /// A scene has no coordinate reference system, or no place in the one that is needed.
    case noCRS
    /// What was said about bands cannot be followed.
    case badBands
    /// The bands wanted are not among the scene's.
    case missingBands
    /// Scenes that are read as one do not mean the same by their bands; a person can say what they are.
    case unclearBands
    /// Scenes that are read as one do not mean the same by their numbers.
    case unequalScales
    /// The scene's values cannot be brought to 8 bits by the rule.
    case badValues
    /// The scene's values are taken as they are, and are not of the type wanted.
    case notBytes
    /// The scene has too little detail.
    case tooCoarse
    /// A list of training pairs, or a pair, cannot be used.
    case badPairs
    /// A file cannot be read.
    case readFailed

    /// Scenes are only read.
    public static var writeFailed: Self { readFailed }
}

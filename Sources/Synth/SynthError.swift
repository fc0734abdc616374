// The error of this module.
public import Files
public import Telemetry

/// Landscapes that could not be made.
public typealias SynthError = ModuleError<SynthFailure>

/// Kinds of failure.
public enum SynthFailure: String, FileFailure {
    /// An option is out of range.
    case badOption
    /// The output exists and may not be replaced.
    case exists
    /// A file or folder could not be written.
    case writeFailed
    /// The progress handler asked to stop.
    case cancelled

    /// Scenes are only written.
    public static var readFailed: Self { writeFailed }
}

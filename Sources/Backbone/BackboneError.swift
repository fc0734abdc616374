// The error of this module.
public import Files
public import Telemetry

/// A configuration that contradicts itself, or a weights file that cannot be used.
public typealias BackboneError = ModuleError<BackboneFailure>

/// Kinds of failure.
public enum BackboneFailure: String, FileFailure {
    /// A configuration whose values do not fit together.
    case badConfiguration
    /// No such file.
    case notFound
    /// A file that holds no backbone, or another one than it says.
    case badWeights
    /// A file that could not be read.
    case readFailed
    /// A file that could not be written.
    case writeFailed
    /// Something is in the way that may not be overwritten.
    case exists
    /// The work was asked to stop.
    case cancelled
}

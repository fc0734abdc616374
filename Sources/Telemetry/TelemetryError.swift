// The error of this module.

/// A metrics log that could not be written or read.
public typealias TelemetryError = ModuleError<TelemetryFailure>

/// Kinds of failure.
public enum TelemetryFailure: String, ErrorCode {
    /// The log could not be written.
    case writeFailed
    /// The log could not be read.
    case readFailed
}

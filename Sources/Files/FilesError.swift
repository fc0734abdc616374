// The error of this module.
public import Telemetry

/// A file that could not be read or written.
public typealias FilesError = ModuleError<FilesFailure>

/// Kinds of failure.
public enum FilesFailure: String, FileFailure {
    /// A file could not be read.
    case readFailed
    /// A file could not be written.
    case writeFailed
    /// The file does not exist.
    case notFound
    /// The disk is full.
    case diskFull
    /// Another process holds the lock.
    case locked
}

// The error of this module.
public import Files
public import Telemetry

/// A benchmark that could not be read or scored.
public typealias BenchmarksError = ModuleError<BenchmarksFailure>

/// Kinds of failure.
public enum BenchmarksFailure: String, FileFailure {
    /// A folder or a file does not have the form of the benchmark.
    case badForm
    /// A class, a label or a split is missing, named twice or unknown.
    case badLabels
    /// Too few samples for what was asked.
    case tooFew
    /// A table of results is not one, or has other columns.
    case badTable
    /// A file does not exist.
    case notFound
    /// A file cannot be read.
    case readFailed
    /// A file cannot be written.
    case writeFailed
    /// The disk is full.
    case diskFull
    /// Another process holds the table.
    case locked
    /// The caller asked to stop.
    case cancelled
}

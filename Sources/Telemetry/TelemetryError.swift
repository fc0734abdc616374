// The error of this module.

/// A metrics log that could not be written or read.
public struct TelemetryError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// The log could not be written.
        case writeFailed
        /// The log could not be read.
        case readFailed
    }
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Makes an error.
    public init(_ code: Code, _ what: String, in place: String, why causes: [String] = [], try remedy: String? = nil) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

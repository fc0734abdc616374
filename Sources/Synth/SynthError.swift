// The error of this module.
public import Telemetry

/// Landscapes that could not be made.
public struct SynthError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// An option is out of range.
        case badOption
        /// The output exists and may not be replaced.
        case exists
        /// A file or folder could not be written.
        case writeFailed
        /// The progress handler asked to stop.
        case cancelled
    }
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The folder, file or option.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Whether somebody asked for the work to stop.
    public var isCancellation: Bool { code == .cancelled }

    /// Makes an error.
    public init(_ code: Code, _ what: String, in place: String, why causes: [String] = [], try remedy: String? = nil) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

// The error of this module.
public import Telemetry

/// A configuration that contradicts itself, or a weights file that cannot be used.
public struct BackboneError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
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
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file or key concerned; empty where there is none.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Makes an error.
    public init(
        _ code: Code, _ what: String, in place: String = "", why causes: [String] = [], try remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }

    /// Whether the work was asked to stop.
    public var isCancellation: Bool { code == .cancelled }
}

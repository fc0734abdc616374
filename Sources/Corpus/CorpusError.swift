// The error of this module.
public import Telemetry

/// A corpus that could not be written, read or trusted.
public struct CorpusError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// The folder is no corpus.
        case notCorpus
        /// Something lies where the output should go.
        case exists
        /// Somebody else is writing.
        case locked
        /// The tile profile makes no sense.
        case badProfile
        /// A scene cannot be cut with this profile.
        case badScene
        /// No tile came out.
        case nothingCut
        /// Scenes, profile or AOI are not those the corpus was begun with.
        case inputsChanged
        /// Bytes are not what their records say.
        case damaged
        /// A member of a shard cannot be decoded.
        case badMember
        /// A file cannot be read.
        case readFailed
        /// A file cannot be written.
        case writeFailed
        /// The disk is full.
        case diskFull
        /// There is no such subset.
        case noSubset
        /// The caller asked to stop.
        case cancelled
    }

    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file, folder or scene.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Whether somebody asked for the work to stop.
    public var isCancellation: Bool { code == .cancelled }

    /// Makes an error.
    public init(
        _ code: Code, _ what: String, in place: String, why causes: [String] = [], try remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

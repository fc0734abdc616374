// The error of this module.
public import Telemetry

/// A recipe, a source of pairs, a fit or a model that could not be used.
public struct DownstreamError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// A recipe that contradicts itself or does not fit the backbone.
        case badRecipe
        /// Pairs that cannot be trained on.
        case badPairs
        /// A fit's folder that cannot be gone on with.
        case badRun
        /// The recipe, the weights or the pairs are not those the fit was started with.
        case changed
        /// A checkpoint that is damaged or does not fit.
        case badCheckpoint
        /// A model folder that is damaged or does not fit.
        case badModel
        /// No such model or run.
        case notFound
        /// Something is in the way that may not be overwritten.
        case exists
        /// A file that could not be read.
        case readFailed
        /// A file that could not be written.
        case writeFailed
        /// The loss is not a finite number.
        case notFinite
        /// Pixels that do not fit the model.
        case badPixels
        /// The work was asked to stop.
        case cancelled
    }
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file, folder or key concerned; empty where there is none.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Whether somebody asked for the work to stop.
    public var isCancellation: Bool { code == .cancelled }

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
}

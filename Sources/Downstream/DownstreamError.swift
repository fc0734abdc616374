// The error of this module.
public import Files
public import Telemetry

/// Operations on the files of a model.
typealias Disk = Files.Disk<DownstreamFailure>

/// A recipe, a source of pairs, a fit or a model that could not be used.
public typealias DownstreamError = ModuleError<DownstreamFailure>

/// Kinds of failure.
public enum DownstreamFailure: String, FileFailure {
    /// A recipe that contradicts itself or does not fit the backbone.
    case badRecipe
    /// Pairs that cannot be trained on.
    case badPairs
    /// A fit's folder that cannot be resumed.
    case badRun
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
    /// A head that says the same of all ground.
    case collapsed
    /// Pixels that do not fit the model.
    case badPixels
    /// The work was asked to stop.
    case cancelled

    /// Another process writes the same fit.
    case locked
}

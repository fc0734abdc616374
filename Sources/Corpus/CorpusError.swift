// The error of this module.
public import Files
public import Telemetry

/// A corpus that could not be written, read or trusted.
public typealias CorpusError = ModuleError<CorpusFailure>

/// Kinds of failure.
public enum CorpusFailure: String, FileFailure {
    /// The folder is not a corpus.
    case notCorpus
    /// Something exists where the output should go.
    case exists
    /// Somebody else is writing.
    case locked
    /// The tile profile makes no sense.
    case badProfile
    /// A scene cannot be cut with this profile.
    case badScene
    /// No tile came out.
    case nothingCut
    /// Scenes, profile or AOI are not those the corpus was started with.
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
    /// The subset does not exist.
    case noSubset
    /// The caller asked to stop.
    case cancelled

    /// What to do about a full disk.
    public static var fullDiskRemedy: String {
        "free some space, then \(UserAction.resumeSameCommand); finished shards remain valid"
    }
}

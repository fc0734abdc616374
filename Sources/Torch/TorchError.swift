// The error of this module.
public import Telemetry

/// A tensor operation, a library or a file that failed.
public struct TorchError: ExplainedError {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// libctorch.so or libtorch was not found or could not be loaded.
        case libraryMissing
        /// libctorch.so was built for another version of this program.
        case libraryMismatch
        /// An operation failed: wrong shapes, types or values.
        case operation
        /// There was not enough memory on the device.
        case outOfMemory
        /// A file or a name in it does not exist.
        case notFound
        /// A file is not what it claims to be.
        case badFile
        /// A file could not be read.
        case readFailed
        /// A file could not be written.
        case writeFailed
        /// Names, shapes or types do not fit what they are loaded into.
        case mismatch
    }
    /// The kind of failure.
    public let code: Code
    /// What could not be done.
    public let what: String
    /// The file, or the place in the program's source.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What to do.
    public let remedy: String?

    /// Makes an error.
    public init(
        _ code: Code, _ what: String, in place: String = "", why causes: [String] = [],
        try remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

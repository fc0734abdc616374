// The error of this module.
public import Files
public import Telemetry

/// A tensor operation, a library or a file that failed.
public typealias TorchError = ModuleError<TorchFailure>

/// Kinds of failure.
public enum TorchFailure: String, FileFailure {
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

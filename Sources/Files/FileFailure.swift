// How failures of files become errors of the module that asked: one code for all, each with its own kinds.
public import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// The kinds of failure that files can have; every module that reads or writes has its own.
///
/// Types of this module are generic over the kind, so that their errors are those of the module that uses them.
public protocol FileFailure: ErrorCode {
    /// A file could not be read.
    static var readFailed: Self { get }
    /// A file could not be written.
    static var writeFailed: Self { get }
    /// What to do about a full disk.
    static var fullDiskRemedy: String { get }
}

extension FileFailure {
    /// Enough for most.
    public static var fullDiskRemedy: String { "free space on the disk" }

    /// A missing file: `notFound` where the module has such a kind.
    static var missing: Self { Self(rawValue: "notFound") ?? readFailed }
    /// No space is left: `diskFull` where the module has such a kind.
    static var full: Self { Self(rawValue: "diskFull") ?? writeFailed }
    /// Another process holds the lock: `locked` where the module has such a kind.
    static var held: Self { Self(rawValue: "locked") ?? writeFailed }
}

extension ModuleError where Kind: FileFailure {
    /// A failed write; a full disk is its own kind, since it has its own remedy.
    ///
    /// - Parameter number: The system's error number.
    package static func writing(_ what: String, _ path: String, _ number: Int32) -> Self {
        let isFull = number == ENOSPC || number == EDQUOT || number == EFBIG
        return Self(
            isFull ? .full : .writeFailed, what, in: path, why: [systemMessage(number)],
            try: isFull ? Kind.fullDiskRemedy : nil)
    }

    /// A failed read.
    package static func reading(_ what: String, _ path: String, _ number: Int32) -> Self {
        Self(number == ENOENT ? .missing : .readFailed, what, in: path, why: [systemMessage(number)])
    }
}

/// The system's words for one of its error numbers.
package func systemMessage(_ number: Int32) -> String { String(cString: strerror(number)) }

// What tells whether a file is still the one that was read: its size and its date.

#if canImport(Glibc)
    internal import Glibc
#endif

/// Size and date of a file, of the one that a link leads to.
struct FileStamp {
    /// Both as text.
    let text: String

    /// Looks at a file; `nil` where there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        text = "\(status.st_size);\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }
}

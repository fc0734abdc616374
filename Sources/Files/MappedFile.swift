// A file as memory.
package import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// A whole file, memory-mapped; its pages are read when they are touched, and unmapped when the object is released.
///
/// The map is private: what is written to it changes neither the file nor what others see. Threads may share it as long as none
/// writes. The file must not be truncated meanwhile.
package final class MappedFile<Kind: FileFailure>: @unchecked Sendable {
    /// Where it is.
    package let path: String
    /// Its bytes.
    ///
    /// The caller keeps the object alive while it uses them.
    package let bytes: UnsafeRawBufferPointer
    /// Open only if the map is writable, to read ranges without touching its pages; otherwise -1, so that thousands of files can be
    /// mapped.
    private let descriptor: Int32

    /// Maps a plain file.
    ///
    /// - Parameter isWritable: Whether memory over the map may be changed.
    package init(path: String, isWritable: Bool = false) throws(ModuleError<Kind>) {
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw .reading("cannot open the file", path, errno) }
        var isOpen = false
        defer { if !isOpen { close(opened) } }
        var status = stat()
        guard fstat(opened, &status) == 0 else { throw .reading("cannot read the size of the file", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModuleError(.readFailed, "not a regular file", in: path)
        }
        let count = Int(status.st_size)
        var start: UnsafeRawPointer?
        if count > 0 {
            let (protection, flags) =
                isWritable ? (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE) : (PROT_READ, MAP_PRIVATE)
            guard let base = mmap(nil, count, protection, flags, opened, 0), base != MAP_FAILED else {
                throw .reading("cannot map the file into memory", path, errno)
            }
            start = UnsafeRawPointer(base)
        }
        isOpen = isWritable
        descriptor = isWritable ? opened : -1
        self.path = path
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// The bytes of a range.
    package func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Reads a range past the map, so that none of its pages is touched.
    package func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws(ModuleError<Kind>) {
        precondition(descriptor >= 0, "ranges are read past a writable map only")
        var done = 0
        while done < range.count {
            let count = pread(
                descriptor, target.baseAddress.map { $0 + done }, range.count - done, off_t(range.lowerBound + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw ModuleError(
                    .readFailed, "cannot read the file", in: path, why: [systemMessage(count < 0 ? errno : EIO)],
                    try: "run the command again; the file may have been truncated since it was opened")
            }
            done += count
        }
    }

    /// Asks the system to read a range ahead; it may refuse, and then reading is slower.
    package func willNeed(_ range: Range<Int>) {
        guard descriptor >= 0 else { return }
        _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
    }
}

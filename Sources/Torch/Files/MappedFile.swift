// A file as memory.
import Glibc

/// A whole file, mapped; its pages are read when they are touched, and unmapped when nobody holds the object.
final class MappedFile: @unchecked Sendable {  // a map that never changes
    let path: String
    let bytes: UnsafeRawBufferPointer

    /// Maps a plain file that is not empty.
    init(path: String) throws(TorchError) {
        func failure(_ what: String) -> TorchError {
            let number = errno
            return TorchError(
                number == ENOENT ? .notFound : .readFailed, what, in: path, why: [systemMessage(number)])
        }
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("cannot open the file of tensors") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot read the size of the file of tensors") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TorchError(.badFile, "a file of tensors must be a plain file", in: path)
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            throw TorchError(
                .badFile, "cannot read the file of tensors", in: path, why: ["it is empty"],
                try: "fetch or write it again")
        }
        // Private and writable: a tensor over the map may be changed, and the file stays as it is.
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0),
            base != MAP_FAILED
        else { throw failure("cannot map the file of tensors into memory") }
        self.path = path
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

    /// The bytes of a range.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

    /// Gives back the memory of the whole pages inside a range; they are read again when they are touched.
    func release(_ range: Range<Int>) { advise(range, MADV_DONTNEED, outwards: false) }

    /// Asks the system to read a range ahead.
    func willNeed(_ range: Range<Int>) { advise(range, MADV_WILLNEED, outwards: true) }

    private func advise(_ range: Range<Int>, _ advice: Int32, outwards: Bool) {
        let page = Int(getpagesize())
        let start = outwards ? range.lowerBound / page * page : (range.lowerBound + page - 1) / page * page
        let end = outwards ? range.upperBound : range.upperBound / page * page
        guard start < end, let base = bytes.baseAddress else { return }
        // Advice may be refused; then memory stays in use or the reading is slower, and nothing else happens.
        _ = madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, advice)
    }
}

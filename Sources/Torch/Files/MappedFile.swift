// A file as memory.
import Glibc

/// A whole file, mapped; its pages are read when they are touched, and unmapped when nobody holds the object.
final class MappedFile: @unchecked Sendable {  // a map that never changes
    let path: String
    let bytes: UnsafeRawBufferPointer
    private let file: Int32

    /// Maps a plain file that is not empty.
    init(path: String) throws(TorchError) {
        func failure(_ what: String) -> TorchError {
            let number = errno
            return TorchError(
                number == ENOENT ? .notFound : .readFailed, what, in: path, why: [systemMessage(number)])
        }
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("cannot open the file of tensors") }
        var isOpen = false
        defer { if !isOpen { close(file) } }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot read the size of the file of tensors") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TorchError(.badFile, "a file of tensors must be a plain file", in: path)
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            throw TorchError(
                .badFile, "the file is empty", in: path, try: "download or write it again")
        }
        // Private and writable: a tensor over the map may be changed, and the file stays as it is.
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0),
            base != MAP_FAILED
        else { throw failure("cannot map the file of tensors into memory") }
        isOpen = true
        self.file = file
        self.path = path
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        close(file)
    }

    /// Checks that the file is not obviously something else than weights.
    ///
    /// - Throws: `TorchError` (`badFile`) that says what it is.
    func checkNature() throws(TorchError) {
        if let nature = FileNature(bytes, path: path) { throw nature.error(in: path) }
    }

    /// The bytes of a range.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

    /// A tensor with memory of its own, read from a range of the file; no page of the map is touched.
    func tensor(_ range: Range<Int>, shape: [Int], dtype: DType) throws(TorchError) -> Tensor {
        let tensor = Tensor.empty(shape, dtype: dtype)
        guard tensor.isDefined else { return tensor }
        let number: Int32 = tensor.withMutableBytes { target in
            var done = 0
            while done < range.count {
                let count = pread(
                    file, target.baseAddress.map { $0 + done }, range.count - done, off_t(range.lowerBound + done))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return count < 0 ? errno : EIO }
                done += count
            }
            return 0
        }
        guard number == 0 else {
            throw TorchError(
                .readFailed, "cannot read the file of tensors", in: path, why: [systemMessage(number)],
                try: "the file may have been cut since it was opened")
        }
        return tensor
    }

    /// Asks the system to read a range ahead; it may refuse, and then reading is slower.
    func willNeed(_ range: Range<Int>) {
        _ = posix_fadvise(file, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
    }
}

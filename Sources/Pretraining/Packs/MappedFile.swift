// A file's bytes, mapped and never copied.
import Glibc

/// A file mapped for reading; the mapping ends with the object.
///
/// Safe to share between threads, since nobody can write through it.
package final class MappedFile: @unchecked Sendable {
    /// The bytes; whoever uses them keeps the object alive meanwhile.
    package let bytes: UnsafeRawBufferPointer

    package init(path: String) throws {
        func failure(_ doing: String) -> PretrainingError {
            PretrainingError(
                .readFailed, "cannot \(doing)", in: path, why: [String(cString: strerror(errno))])
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open the file") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("ask for the file's size") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw PretrainingError(.readFailed, "expected a file, found something else", in: path)
        }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let count = Int(status.st_size)
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED
        else {
            throw failure("map the file")
        }
        bytes = UnsafeRawBufferPointer(start: address, count: count)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }
}

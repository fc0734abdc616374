// Whether a file that is about to be written is one that is being read.
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#endif

/// The file among `inputs` that a path leads to, by whatever name or link; `nil` where it leads to none of them.
///
/// Writing there would destroy an input, so it is refused even if the user allows overwriting.
///
/// - Parameters:
///   - path: The file to be written.
///   - inputs: Files, and folders with all that is in them, also through links; what is not a file of this machine is passed over.
public func inputFile(at path: String, among inputs: [String]) -> String? {
    guard let wanted = FileIdentity(path) else { return nil }
    // Links may lead back to a folder that was seen.
    var seen: Set<FileIdentity> = []
    var waiting = Array(inputs.reversed())
    while let next = waiting.popLast() {
        guard let file = FileIdentity(next) else { continue }
        if file == wanted { return next }
        guard file.isFolder, seen.insert(file).inserted else { continue }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: next)) ?? []
        // A path that ends in a slash leads to the folder behind a link too.
        waiting += names.sorted(by: >).map { next.hasSuffix("/") ? next + $0 : "\(next)/\($0)" }
    }
    return nil
}

/// A file whatever its name: its device and its number there.
private struct FileIdentity: Hashable {
    let device: UInt64
    let number: UInt64
    let isFolder: Bool

    /// `nil` where there is no file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        isFolder = status.st_mode & S_IFMT == S_IFDIR
    }
}

// Questions about paths that cannot fail.
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#endif

/// Whether there is something at a path.
package func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Whether there is a folder at a path.
package func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Whether there is a plain file at a path: no folder, pipe or device.
package func isPlainFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}

/// The path of a file in a folder.
package func joined(_ folder: String, _ name: String) -> String { folder + (folder.hasSuffix("/") ? "" : "/") + name }

/// Bytes of a file; `nil` where there is none.
package func fileSize(_ path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
}

/// Names in a folder, sorted, hidden ones too; none where it cannot be listed.
package func fileNames(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
}

/// Removes a file, or a folder with all that is in it, if that is possible.
package func removeIfPresent(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

/// Free bytes for this user where a path is; `nil` when the system does not say.
package func freeBytes(at path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
        by: Int(clamping: status.f_frsize))
    return overflow ? Int.max : bytes
}

/// A folder's path as names are made from it: `OUT/` and `OUT` are one folder, but `OUT/.partial` is in it.
package func withoutTrailingSlashes(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.last == "/" { trimmed = trimmed.dropLast() }
    return String(trimmed)
}

/// The folder that holds a path.
///
/// Not by Foundation, whose `deletingLastPathComponent` traps on a path of one letter (Swift 6.3 on Linux).
package func parentFolder(_ path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}

// Removes temporary files of processes that were killed.

#if canImport(Glibc)
    internal import Glibc
#endif

/// Removes the temporary files of processes that no longer run, next to the files that they were to become.
///
/// These are `.NAME.partial-PROCESS...` and `NAME.partial-PROCESS`. Those of a running process stay, and those that were modified within
/// the last ten minutes: a process of another machine may write them to a shared disk, and has no number here.
///
/// - Parameter paths: The finished files, whether they exist or not.
package func removeLeftovers(of paths: [String]) {
    var names: [String: Set<String>] = [:]
    for path in paths {
        guard let name = path.split(separator: "/").last else { continue }
        names[parentFolder(path), default: []].insert(String(name))
    }
    for (folder, names) in names {
        for file in fileNames(in: folder) {
            guard let mark = file.ranges(of: ".partial-").last, let process = owner(file[mark.upperBound...]) else {
                continue
            }
            let name = file[..<mark.lowerBound]
            guard names.contains(String(name)) || name.first == "." && names.contains(String(name.dropFirst())) else {
                continue
            }
            let isGone = kill(process, 0) != 0 && errno == ESRCH
            if isGone, isOld("\(folder)/\(file)") { unlink("\(folder)/\(file)") }
        }
    }
}

/// Whether a file was not modified for ten minutes.
private func isOld(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && time(nil) - status.st_mtim.tv_sec >= 600
}

/// The process that the rest of a temporary name begins with; `nil` where it is none.
private func owner(_ rest: Substring) -> Int32? {
    let digits = rest.prefix { ("0"..."9").contains($0) }
    let ending = rest[digits.endIndex...]
    guard ending.isEmpty || ending.first == "." || ending.first == "-", let process = Int32(digits), process > 0 else {
        return nil
    }
    return process
}

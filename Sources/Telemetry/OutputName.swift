// Which names of outputs a file system accepts, checked before the work begins.
internal import FoundationEssentials

/// What is wrong with the name of an output.
public struct OutputNameProblem: Sendable, Equatable {
    /// The sentence.
    public let what: String
    /// What to do.
    public let remedy: String
}

/// The most bytes of a name: file systems allow 255, and the temporary name used while writing (`.NAME.partial-1234567`) is longer.
public let longestOutputName = 230

/// What is wrong with the last component of an output's path; `nil` where nothing is.
public func outputNameProblem(_ path: String) -> OutputNameProblem? {
    if path.contains("://") || path.hasPrefix("/vsi") {
        return OutputNameProblem(
            what: "the output is an address, and outputs are written to this machine",
            remedy: "\(UserAction.value("a path", for: .output)); copy the result to its place afterwards")
    }
    let name = path.split(separator: "/").last ?? ""
    guard name.utf8.count > longestOutputName else { return nil }
    return OutputNameProblem(
        what:
            "the output's name has \(name.utf8.count) bytes; the limit is \(longestOutputName), because a longer temporary name is used while writing",
        remedy: "give \(UserAction.value("a shorter name", for: .output))")
}

/// What helps where a file cannot be written into a folder: a command that makes it, unless something of that name is there.
public func folderRemedy(_ folder: String) -> String {
    var isFolder = false
    var above = folder
    while !FileManager.default.fileExists(atPath: above, isDirectory: &isFolder) {
        let parent = URL(fileURLWithPath: above).deletingLastPathComponent().path
        guard parent != above else { break }
        above = parent
    }
    if !isFolder { return "give \(UserAction.value("another folder", for: .output)): '\(above)' is a file" }
    return above == folder
        ? "give \(UserAction.value("another folder", for: .output)), one that is writable"
        : "create the folder first: mkdir -p \(shellQuoted(folder))"
}

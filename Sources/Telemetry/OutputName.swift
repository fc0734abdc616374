// What a file system takes as the name of an output, asked before the work begins.

/// What is wrong with the name of an output.
public struct OutputNameProblem: Sendable, Equatable {
    /// The sentence.
    public let what: String
    /// What to do.
    public let remedy: String
}

/// The most bytes of a name: file systems take 255, and a file that is being written has some more (`.NAME.partial-1234567`).
public let longestOutputName = 230

/// What is wrong with the last component of an output's path; `nil` where nothing is.
public func outputNameProblem(_ path: String) -> OutputNameProblem? {
    let name = path.split(separator: "/").last ?? ""
    guard name.utf8.count > longestOutputName else { return nil }
    return OutputNameProblem(
        what:
            "the output's name has \(name.utf8.count) bytes; at most \(longestOutputName) leave room for the name that it has while it is written",
        remedy: "a shorter name after -o")
}

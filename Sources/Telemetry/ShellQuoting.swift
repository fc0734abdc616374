// Names in command lines that people are told to run.

/// A word as a POSIX shell takes it literally: in single quotes, whatever it holds.
public func shellQuoted(_ word: String) -> String {
    "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
}

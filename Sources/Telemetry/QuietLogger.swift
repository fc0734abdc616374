// The logger that libraries use until a program gives them one.
public import Logging

extension Logger {
    /// A logger that drops everything: the default of every module.
    public static let quiet = Logger(label: "geodino.quiet") { _ in SwiftLogNoOpLogHandler() }
}

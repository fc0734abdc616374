// The error of the command line itself: documents, workspaces, arguments that only fail once files are seen.
import Files
import Telemetry

/// Operations on files whose errors are those of the command line.
typealias Disk = Files.Disk<CommandFailure>

typealias CommandError = ModuleError<CommandFailure>

/// Kinds of failure.
enum CommandFailure: String, FileFailure {
    case badDocument, notFound, badArgument, workspace, missingLibrary, failed

    static var readFailed: Self { failed }
    static var writeFailed: Self { failed }
}

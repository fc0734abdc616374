// The error of the command line itself: documents, workspaces, arguments that only fail once files are seen.
import Telemetry

struct CommandError: ExplainedError {
    enum Code: String, Sendable {
        case badDocument, notFound, badArgument, workspace, missingLibrary, failed
    }
    let code: Code
    let what: String
    let place: String
    let causes: [String]
    let remedy: String?

    init(_ code: Code, _ what: String, in place: String = "", why causes: [String] = [], try remedy: String? = nil) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

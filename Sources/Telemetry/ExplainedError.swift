// The one form of all our errors: what, in, why, try.

/// An error that tells a user what failed, where, why, and what to do.
public protocol ExplainedError: Error, Sendable, CustomStringConvertible {
    /// What could not be done, with the value that was wrong and the value expected.
    var what: String { get }
    /// The file, folder or option concerned; empty where there is none.
    var place: String { get }
    /// Causes, root first.
    var causes: [String] { get }
    /// What the user can do about it.
    var remedy: String? { get }
    /// Whether nothing failed: the user asked for the work to stop.
    var isCancellation: Bool { get }
}

extension ExplainedError {
    /// By default `false`: few errors are cancellations.
    public var isCancellation: Bool { false }

    /// The error as the command line prints it, without secrets.
    public var report: String { report(as: "error") }

    /// The same report for something that did not stop the work.
    public var warning: String { report(as: "warning") }

    private func report(as word: String) -> String {
        var lines = ["\(word): \(oneLine(what))"]
        if !place.isEmpty { lines.append("  in   \(oneLine(place))") }
        for (index, cause) in causes.enumerated() {
            lines.append((index == 0 ? "  why  " : "       ") + oneLine(cause))
        }
        if let remedy { lines.append("  try  \(remedy)") }
        return Redaction.text(lines.joined(separator: "\n"))
    }

    /// The same as `report`.
    public var description: String { report }
}

/// A text without line breaks and other control characters, which names of files may have; they are shown as Swift writes them.
private func oneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
    return text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? $0.escaped(asASCII: false) : String($0) }
        .joined()
}

/// The kinds of failure of one module.
///
/// A kind called `cancelled` means that the user asked for the work to stop.
public protocol ErrorCode: RawRepresentable<String>, Sendable, Hashable {}

/// An error of one module: what, in, why, try, and the kind of failure.
public struct ModuleError<Kind: ErrorCode>: ExplainedError {
    /// The kinds of failure.
    public typealias Code = Kind

    /// The kind of failure.
    public let code: Kind
    /// What could not be done, with the value that was wrong and the value expected.
    public let what: String
    /// The file, folder, option or key concerned; empty where there is none.
    public let place: String
    /// Causes, root first.
    public let causes: [String]
    /// What the user can do about it.
    public let remedy: String?

    /// Whether the user asked for the work to stop.
    public var isCancellation: Bool { code.rawValue == "cancelled" }

    /// Makes an error.
    public init(
        _ code: Kind, _ what: String, in place: String = "", why causes: [String] = [], try remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.place = place
        self.causes = causes
        self.remedy = remedy
    }
}

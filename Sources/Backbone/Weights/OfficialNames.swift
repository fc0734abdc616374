// The names of the published checkpoints, and what training code puts before them.

/// What stands before the official names in a file.
struct OfficialNames {
    /// Such as `teacher.backbone.`; empty in the published files.
    let prefix: String

    /// The prefix that a file uses; where it holds a student and a teacher, the teacher's.
    init(in names: [String]) {
        let mark = "cls_token"
        let found = names.filter { $0 == mark || $0.hasSuffix(".\(mark)") }.map { String($0.dropLast(mark.count)) }
        prefix = found.first { $0.contains("teacher") } ?? found.min { ($0.count, $0) < ($1.count, $1) } ?? ""
    }

    /// Whether a stored name belongs to the backbone; heads and other networks stand beside it.
    func isOfBackbone(_ name: String) -> Bool { name.hasPrefix(prefix) }
}

// A folder that is made under another name takes its place whole, and the one that was there goes last.
internal import FoundationEssentials
internal import Telemetry

extension Disk {
    /// Puts a finished folder in its place: one that is there is moved aside first and removed once the new one is in place.
    ///
    /// Where the new one cannot take its place, the old one returns to it.
    ///
    /// - Parameters:
    ///   - made: The finished folder, on the same file system.
    ///   - target: Its place.
    ///   - aside: Where what is there goes, a path at which nothing is; `nil` where nothing is to be replaced.
    /// - Throws: `writeFailed`; also where the new folder is in place and only the old one, in `aside`, could not be removed.
    package static func put(_ made: String, at target: String, replacing aside: String?) throws(Failure) {
        guard let aside else { return try rename(made, to: target) }
        try rename(target, to: aside)
        do { try rename(made, to: target) } catch {
            do { try rename(aside, to: target) } catch let second {
                throw Failure(
                    error.code, error.what, in: error.place,
                    why: error.causes + ["the folder that was to be replaced is now at '\(aside)'"] + second.causes,
                    try: "rename '\(aside)' to '\(target)' yourself")
            }
            throw error
        }
        do { try remove(aside) } catch {
            throw Failure(
                .writeFailed, "the new folder is in place, but the one that it replaces cannot be removed", in: aside,
                why: error.causes, try: "remove it yourself")
        }
    }

    /// Undoes a replacement that was interrupted between its two renames: the old folder returns to its place.
    ///
    /// Leaves the old folder where it is if the place is taken: then the new folder is there, and the old one is no longer needed.
    ///
    /// - Parameters:
    ///   - target: The place of both folders.
    ///   - aside: Where `put` moved the old one; the caller has checked that it is one of ours.
    /// - Throws: `writeFailed`.
    package static func putBack(_ target: String, from aside: String) throws(Failure) {
        guard fileExists(aside), !fileExists(target) else { return }
        try rename(aside, to: target)
    }
}

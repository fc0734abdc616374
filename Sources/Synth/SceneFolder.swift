// The output folder: written under another name, put in place whole; only our own folders are ever replaced.
internal import Files
import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// Operations on the files of scenes.
private typealias Disk = Files.Disk<SynthFailure>

/// A folder of scenes while it is made.
struct SceneFolder {
    /// The file that tells our folders from others.
    static let marker = ".geodino-synth"

    private let target: String
    private let partial: String
    private let aside: String

    /// Content of the marker.
    private struct Marker<Options: Encodable>: Encodable {
        var formatVersion = 1
        /// The data set whose form the folder has; `nil` for scenes with a place.
        var form: String?
        var options: Options

        enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
            case form, options
        }
    }

    /// What the marker of a folder that exists says was made there.
    private struct Made: Decodable {
        struct Options: Decodable { var scenes: Int? }
        var form: String?
        var options: Options

        /// Whether a number is one of a scene or an image that was made.
        func includes(_ number: Int) -> Bool { options.scenes.map { number < $0 } ?? (form == nil) }
    }

    init(_ folder: String, overwrite: Bool, companions: Set<String> = []) throws(SynthError) {
        var path = folder
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.isEmpty else {
            throw SynthError(
                .badOption, "the output folder has no name", in: "OUT", try: "give the name of a folder to create")
        }
        target = path
        let cut = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let parent = String(path[..<cut])
        let name = String(path[cut...])
        let process = ProcessInfo.processInfo.processIdentifier
        partial = "\(parent).\(name).partial-\(process)"
        aside = "\(parent).\(name).old-\(process)"

        let manager = FileManager.default
        var isFolder = false
        guard manager.fileExists(atPath: path, isDirectory: &isFolder) else { return }
        guard isFolder else {
            throw SynthError(.exists, "a file has the output folder's name", in: folder, try: "choose another folder")
        }
        let content = (try? manager.contentsOfDirectory(atPath: path)) ?? [path]
        if content.isEmpty { return }
        guard content.contains(Self.marker) else {
            throw SynthError(
                .exists,
                "the folder exists and was not made by \(UserAction.synthesize) (it has no \(Self.marker)); refusing to overwrite",
                in: folder, try: "choose another folder")
        }
        guard overwrite else {
            throw SynthError(
                .exists, "the output exists already", in: folder,
                try: "give \(Setting.overwrite) to replace it, or choose another folder")
        }
        guard let data = manager.contents(atPath: "\(path)/\(Self.marker)"),
            let made = try? JSONDecoder().decode(Made.self, from: data)
        else {
            throw SynthError(
                .exists, "the folder's \(Self.marker) does not say what was made there; refusing to overwrite",
                in: folder, try: "choose another folder")
        }
        if let foreign = Self.foreign(path, content.filter { !companions.contains($0) }, made) {
            throw SynthError(
                .exists, "the folder also holds '\(foreign)', which \(Setting.overwrite) would delete",
                in: folder, try: "move it elsewhere, or choose another folder")
        }
    }

    /// The name of the folder of a scene.
    static func name(ofScene number: Int) -> String {
        let digits = String(number)
        return "scene-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }

    /// The first thing in a folder that `geodino synth` did not write there; `nil` where it wrote all.
    private static func foreign(_ folder: String, _ content: [String], _ made: Made) -> String? {
        for name in content.sorted() where name != marker {
            if made.form == LoveDAImage.form {
                guard LoveDAImage.splits.contains(name) else { return name }
                if let file = LoveDAImage.foreign(in: folder, name, isMade: made.includes) { return file }
                continue
            }
            if made.form == EuroSATImage.form {
                if let file = EuroSATImage.foreign(in: folder, name, isMade: made.includes) { return file }
                continue
            }
            guard made.form == nil else { return name }
            if name == "pairs.csv" { continue }
            guard name.hasPrefix("scene-"), let number = Int(name.dropFirst(6)), number >= 0,
                name == Self.name(ofScene: number), made.includes(number)
            else { return name }
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? [""]
            // Viewers leave statistics beside a raster.
            let known = ["rgb.tif", "height.tif", "cover.tif"].flatMap { [$0, $0 + ".aux.xml"] }
            if let file = files.sorted().first(where: { !known.contains($0) }) { return "\(name)/\(file)" }
        }
        return nil
    }

    /// Where a part of the folder is written.
    func path(_ part: String) -> String { "\(partial)/\(part)" }

    /// Makes the folder under its temporary name, with its marker.
    ///
    /// - Parameters:
    ///   - options: What is made, for the marker.
    ///   - form: The data set whose form the folder gets, if any.
    func begin(_ options: some Encodable, form: String? = nil) throws(SynthError) {
        try attempt("cannot create the output folder") {
            try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: false)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try attempt("cannot write the marker") {
            try Disk.write(encoder.encode(Marker(form: form, options: options)), to: path(Self.marker))
        }
    }

    func makeFolder(_ name: String) throws(SynthError) {
        try attempt("cannot create the scene's folder") {
            try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        }
    }

    func write(_ text: String, to name: String) throws(SynthError) {
        try attempt("cannot write \(name)") { try Disk.write(text, to: path(name)) }
    }

    /// Puts the folder in its place; what was there goes aside first and is removed last.
    func publish() throws(SynthError) {
        // An empty folder is replaced by the renaming itself.
        let replaces = FileManager.default.fileExists(atPath: "\(target)/\(Self.marker)")
        try Disk.put(partial, at: target, replacing: replaces ? aside : nil)
    }

    /// Removes what was made so far.
    func abandon() {
        // The error that led here is the one to report.
        try? FileManager.default.removeItem(atPath: partial)
    }

    private func attempt(_ what: String, _ body: () throws -> Void) throws(SynthError) {
        do { try body() } catch {
            throw SynthError(
                .writeFailed, what, in: target, why: causes(of: error),
                try: "check that the parent folder exists, is writable and has free space")
        }
    }
}

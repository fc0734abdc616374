// geodino.yaml: what a folder's commands take when it is not given on the command line.
import Files
import Foundation
import Telemetry

/// The workspace file of a folder.
///
/// Paths are relative to that folder.
struct Workspace: Codable {
    /// Rasters that `tile` cuts and that `canopy` maps.
    var scenes: [String]?
    /// How to cut.
    var profile: String?
    /// The corpus folder.
    var corpus: String?
    /// How to pretrain.
    var recipe: String?
    /// Path and stem of run folders: `runs/demo` makes `runs/demo-001` and up.
    var run: String?
    /// The model that `canopy` uses.
    var model: String?
    /// `cpu` or `cuda:N`.
    var device: String?

    static let fileName = "geodino.yaml"

    /// The workspace of the current folder; `nil` where there is none.
    static func here() throws -> Workspace? {
        FileManager.default.fileExists(atPath: fileName) ? try read(fileName) : nil
    }

    /// Reads a workspace file.
    static func read(_ path: String) throws -> Workspace { try StrictYAML.decode(Workspace.self, path: path).value }

    /// The document that `synth` and `demo` write.
    var text: String {
        var lines = ["# What geodino's commands take in this folder when it is not given. Paths are relative to it."]
        if let scenes { lines += ["scenes:"] + scenes.map { "  - \($0)" } }
        for (key, value) in [
            ("profile", profile), ("corpus", corpus), ("recipe", recipe), ("run", run), ("model", model),
            ("device", device),
        ] {
            if let value { lines.append("\(key): \(value)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Writes the document.
    func write(to folder: String) throws {
        try Disk.write(text, to: "\(folder)/\(Self.fileName)", temporary: Disk.ofProcess)
    }
}

/// Fills gaps of a command line from the workspace and says what it took.
struct WorkspaceTaker {
    private let workspace: Workspace?
    private(set) var taken: [String] = []

    init() throws { workspace = try Workspace.here() }

    /// The value given, else the workspace's; an error that names both ways when there is neither.
    mutating func required(_ given: String?, _ key: KeyPath<Workspace, String?>, named name: String, option: String)
        throws
        -> String
    {
        if let value = optional(given, key, named: name) { return value }
        throw missing(name, option: option)
    }

    /// The value given, else the workspace's, else `nil`.
    mutating func optional(_ given: String?, _ key: KeyPath<Workspace, String?>, named name: String) -> String? {
        if let given { return given }
        guard let value = workspace?[keyPath: key] else { return nil }
        taken.append("\(name) \(value)")
        return value
    }

    /// The scenes given, else the workspace's; empty where there are none.
    mutating func scenes(_ given: [String]) -> [String] {
        if !given.isEmpty { return given }
        guard let scenes = workspace?.scenes, !scenes.isEmpty else { return [] }
        taken.append("scenes \(scenes.joined(separator: " "))")
        return scenes
    }

    func missing(_ name: String, option: String) -> CommandError {
        CommandError(
            .badArgument, "no \(name) was given", in: "",
            why: [
                workspace == nil
                    ? "there is no \(Workspace.fileName) in this folder either" : "\(Workspace.fileName) names none"
            ],
            try: option)
    }

    /// Prints what came from the workspace.
    func announce() {
        guard !taken.isEmpty else { return }
        printToStandardError("from \(Workspace.fileName): \(taken.joined(separator: "; "))")
    }
}

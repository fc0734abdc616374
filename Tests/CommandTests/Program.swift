// Runs the built program as a user would.
import Foundation
import Testing

/// What a run of the program gave.
struct Outcome {
    let status: Int32
    let signalled: Bool
    let output: String
    let errors: String
}

enum Program {
    /// The program lies beside the test bundle.
    static let path: String = {
        let here = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: here).deletingLastPathComponent().appendingPathComponent("geodino").path
    }()

    /// The package's folder.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs `geodino` with arguments in a folder.
    static func run(_ arguments: [String], in folder: URL? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = folder ?? root
        // Files, not pipes: a pipe that nobody empties blocks its writer.
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("geodino-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: base) }
        let streams = ["out", "err"].map { base.appendingPathComponent($0) }
        for stream in streams { _ = FileManager.default.createFile(atPath: stream.path, contents: nil) }
        let handles = try streams.map { try FileHandle(forWritingTo: $0) }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, signalled: process.terminationReason == .uncaughtSignal,
            output: try String(contentsOf: streams[0], encoding: .utf8),
            errors: try String(contentsOf: streams[1], encoding: .utf8))
    }
}

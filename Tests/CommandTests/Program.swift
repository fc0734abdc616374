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
    ///
    /// `environment` is added to the environment of the tests.
    static func run(
        _ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]
    ) throws -> Outcome {
        try start(arguments, in: folder, environment: environment).outcome()
    }

    /// Starts `geodino` as `run` does.
    static func start(
        _ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]
    ) throws -> RunningProgram {
        try RunningProgram(path, arguments, in: folder ?? root, environment: environment)
    }
}

/// A run of the program that is not over.
final class RunningProgram {
    private let process = Process()
    private let base = FileManager.default.temporaryDirectory.appendingPathComponent("geodino-run-\(UUID().uuidString)")
    private var streams: [URL] { ["out", "err"].map { base.appendingPathComponent($0) } }

    fileprivate init(
        _ program: String, _ arguments: [String], in folder: URL, environment: [String: String]
    ) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        if !environment.isEmpty {
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        }
        process.currentDirectoryURL = folder
        // Files, not pipes: a pipe that nobody empties blocks its writer.
        try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
        for stream in streams { _ = FileManager.default.createFile(atPath: stream.path, contents: nil) }
        let handles = try streams.map { try FileHandle(forWritingTo: $0) }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: base)
    }

    var isRunning: Bool { process.isRunning }

    /// Sends it a signal.
    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for its end.
    func outcome() throws -> Outcome {
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, signalled: process.terminationReason == .uncaughtSignal,
            output: try String(contentsOf: streams[0], encoding: .utf8),
            errors: try String(contentsOf: streams[1], encoding: .utf8))
    }
}

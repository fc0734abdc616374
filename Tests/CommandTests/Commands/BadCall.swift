// Bad arguments: the exit code, the message, and that nothing was written.
import Foundation
import TestSupport
import Testing

/// A command line that must fail.
struct BadCall: Sendable, CustomTestStringConvertible {
    /// What is wrong.
    let name: String
    /// The exit code: 64 for wrong usage, 1 for wrong data.
    let status: Int32
    /// Parts of the message.
    let says: [String]
    /// Makes the inputs and returns the arguments.
    let arguments: @Sendable (Bench) throws -> [String]

    var testDescription: String { name }

    /// Wrong usage, which the parser finds.
    static func usage(_ name: String, says: String..., arguments: String...) -> BadCall {
        BadCall(name: name, status: 64, says: says) { _ in arguments }
    }

    /// Wrong data, which the command finds.
    static func failure(
        _ name: String, says: String..., arguments: @escaping @Sendable (Bench) throws -> [String]
    ) -> BadCall {
        BadCall(name: name, status: 1, says: says, arguments: arguments)
    }

    /// Runs the command in its own folder.
    func check() throws {
        let bench = Bench()
        let arguments = try self.arguments(bench)
        let before = try bench.files()
        let outcome = try bench.run(arguments)
        #expect(!outcome.signalled && outcome.status == status, "status \(outcome.status): \(outcome.errors)")
        #expect(outcome.output == "", "a failed command prints no result")
        for words in says { #expect(outcome.errors.contains(words), "'\(words)' is not in: \(outcome.errors)") }
        if status == 64 {
            #expect(outcome.errors.contains("Usage: geodino"), "\(outcome.errors)")
        } else {
            #expect(outcome.errors.contains("error: "), "\(outcome.errors)")
        }
        let after = try bench.files()
        #expect(Set(after.keys) == Set(before.keys), "files were made or removed")
        for (name, bytes) in before { #expect(after[name] == bytes, "\(name) was changed") }
    }
}

extension Bench {
    /// The bytes of every file below the folder, by its path; empty for a folder.
    func files() throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            found[name] = FileManager.default.contents(atPath: file(name)) ?? Data()
        }
        return found
    }

    /// Sorted names of the files in a folder (default: the folder of the bench).
    func contents(of name: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: file(name)).sorted()
    }

    /// Whether a file or a folder is there.
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    /// A file's text.
    func read(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

    /// Copies a file or a folder of `TrainedBench`.
    @discardableResult
    func copy(_ name: String) throws -> String {
        try FileManager.default.copyItem(atPath: TrainedBench.path(name), toPath: file(name))
        return name
    }
}

// A file of somebody's among what a synthesis made: it must survive the next one.
import Foundation
import Synth
import Telemetry
import Testing

/// Puts a file among images that were made, makes them again, and expects a refusal that names the file, which is still there.
func expectKept(_ name: String, in out: String, whenReplacedBy synthesize: () throws -> Void) throws {
    let precious = URL(fileURLWithPath: "\(out)/\(name)")
    try FileManager.default.createDirectory(at: precious.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("precious".utf8).write(to: precious)
    let error = #expect(throws: SynthError.self) { try synthesize() }
    #expect(error?.code == .exists)
    let named = error?.what.split(separator: "'").dropFirst().first.map(String.init) ?? ""
    #expect(!named.isEmpty && name.hasPrefix(named), "\(error?.what ?? "")")
    #expect(try Data(contentsOf: precious) == Data("precious".utf8))
}

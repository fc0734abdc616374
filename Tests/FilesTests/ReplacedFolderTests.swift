// Folders that take the place of others.
import Files
import Foundation
import Telemetry
import Testing

struct ReplacedFolderTests {
    private typealias Disk = Files.Disk<FilesFailure>
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("replaced-\(UUID().uuidString)")
        .path

    private func make(_ name: String, _ text: String) throws {
        try Disk.makeFolder("\(folder)/\(name)")
        try Disk.write(text, to: "\(folder)/\(name)/text")
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Disk.read("\(folder)/\(name)/text"), as: UTF8.self)
    }

    @Test func `a finished folder takes the place of another`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try make("new", "new")
        try Disk.put("\(folder)/new", at: "\(folder)/target", replacing: nil)
        #expect(try text("target") == "new")
        try make("newer", "newer")
        try Disk.put("\(folder)/newer", at: "\(folder)/target", replacing: "\(folder)/old")
        #expect(try text("target") == "newer")
        #expect(try Disk.names(in: folder) == ["target"])
    }

    @Test func `the old folder returns where the new one cannot take its place`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try make("target", "old")
        let error = #expect(throws: ModuleError<FilesFailure>.self) {
            try Disk.put("\(folder)/missing", at: "\(folder)/target", replacing: "\(folder)/old")
        }
        #expect(error?.code == .writeFailed)
        #expect(try text("target") == "old")
        #expect(try Disk.names(in: folder) == ["target"])
    }

    @Test func `a replacement that was interrupted is undone`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try make("old", "old")
        try Disk.putBack("\(folder)/target", from: "\(folder)/old")
        #expect(try Disk.names(in: folder) == ["target"])
        #expect(try text("target") == "old")
        try make("old", "older")
        try Disk.putBack("\(folder)/target", from: "\(folder)/old")
        #expect(try text("target") == "old" && text("old") == "older")
        try Disk.putBack("\(folder)/target", from: "\(folder)/none")
        #expect(try text("target") == "old")
    }
}

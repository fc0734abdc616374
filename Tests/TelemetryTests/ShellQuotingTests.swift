// Names in command lines that errors advise.
import Foundation
import Telemetry
import Testing

@Suite struct ShellQuotingTests {
    @Test(arguments: ["plain.tif", "two words", "it's", "'", "''a'", "$HOME `ls` \\ \"x\" *", "line\nbreak", ""])
    func `a shell takes a quoted word literally`(_ word: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "printf %s \(shellQuoted(word))"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let printed = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && String(decoding: printed, as: UTF8.self) == word)
    }

    @Test func `a folder is made only where nothing of its name stands in the way`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("geodino-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
        #expect(folderRemedy(folder + "/a/b c") == "create the folder first: mkdir -p '\(folder)/a/b c'")
        #expect(folderRemedy(folder + "/file/b").contains("'\(folder)/file' is a file"))
        #expect(
            folderRemedy(folder) == "give \(UserAction.value("another folder", for: .output)), one that is writable")
    }
}

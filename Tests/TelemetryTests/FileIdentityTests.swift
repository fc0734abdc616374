// Files that are read are known by whatever name an output gives them.
import Foundation
import Telemetry
import Testing

struct FileIdentityTests {
    @Test func `an input is found under other names, through links and in folders`() throws {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appendingPathComponent("identity-\(UUID().uuidString)").path
        try files.createDirectory(atPath: folder + "/corpus/shards", withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: folder) }
        for name in ["scene.tif", "corpus/shards/0.tar", "other.tif"] {
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        try files.createSymbolicLink(atPath: folder + "/link.tif", withDestinationPath: "scene.tif")
        try files.linkItem(atPath: folder + "/corpus/shards/0.tar", toPath: folder + "/hard.tar")
        try files.createSymbolicLink(atPath: folder + "/linked", withDestinationPath: "corpus")
        // A folder that leads back to itself.
        try files.createSymbolicLink(atPath: folder + "/corpus/again", withDestinationPath: "../corpus")
        #expect(inputFile(at: folder + "/corpus/shards/0.tar", among: [folder + "/linked"]) != nil)
        let inputs = ["/nowhere/at/all", folder + "/scene.tif", folder + "/corpus"]
        #expect(inputFile(at: folder + "/scene.tif", among: inputs) == folder + "/scene.tif")
        #expect(inputFile(at: folder + "/corpus/../scene.tif", among: inputs) == folder + "/scene.tif")
        #expect(inputFile(at: folder + "/link.tif", among: inputs) == folder + "/scene.tif")
        let behind = try #require(inputFile(at: folder + "/hard.tar", among: inputs))
        #expect(behind.hasSuffix("shards/0.tar"))
        #expect(inputFile(at: folder + "/other.tif", among: inputs) == nil)
        #expect(inputFile(at: folder + "/new.tif", among: inputs) == nil)
    }
}

// kill -9 in the middle, for real: the test starts itself as a child that cuts, and kills it.
import Corpus
import Foundation
import Telemetry
import Testing

#if canImport(Glibc)
    import Glibc
#endif

private let childKey = "GEODINO_CORPUS_TEST_CHILD"

struct KillTests {
    private static func scenes(_ folder: String) -> [String] { ["a.tif", "b.tif"].map { folder + "/" + $0 } }

    /// Does nothing but in a child, which cuts slowly enough to be killed.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[childKey] != nil)) func `cut as a child`() throws {
        let folder = try #require(ProcessInfo.processInfo.environment[childKey])
        try tile(
            scenes: Self.scenes(folder), profile: smallProfile(shardSize: 18_000), into: folder + "/c",
            options: TileOptions(resume: true, threads: 2)
        ) { _ in
            usleep(15_000)
            return true
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment[childKey] == nil))
    func `a killed run is resumed to the same bytes`() throws {
        let folder = MemoryFolder()
        _ = try makeScene(folder, "a.tif")
        _ = try makeScene(folder, "b.tif", originX: 600_000, isHole: { row, column in row < 50 && column < 50 })
        try tile(
            scenes: Self.scenes(folder.path), profile: smallProfile(shardSize: 18_000), into: folder.file("whole"))
        var killed = 0
        for attempt in 0..<40 {
            let child = Process()
            child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            child.arguments = ["--testing-library", "swift-testing", "--filter", "KillTests"]
            child.environment = ProcessInfo.processInfo.environment.merging([childKey: folder.path]) { $1 }
            child.standardOutput = FileHandle.nullDevice
            child.standardError = FileHandle.nullDevice
            try child.run()
            // Counted from the first sign of life, else a busy machine would kill nothing but start-ups.
            let lock = folder.file("c/LOCK")
            for _ in 0..<3000 where child.isRunning && !FileManager.default.fileExists(atPath: lock) { usleep(5000) }
            usleep(UInt32(20_000 + attempt * 37_000 % 250_000))
            if child.isRunning {
                kill(child.processIdentifier, SIGKILL)
                killed += 1
            }
            child.waitUntilExit()
            if (try? corpusInfo(folder.file("c")).complete) == true { break }
        }
        #expect(killed > 2, "the child was killed only \(killed) times")
        try tile(
            scenes: Self.scenes(folder.path), profile: smallProfile(shardSize: 18_000), into: folder.file("c"),
            options: TileOptions(resume: true))
        #expect(try shardFiles(folder.file("c")) == shardFiles(folder.file("whole")))
        let resumed = try dump(folder.file("c/corpus.gpkg")).split(separator: "\n")
        let whole = try dump(folder.file("whole/corpus.gpkg")).split(separator: "\n")
        #expect(resumed.count == whole.count)
        let differing = zip(resumed, whole).first { $0 != $1 }
        #expect(differing == nil, "\(String(describing: differing))")
        try verifyCorpus(folder.file("c"))
    }
}

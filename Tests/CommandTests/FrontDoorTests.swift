// Help, usage errors, exit codes, and how fast the front door opens.
import Foundation
import Testing

@Suite struct FrontDoorTests {
    @Test func `help names every command and opens quickly`() throws {
        var best = Double.infinity
        for _ in 0..<5 {
            let start = Date()
            let outcome = try Program.run(["--help"])
            best = min(best, -start.timeIntervalSinceNow)
            #expect(outcome.status == 0)
            for command in [
                "doctor", "synth", "tile", "corpus", "pretrain", "fit", "canopy", "landcover", "score", "demo", "bench",
            ] {
                #expect(outcome.output.contains("  \(command) "), "\(command) is not in the help")
            }
        }
        // The bound is 50 ms; Foundation's Process adds some of its own.
        #expect(best < 0.1, "help took \(best) s")
    }

    @Test(arguments: [
        ["no-such-command"], ["tile", "--no-such-option"], ["score", "canopy"], ["tile", "a.tif", "--threads", "0"],
    ])
    func `wrong usage exits 64`(_ arguments: [String]) throws {
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("Usage:"))
    }

    @Test func `a file whose name begins with a dash is not read as options`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("geodino-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("x".utf8).write(to: folder.appendingPathComponent("-dash.tif"))
        let outcome = try Program.run(["tile", "-dash.tif", "-o", "corpus"], in: folder)
        #expect(outcome.status == 1 && outcome.output.isEmpty)
        #expect(
            outcome.errors.contains("reads as options")
                && outcome.errors.contains("  try  give it with its folder: './-dash.tif'"))
    }

    @Test func `doctor finds everything on a machine that builds`() throws {
        let outcome = try Program.run(["doctor"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        for name in ["Swift", "GDAL", "PROJ", "SQLite", "OpenBLAS", "torch", "CUDA", "DEFLATE"] {
            #expect(outcome.output.contains(name), "doctor does not speak of \(name)")
        }
    }

    @Test func `the version is printed`() throws {
        #expect(try Program.run(["--version"]).output.hasPrefix("0."))
    }
}

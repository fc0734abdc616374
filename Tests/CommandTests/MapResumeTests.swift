// --resume of the commands that make maps: what is said after a stop, and that a resumed map is the same as one made at once.
import Foundation
import Geo
import TestSupport
import Testing

@Suite struct MapResumeTests {
    private static let rows = ".map.tif.resume"

    /// A folder with a scene on the grid of its maps, and both models.
    private func bench() throws -> Bench {
        let bench = Bench()
        _ = try bench.scene(transform: GeoTransform(originX: 500_010, originY: 5_340_000, pixelSize: 0.6))
        try bench.copy("model")
        try bench.copyCover()
        return bench
    }

    /// A map that takes some seconds, since its windows overlap by nearly all of their side.
    private func arguments(_ command: String) -> [String] {
        let all = ["--overlap", "92", "--tensor-threads", "1", "-q", "-o", "map.tif"]
        if command == "canopy" { return ["canopy", "scene.tif", "--model", "model"] + all }
        let outputs = [
            "--probabilities", "--confidence", "--reject", "0.3", "--min-area", "4", "--polygons", "areas.gpkg",
        ]
        return ["landcover", "scene.tif", "--model", "cover"] + all + outputs
    }

    /// Starts a map and stops it once it has kept some more rows.
    private func interrupt(_ bench: Bench, _ arguments: [String], by signal: Int32) throws -> Outcome {
        func size() -> Int {
            let attributes = try? FileManager.default.attributesOfItem(atPath: bench.file("\(Self.rows)/part-1.rows"))
            return (attributes?[.size] as? Int) ?? 0
        }
        let before = size()
        let program = try Program.start(arguments, in: URL(fileURLWithPath: bench.file("")))
        for _ in 0..<6000 where size() < before + 2000 && program.isRunning { usleep(5000) }
        try #require(program.isRunning, "the map was finished before it was interrupted")
        program.send(signal)
        return try program.outcome()
    }

    /// The files of the map and its polygons, and takes them away.
    private func taken(_ bench: Bench) throws -> [String: Data] {
        let names = try bench.contents().filter { $0.hasPrefix("map") || $0.hasSuffix(".gpkg") }
        var files: [String: Data] = [:]
        for name in names {
            files[name] = FileManager.default.contents(atPath: bench.file(name))
            try FileManager.default.removeItem(atPath: bench.file(name))
        }
        return files
    }

    @Test(arguments: ["canopy", "landcover"]) func `a map that was stopped and killed is resumed to the same bytes`(
        command: String
    ) throws {
        let bench = try bench()
        let arguments = arguments(command)
        let resuming = arguments + ["--resume"]
        let before = try bench.contents()
        let whole = try bench.make(arguments)
        let files = try taken(bench)
        #expect(files.count == (command == "canopy" ? 4 : 8))

        let stopped = try interrupt(bench, resuming, by: SIGINT)
        #expect(!stopped.signalled && stopped.status == 130 && stopped.output == "")
        let said = try #require(
            stopped.errors.firstMatch(
                of: /^error: stopped before the map was finished; (\d+) of about (\d+) windows are kept\n/),
            "\(stopped.errors)")
        #expect(try #require(Int(said.output.1)) <= #require(Int(said.output.2)))
        #expect(stopped.errors.contains("\n  in   map.tif\n") && stopped.errors.hasSuffix("--resume\n"))
        #expect(try bench.contents() == ([Self.rows] + before).sorted())

        let killed = try interrupt(bench, resuming, by: SIGKILL)
        #expect(killed.signalled && killed.errors.hasPrefix("map.tif: resumed; "), "\(killed.errors)")

        // What it was writing is removed once no process can be at it.
        for name in try bench.contents() where name.contains(".partial-") {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: bench.file(name))
        }
        let resumed = try bench.make(resuming)
        #expect(
            resumed.errors.contains(/^map\.tif: resumed; \d+ of about \d+ windows were kept\n$/), "\(resumed.errors)")
        #expect(resumed.output == whole.output)
        let found = try taken(bench)
        #expect(Set(found.keys) == Set(files.keys))
        for (name, bytes) in files { #expect(found[name] == bytes, "\(name)") }
        // Nothing else is left, not even by the killed process.
        #expect(try bench.contents() == before)
    }

    @Test func `a map with other settings is refused, and --overwrite begins it anew`() throws {
        let bench = try bench()
        let resuming = arguments("landcover") + ["--resume"]
        _ = try interrupt(bench, resuming, by: SIGINT)
        let plain = try bench.run(arguments("landcover"))
        #expect(
            plain.status == 1 && plain.errors.contains("rows of an unfinished map are kept for this output")
                && plain.errors.contains("  in   \(Self.rows)\n") && plain.errors.contains("--resume")
                && plain.errors.contains("--overwrite discards the rows"), "\(plain.errors)")
        let other = resuming.map { $0 == "0.3" ? "0.4" : $0 }
        let refused = try bench.run(other)
        #expect(refused.status == 1 && refused.output == "")
        #expect(
            refused.errors.contains("the rows that are kept for this output belong to another map")
                && refused.errors.contains("  in   \(Self.rows)\n")
                && refused.errors.contains("  why  probability of unsure pixels: 0.4 now, 0.3 then\n")
                && refused.errors.contains("--overwrite"), "\(refused.errors)")
        // What concerns the finished classes alone may change.
        let larger = resuming.map { $0 == "4" ? "9" : $0 }
        #expect(try interrupt(bench, larger, by: SIGINT).errors.hasPrefix("map.tif: resumed; "))
        let anew = try bench.make(other + ["--overwrite"])
        #expect(anew.errors == "" && !bench.has(Self.rows), "\(anew.errors)")
        let finished = try bench.run(other)
        #expect(finished.status == 1 && finished.errors.contains("the output exists already"))
    }

    @Test func `the plan says what is kept and names every file`() throws {
        let bench = try bench()
        let before = try bench.contents()
        let text = try bench.make(arguments("landcover") + ["--resume", "--dry-run"]).output
        for words in [
            " of finished rows until then", "rasters   map-probabilities.tif, map-confidence.tif\n",
            "polygons  areas.gpkg",
        ] { #expect(text.contains(words), "\(text)") }
        #expect(try bench.contents() == before)
        try bench.text("areas.gpkg", "mine")
        let refused = try bench.run(arguments("landcover"))
        #expect(refused.errors.contains("  try  --overwrite to replace it, or another --polygons"), "\(refused.errors)")
        let tensor = try bench.run([
            "canopy", "--tensor", "pixels.safetensors", "--model", "model", "-o", "heights.safetensors", "--resume",
        ])
        #expect(tensor.status == 64 && tensor.errors.contains("--resume is for maps"))
    }
}

// geodino tile: bad arguments, and the corpus that it writes.
import Foundation
import TestSupport
import Testing

@Suite struct TileCommandTests {
    static let profile = Program.root.path + "/tiles/smoke.yaml"

    static let bad: [BadCall] = [
        .usage(
            "a band 0", says: "--bands takes numbers, counted from 1", arguments: "tile",
            "scene.tif", "-o", "corpus", "--profile", profile, "--bands", "0"),
        .usage("no threads", says: "--threads must be 1 to 1024", arguments: "tile", "scene.tif", "--threads", "0"),
        .failure("no profile", says: "no profile was given", "  why  ", "  try  --profile") { bench in
            ["tile", try bench.scene(), "-o", "corpus"]
        },
        .failure("a missing profile", says: "no such file", "  in   none.yaml", "  try  ") { bench in
            ["tile", try bench.scene(), "-o", "corpus", "--profile", "none.yaml"]
        },
        .failure("a missing scene", says: "no such file", "  in   none.tif", "  try  ") { _ in
            ["tile", "none.tif", "-o", "corpus", "--profile", profile]
        },
        .usage(
            "--resume with --overwrite", says: "--resume and --overwrite exclude each other", arguments: "tile",
            "a.tif",
            "--resume", "--overwrite"),
        .failure(
            "an existing corpus with another profile", says: "started with other inputs", "  in   corpus",
            "min_valid_fraction is now 1; the corpus was started with 0.5", "--overwrite"
        ) { bench in
            let scene = try bench.scene()
            try bench.make("tile", scene, "-o", "corpus", "--profile", profile, "-q")
            let other = try bench.document(
                "tiles/smoke.yaml", as: "other.yaml", ("min_valid_fraction: 0.5", "min_valid_fraction: 1"))
            return ["tile", scene, "-o", "corpus", "--profile", other]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    private func tile(_ bench: Bench, _ more: String...) throws -> Outcome {
        let outcome = try bench.run(try bench.tile("scene.tif", more: more))
        try #require(outcome.status == 0, "\(outcome.errors)")
        return outcome
    }

    @Test func `a scene becomes a corpus, and the next run changes nothing`() throws {
        let bench = Bench()
        try bench.scene(size: 256)
        let outcome = try tile(bench)
        let first = "corpus: 16 tiles (border 3, train 12, validation 1), 16 cut now, in 1 shard"
        #expect(outcome.output.hasPrefix(first) && outcome.output.contains("16 places tried: 0 with"))
        let corpus = Set(try bench.files().keys.filter { $0.hasPrefix("corpus/") })
        #expect(
            corpus == [
                "corpus/corpus.gpkg", "corpus/geodino-corpus.json", "corpus/journal.json", "corpus/shards",
                "corpus/shards/000000.idx", "corpus/shards/000000.tar",
            ])
        let before = try bench.files()
        #expect(try tile(bench).output.hasPrefix("corpus: up to date, 16 tiles in 1 shard"))
        #expect(try bench.files() == before)
    }

    @Test func `--aoi keeps the tiles whose centres are inside the area`() throws {
        let bench = Bench()
        try bench.scene(size: 256)
        // 70 m of the scene's 154: two of the four columns of tiles.
        try bench.text(
            "area.geojson",
            #"{"type":"Polygon","coordinates":[[[15,45.1],[15.0009,45.1],[15.0009,45.2],[15,45.2],[15,45.1]]]}"#)
        #expect(try tile(bench, "--aoi", "area.geojson").output.contains("corpus: 8 tiles (train 8), 8 cut now"))
    }

    @Test func `a dry run writes nothing, and its JSON matches the snapshot`() throws {
        let bench = Bench()
        try bench.scene(size: 256)
        _ = try bench.tile()
        let before = try bench.files()
        let outcome = try tile(bench, "--dry-run", "--format", "json")
        #expect(try bench.files() == before)
        #expect(outcome.errors.contains("note: scene.tif: 16 tiles at most, 0.6002 m pixels"), "\(outcome.errors)")
        try Snapshot.expect(outcome.output, matches: "tile-plan")
    }

    @Test func `the JSON matches the snapshot, in the first run and in the next`() throws {
        let bench = Bench()
        try bench.scene(size: 256)
        try Snapshot.expect(
            try tile(bench, "--format", "json").output, matches: "tile", varying: ["bytes": .integer])
        try Snapshot.expect(
            try tile(bench, "--format", "json").output, matches: "tile-again", varying: ["bytes": .integer])
    }
}

// geodino canopy: bad arguments, the map and the files next to it, and the plan of --dry-run.
import Foundation
import Geo
import Raster
import Testing

@Suite struct CanopyCommandTests {
    static let bad: [BadCall] = [
        .usage(
            "a backbone without a head", says: "--weights and --head go together", arguments: "canopy", "scene.tif",
            "--weights", "run", "-o", "map.tif"),
        .usage(
            "a batch of 0", says: "--batch must be 1 to 4096, got 0", arguments: "canopy", "scene.tif", "--model",
            "model", "-o", "map.tif", "--batch", "0"),
        .usage(
            "--tensor with --aoi", says: "--tensor cannot be combined with scenes, --aoi",
            arguments: "canopy", "--tensor", "pixels.safetensors", "--aoi", "area.geojson", "--model", "model", "-o",
            "heights.safetensors"),
        .failure("a missing scene", says: "no such file", "  in   none.tif", "  try  ") { _ in
            ["canopy", "none.tif", "--model", try TrainedBench.path("model"), "-o", "map.tif"]
        },
        .failure("a run instead of a model", says: "is not a geodino model", "  in   run", "geodino fit canopy") {
            bench in
            try bench.copy("run")
            return ["canopy", try bench.scene(), "--model", "run", "-o", "map.tif"]
        },
        .failure("an existing map", says: "the output exists already", "  in   map.tif", "--overwrite") { bench in
            ["canopy", try scene(bench), "--model", try bench.copy("model"), "-o", try bench.text("map.tif", "mine")]
        },
        .failure("a map that would replace its scene", says: "would overwrite an input", "  in   scene.tif", "  try  ")
        { bench in
            ["canopy", try scene(bench), "--model", try bench.copy("model"), "-o", "scene.tif", "--overwrite"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    /// A scene on the grid of the map.
    private static func scene(_ bench: Bench) throws -> String {
        try bench.scene(transform: GeoTransform(originX: 500_010, originY: 5_340_000, pixelSize: 0.6))
    }

    private func bench() throws -> Bench {
        let bench = Bench()
        _ = try Self.scene(bench)
        try bench.copy("model")
        return bench
    }

    private func canopy(_ bench: Bench, _ more: String...) throws -> Outcome {
        try bench.make(["canopy", "scene.tif", "--model", "model", "--tensor-threads", "1", "-q"] + more)
    }

    @Test func `a map covers its scene, with a STAC item, a style and a quick-look next to it`() throws {
        let bench = try bench()
        let outcome = try canopy(bench, "-o", "map.tif")
        #expect(outcome.output.hasPrefix("map.tif: 128 x 128 pixels, 0.0059 km2 mapped, mean "), "\(outcome.output)")
        #expect(outcome.output.hasSuffix(", 12 windows\n") && outcome.errors == "", "\(outcome.errors)")
        #expect(
            try bench.contents() == ["map.json", "map.png", "map.qml", "map.tif", "model", "scene.tif"])
        let map = try RasterReader(path: bench.file("map.tif"))
        let scene = try RasterReader(path: bench.file("scene.tif"))
        #expect(map.grid == scene.grid && map.bands.count == 1)
        #expect(map.bands[0].sampleType == .float32 && map.bands[0].nodata == -9999 && map.bands[0].unit == "m")
        let heights = try map.read(map.grid.window)
        #expect(heights.validFraction == 1 && heights.floats().allSatisfy { (0...48).contains($0) })
        #expect(map.metadata()["GEODINO_MODEL"] == "model" && map.metadata()["GEODINO_WINDOW"] == "96")
        #expect(try bench.read("map.qml").contains("<qgis"))
        let picture = try #require(FileManager.default.contents(atPath: bench.file("map.png")))
        #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }

    @Test func `the JSON and the STAC item match their snapshots`() throws {
        let bench = try bench()
        let outcome = try canopy(bench, "-o", "map.tif", "--format", "json")
        let statistics = ["statistics.minimum", "statistics.maximum", "statistics.mean"]
        let numbers = Dictionary(uniqueKeysWithValues: statistics.map { ($0, Varying.number) })
        try Snapshot.expect(outcome.output, matches: "canopy", varying: numbers)
        let item: [String: Varying] = [
            "file:checksum": .text, "file:size": .integer, "start_datetime": .text, "end_datetime": .text,
            "geodino:model_sha256": .hash, "processing:software.geodino": .text,
        ]
        try Snapshot.expect(
            try bench.read("map.json"), matches: "canopy-item", varying: item.merging(numbers) { $1 })
    }

    @Test func `a dry run needs no weights and writes nothing, and its JSON matches the snapshot`() throws {
        let bench = try bench()
        for name in ["backbone.safetensors", "head.safetensors"] {
            try FileManager.default.removeItem(atPath: bench.file("model/\(name)"))
        }
        let before = try bench.files()
        let outcome = try canopy(bench, "-o", "map.tif", "--dry-run", "--format", "json")
        try Snapshot.expect(outcome.output, matches: "canopy-plan")
        let text = try canopy(bench, "-o", "map.tif", "--dry-run").output
        #expect(text.hasPrefix("map.tif\n  grid      128 x 128 pixels of 0.6 in EPSG:32633"), "\(text)")
        #expect(try bench.files() == before)
    }

    @Test func `the scenes and the model come from the workspace, and the name from the area`() throws {
        let bench = try bench()
        try bench.text("geodino.yaml", "scenes: [scene.tif]\nmodel: model\n")
        try bench.text(
            "region.geojson",
            #"{"type":"Polygon","coordinates":[[[15.0002,48.2129],[15.0008,48.2129],[15.0008,48.2131],[15.0002,48.2131],[15.0002,48.2129]]]}"#
        )
        let outcome = try bench.make("canopy", "--aoi", "region.geojson", "--tensor-threads", "1", "-q")
        #expect(outcome.errors == "from geodino.yaml: model model; scenes scene.tif\n")
        #expect(outcome.output.hasPrefix("region-canopy.tif: 75 x 38 pixels, "), "\(outcome.output)")
        let map = try RasterReader(path: bench.file("region-canopy.tif"))
        #expect(map.grid.width == 75 && map.grid.height == 38)
        // The pixels of the map are on the grid of the scene.
        #expect((map.grid.transform.originX - 500_010).remainder(dividingBy: 0.6).magnitude < 1e-6)
    }
}

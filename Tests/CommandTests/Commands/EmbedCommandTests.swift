// geodino embed: bad arguments, and the tokens and rasters that it writes.
import Foundation
import Geo
import Raster
import Testing

@Suite struct EmbedCommandTests {
    static let weights = Program.root.path + "/Tests/Golden/huggingface/mlp"

    static let bad: [BadCall] = [
        .usage(
            "an unknown kind of output", says: "must be a .safetensors or a .tif file", arguments: "embed", "scene.tif",
            "--weights", weights, "-o", "tokens.npy"),
        .usage(
            "no inputs", says: "give either images, scenes or a corpus", arguments: "embed", "--weights",
            weights, "-o", "tokens.safetensors"),
        .usage(
            "an unknown data type", says: "--dtype takes float32, float64 or bfloat16", arguments: "embed",
            "scene.tif", "--weights", weights, "-o", "tokens.safetensors", "--dtype", "int8"),
        .failure("missing weights", says: "no such weights", "  in   none", "  try  ") { bench in
            ["embed", try bench.scene(), "--weights", "none", "-o", "tokens.safetensors"]
        },
        .failure("a missing image", says: "no such file", "  in   none.tif", "  try  ") { _ in
            ["embed", "none.tif", "--weights", weights, "-o", "tokens.safetensors"]
        },
        .failure(
            "a layer that the network does not have", says: "the network has no layer 7", "layers are 0 to 1",
            "--layers"
        ) { bench in
            ["embed", try bench.scene(), "--weights", weights, "-o", "tokens.safetensors", "--layers", "7", "-q"]
        },
        .failure("an existing output", says: "the output exists already", "--overwrite") { bench in
            ["embed", try bench.scene(), "--weights", weights, "-o", try bench.text("tokens.safetensors", "mine")]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    private func bench() throws -> Bench {
        let bench = Bench()
        try bench.scene(transform: GeoTransform(originX: 500_010, originY: 5_340_000, pixelSize: 0.6))
        try bench.copy("run")
        return bench
    }

    private func embed(_ bench: Bench, _ more: String...) throws -> Outcome {
        try bench.make(
            ["embed", "scene.tif", "--weights", "run", "--window", "64", "--tensor-threads", "1", "-q"] + more)
    }

    @Test func `the header of the tokens matches the snapshot`() throws {
        let bench = try bench()
        let outcome = try embed(bench, "-o", "tokens.safetensors")
        #expect(outcome.output == "tokens.safetensors: 9 windows of 64 x 64 px\n" && outcome.errors == "")
        #expect(try bench.contents() == ["run", "scene.tif", "tokens.safetensors"])
        // The length of the header in 8 bytes, the least first; then the header.
        let file = try #require(FileManager.default.contents(atPath: bench.file("tokens.safetensors")))
        let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        try #require(length < file.count - 8)
        try Snapshot.expect(
            String(decoding: file.dropFirst(8).prefix(length), as: UTF8.self), matches: "embed-header",
            varying: ["software": .text, "weights_sha256": .hash])
    }

    @Test func `a .tif covers the scene with one pixel per patch, and --basis repeats its colours`() throws {
        let bench = try bench()
        let outcome = try embed(bench, "-o", "features.tif", "--pca", "3")
        #expect(outcome.output.hasPrefix("features.tif: 17 x 16 pixels of 3 bands, "), "\(outcome.output)")
        #expect(
            try bench.contents() == [
                "features.json", "features.pca.safetensors", "features.png", "features.qml", "features.tif", "run",
                "scene.tif",
            ])
        let map = try RasterReader(path: bench.file("features.tif"))
        let scene = try RasterReader(path: bench.file("scene.tif"))
        #expect(map.bands.map(\.sampleType) == [.uint8, .uint8, .uint8] && map.grid.crs == scene.grid.crs)
        // A pixel is a patch of 8 pixels of 0.6 m.
        #expect(abs(map.grid.transform.columnX - 4.8) < 1e-9)
        let (ground, covered) = (scene.grid.bounds, map.grid.bounds)
        #expect(covered.minX <= ground.minX + 1e-6 && covered.maxX >= ground.maxX - 1e-6)
        #expect(covered.minY <= ground.minY + 1e-6 && covered.maxY >= ground.maxY - 1e-6)
        // The same components give the same picture.
        _ = try embed(bench, "-o", "again.tif", "--pca", "3", "--basis", "features.pca.safetensors")
        let again = try RasterReader(path: bench.file("again.tif"))
        #expect(try again.read(again.grid.window) == map.read(map.grid.window))
        #expect(bench.has("again.tif"))
    }

    @Test func `a corpus gives one image per tile`() throws {
        let bench = try bench()
        try bench.copy("corpus")
        let outcome = try bench.make(
            "embed", "corpus", "--weights", "run", "--only", "cls", "-o", "tiles.safetensors", "-q",
            "--tensor-threads", "1")
        #expect(outcome.output == "tiles.safetensors: 16 tiles of 64 x 64 px\n", "\(outcome.output)")
    }
}

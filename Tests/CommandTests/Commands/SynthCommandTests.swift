// geodino synth: bad arguments, and the scenes, the list of pairs and the workspace file that it writes.
import Foundation
import Geo
import Raster
import Testing

@Suite struct SynthCommandTests {
    static let bad: [BadCall] = [
        .usage("no folder", says: "Missing expected argument '<output>'", arguments: "synth"),
        .usage("a size that is not a number", says: "'big' is invalid", arguments: "synth", "land", "--size", "big"),
        .usage("a form that is not known", says: "'isaid' is invalid", arguments: "synth", "land", "--as", "isaid"),
        .usage(
            "infrared in LoveDA's form", says: "--nir cannot be combined with --as loveda", arguments: "synth", "land",
            "--as", "loveda", "--nir"),
        .failure("images that are too large", says: "size is 4096; expected 64 to 2048 pixels", "  try  ") { _ in
            ["synth", "land", "--as", "loveda", "--size", "4096"]
        },
        .failure("no scenes", says: "scenes is 0; expected 1 to 1000", "  try  ") { _ in
            ["synth", "land", "--scenes", "0"]
        },
        .failure("scenes that are too small", says: "size is 32; expected 64 to 32768 pixels", "  try  ") { _ in
            ["synth", "land", "--size", "32"]
        },
        .failure("an existing folder of landscapes", says: "exists already", "  in   land", "--overwrite") { bench in
            try bench.make("synth", "land", "--scenes", "1", "--size", "64", "-q")
            return ["synth", "land", "--scenes", "1", "--size", "64"]
        },
        .failure("an existing folder that synth did not make", says: "was not made by geodino synth", "  in   mine") {
            bench in
            try FileManager.default.createDirectory(
                atPath: bench.file("mine"), withIntermediateDirectories: true)
            try bench.text("mine/notes.txt", "mine")
            return ["synth", "mine", "--overwrite"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    @Test func `scenes, heights and covers have one grid, and pairs.csv lists them`() throws {
        let bench = Bench()
        let outcome = try bench.make("synth", "land", "--scenes", "2", "--size", "64", "--nir", "--seed", "9", "-q")
        #expect(
            outcome.output == "" && outcome.errors == "land: 2 scenes of 64 x 64 px at 0.6 m\n", "\(outcome.errors)")
        for number in 0..<2 {
            let scene = "land/scene-00\(number)"
            let image = try RasterReader(path: bench.file("\(scene)/rgb.tif"))
            let height = try RasterReader(path: bench.file("\(scene)/height.tif"))
            let cover = try RasterReader(
                path: bench.file("\(scene)/cover.tif"), options: RasterOpenOptions(expandPalette: false))
            #expect(image.bands.map(\.name) == ["red", "green", "blue", "nir"])
            #expect(image.bands.allSatisfy { $0.sampleType == .uint8 })
            #expect(height.bands.map(\.sampleType) == [.float32] && height.bands[0].nodata == -9999)
            #expect(height.bands[0].unit == "m" && cover.bands.map(\.sampleType) == [.uint8])
            for raster in [height, cover] { #expect(raster.grid == image.grid) }
            #expect(image.grid.width == 64 && image.grid.height == 64 && image.grid.transform.columnX == 0.6)
            #expect(image.grid.crs?.definition == "EPSG:32633")
            let classes = Set(try cover.read(cover.grid.window).floats())
            #expect(classes.isSubset(of: Set((1...7).map(Float.init))), "\(classes)")
            #expect(try height.read(height.grid.window).floats().allSatisfy { (0...100).contains($0) })
        }
        #expect(
            try bench.read("land/pairs.csv") == """
                image,target,cover
                scene-000/rgb.tif,scene-000/height.tif,scene-000/cover.tif
                scene-001/rgb.tif,scene-001/height.tif,scene-001/cover.tif

                """)
        #expect(
            try bench.read("land/geodino.yaml").contains("scenes:\n  - scene-000/rgb.tif\n  - scene-001/rgb.tif\n"))
    }

    @Test func `the pixels depend on the seed, and --overwrite replaces a folder`() throws {
        let bench = Bench()
        func pixels() throws -> Data {
            try #require(FileManager.default.contents(atPath: bench.file("land/scene-000/rgb.tif")))
        }
        func make(_ seed: String) throws {
            try bench.make("synth", "land", "--scenes", "1", "--size", "64", "--seed", seed, "--overwrite", "-q")
        }
        try make("1")
        let first = try pixels()
        try make("2")
        #expect(try pixels() != first)
        try make("1")
        #expect(try pixels() == first)
        #expect(try bench.contents() == ["land"])
    }

    @Test func `--as loveda writes images and masks in LoveDA's folders, with one line`() throws {
        let bench = Bench()
        try bench.make("synth", "land", "--scenes", "1", "--size", "64", "-q")
        let outcome = try bench.make(
            "synth", "land", "--as", "loveda", "--scenes", "2", "--size", "64", "--overwrite", "-q")
        #expect(
            outcome.output == ""
                && outcome.errors
                    == "land: 8 images of 64 x 64 px at 0.6 m, 2 for each of Train/Rural, Train/Urban, Val/Rural and Val/Urban\n",
            "\(outcome.errors)")
        #expect(try bench.contents(of: "land") == [".geodino-synth", "Train", "Val"])
        #expect(bench.has("land/Val/Urban/images_png/1.png") && bench.has("land/Val/Urban/masks_png/1.png"))
    }

    @Test func `the recorded options match the snapshot`() throws {
        let bench = Bench()
        try bench.make("synth", "land", "--scenes", "1", "--size", "64", "--seed", "9", "-q")
        try Snapshot.expect(try bench.read("land/.geodino-synth"), matches: "synth-options")
    }
}

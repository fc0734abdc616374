// geodino fit: folders in the form of LoveDA, pairs that are held out as a whole, and images without a place.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct FitFoldersCommandTests {
    /// A set in LoveDA's folders, made once.
    private static let land = Result {
        let bench = Bench()
        try bench.make("synth", "land", "--as", "loveda", "--scenes", "1", "--size", "128", "--seed", "9", "-q")
        return bench
    }

    /// The arguments of a land-cover fit of two steps.
    private static func fit(_ more: String..., output: String = "model") throws -> [String] {
        [
            "fit", "landcover", CoverBench.recipe, "--weights", try TrainedBench.path("run"), "-o", output, "--steps",
            "2", "--tensor-threads", "1", "-q",
        ] + more
    }

    /// Copies the set, and returns its name.
    private static func copy(to bench: Bench) throws -> String {
        try FileManager.default.copyItem(atPath: land.get().file("land"), toPath: bench.file("land"))
        return "land"
    }

    /// A list of the set's pairs, with a split in each line.
    private static func list(_ bench: Bench, _ splits: [(place: String, split: String)]) throws -> String {
        let lines = splits.map { "land/\($0.place)/images_png/0.png,land/\($0.place)/masks_png/0.png,\($0.split)\n" }
        return try bench.text("pairs.csv", "image,target,split\n" + lines.joined())
    }

    static let bad: [BadCall] = [
        .usage(
            "a form without a folder", says: "--as loveda takes a folder", arguments: "fit", "landcover",
            CoverBench.recipe, "--weights", "run", "-o", "model", "--as", "loveda"),
        .usage(
            "a folder without a form", says: "the folder 'land' needs --as: --as loveda land; otherwise leave it out",
            arguments: "fit", "landcover", CoverBench.recipe, "land", "--weights", "run", "-o", "model"),
        .usage(
            "a folder and images", says: "--as loveda cannot be combined with --image or --pairs", arguments: "fit",
            "landcover", CoverBench.recipe, "--weights", "run", "-o", "model", "--as", "loveda", "land", "--image",
            "a.tif", "--target", "b.tif"),
        .usage(
            "a folder and a list", says: "--as loveda cannot be combined with --image or --pairs", arguments: "fit",
            "landcover", CoverBench.recipe, "--weights", "run", "-o", "model", "--as", "loveda", "land", "--pairs",
            "pairs.csv"),
        .usage(
            "a pixel without size", says: "--gsd takes metres from 0.001 to 100000", arguments: "fit", "landcover",
            CoverBench.recipe, "--weights", "run", "-o", "model", "--image", "a.png", "--target", "b.png", "--gsd", "0"),
        .failure("a folder that is not there", says: "no such folder", "  in   none", "Train/Urban/images_png/*.png") {
            _ in try fit("--as", "loveda", "none")
        },
        .failure(
            "a folder of something else", says: "no images with masks in the form of LoveDA", "  in   mine",
            "Train/Urban/masks_png/*.png"
        ) { bench in
            try FileManager.default.createDirectory(atPath: bench.file("mine"), withIntermediateDirectories: true)
            return try fit("--as", "loveda", "mine")
        },
        .failure("an image without a mask", says: "an image has no mask", "Train/Rural/images_png/0.png") { bench in
            let land = try copy(to: bench)
            try FileManager.default.removeItem(atPath: bench.file("\(land)/Train/Rural/masks_png/0.png"))
            return try fit("--as", "loveda", land)
        },
        .failure(
            "a split that is not known", says: "line 3: the split must be train or val; found 'test'",
            "  in   pairs.csv", "  try  "
        ) { bench in
            try fit("--pairs", list(bench, [("Train/Urban", "train"), ("Val/Urban", "test")]))
        },
        .failure("nothing to train on", says: "every pair is held out") { bench in
            _ = try copy(to: bench)
            return try fit("--pairs", list(bench, [("Val/Urban", "val")]), "--gsd", "0.6")
        },
        .failure(
            "shapes for an image without a place", says: "the labels are shapes with places on Earth",
            "a raster of 128 x 128 pixels"
        ) { bench in
            let land = try copy(to: bench)
            let labels = try bench.halves("labels.geojson", #""a""#, #""b""#)
            return try fit(
                "--image", "\(land)/Train/Urban/images_png/0.png", "--target", labels, "--gsd", "0.6")
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    @Test func `an image without a place is fitted as its error advises`() throws {
        try Bench().learn(
            Trouble(
                name: "an image without a place", says: "the scene is not georeferenced",
                remedy: .option("--gsd", values: 1), fill: ["METRES": "0.6"],
                prepare: { bench in
                    let place = try Self.copy(to: bench) + "/Train/Urban"
                    return try Self.fit(
                        "--image", "\(place)/images_png/0.png", "--target", "\(place)/masks_png/0.png")
                },
                check: { bench, _ in #expect(bench.has("model/model.json")) }))
    }

    @Test func `a folder in LoveDA's form is read with its legend, Train trained on and Val held out`() throws {
        let bench = Bench()
        let land = try Self.copy(to: bench)
        let outcome = try bench.make(Self.fit("--as", "loveda", land).filter { $0 != "-q" })
        #expect(
            outcome.errors.contains("land: 2 images to train on, 2 held out, at 0.6 m per pixel\n"),
            "\(outcome.errors)")
        let legend = try bench.legend()
        #expect(legend.name == "loveda" && legend.classes.map(\.id) == [1, 2, 3, 4, 5, 6, 7])
        // All that is labelled in Val, which is two images of 128 x 128 pixels in whole crops of 64.
        var labelled = 0
        for domain in ["Urban", "Rural"] {
            let mask = try ClassRaster(path: bench.file("land/Val/\(domain)/masks_png/0.png"))
            labelled += try mask.histogram().filter { $0.value > 0 }.map(\.count).reduce(0, +)
        }
        let validation = try #require(try bench.object("model/model.json")["validation"] as? [String: Any])
        #expect(validation["pixels"] as? Int == labelled && validation["windows"] as? Int == 8)
        // A list that says the same gives the same head.
        let list = try Self.list(
            bench, [("Train/Rural", "train"), ("Train/Urban", "train"), ("Val/Rural", "val"), ("Val/Urban", "val")])
        try bench.make(
            Self.fit("--pairs", list, "--gsd", "0.6", "--legend", CoverBench.legends + "/loveda.yaml", output: "other"))
        let files = try bench.files()
        #expect(files["model/head.safetensors"] != nil)
        #expect(files["model/head.safetensors"] == files["other/head.safetensors"])
    }

    @Test func `what pairs are for and how wide pixels are is part of what a resumed fit must have in common`() throws {
        let bench = Bench()
        _ = try Self.copy(to: bench)
        let places = ["Train/Rural", "Train/Urban", "Val/Urban"]
        let first = try Self.list(bench, [(places[0], "train"), (places[1], "train"), (places[2], "val")])
        try bench.make(Self.fit("--pairs", first, "--gsd", "0.6", "--stop-after", "1"))
        func refused(_ arguments: [String]) throws {
            let other = try bench.run(arguments)
            #expect(other.status == 1 && other.errors.contains("the fit was started with other inputs"))
        }
        try refused(Self.fit("--pairs", first, "--gsd", "0.599", "--resume"))
        _ = try Self.list(bench, [(places[0], "train"), (places[1], "val"), (places[2], "val")])
        try refused(Self.fit("--pairs", first, "--gsd", "0.6", "--resume"))
    }

    @Test func `--gsd of images that have a place changes nothing, and is warned of`() throws {
        let bench = Bench()
        let arguments = try bench.fitCover(bench.classes { column, _ in 1 + column / 64 })
        let plain = try bench.make(arguments)
        #expect(!plain.errors.contains("--gsd"))
        let outcome = try bench.make(arguments + ["--gsd", "2", "--overwrite"])
        #expect(outcome.errors.contains("warning: --gsd is for images without a place"))
        #expect(outcome.output == plain.output)
    }

    @Test func `heights are held out by the column split as well`() throws {
        let bench = Bench()
        try bench.make("synth", "scenes", "--scenes", "2", "--size", "128", "--seed", "4", "-q")
        try bench.text(
            "pairs.csv",
            """
            image,target,split
            scenes/scene-000/rgb.tif,scenes/scene-000/height.tif,train
            scenes/scene-001/rgb.tif,scenes/scene-001/height.tif,val
            """)
        try bench.make([
            "fit", "canopy", Program.root.path + "/recipes/smoke-canopy.yaml", "--weights", TrainedBench.path("run"),
            "--pairs", "pairs.csv", "-o", "model", "--steps", "2", "--tensor-threads", "1", "-q",
        ])
        let validation = try #require(try bench.object("model/model.json")["validation"] as? [String: Any])
        #expect(validation["windows"] as? Int == 4 && validation["pixels"] as? Int == 128 * 128)
    }
}

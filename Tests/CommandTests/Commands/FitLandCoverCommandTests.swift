// geodino fit landcover: bad arguments, and the model that it writes.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct FitLandCoverCommandTests {
    private static let recipe = CoverBench.recipe

    /// The arguments of a fit of two steps on the small landscape.
    private static func fit(
        _ model: String = "model", recipe: String = FitLandCoverCommandTests.recipe, weights: String? = nil
    ) throws -> [String] {
        let land = try TrainedBench.path("land/scene-000")
        return [
            "fit", "landcover", recipe, "--weights", try weights ?? TrainedBench.path("run"), "--image",
            land + "/rgb.tif", "--target", land + "/cover.tif", "-o", model, "--steps", "2", "--tensor-threads", "1",
            "-q",
        ]
    }

    static let bad: [BadCall] = [
        .usage(
            "no images", says: "give --image SCENE --target LABELS", arguments: "fit", "landcover", recipe, "--weights",
            "run", "-o", "model"),
        .usage(
            "an image without labels", says: "1 --image, but 0 --target", arguments: "fit", "landcover", recipe,
            "--weights", "run", "-o", "model", "--image", "a.tif"),
        .usage(
            "no weights", says: "Missing expected argument '--weights", arguments: "fit", "landcover", recipe,
            "--image", "a.tif", "--target", "b.tif", "-o", "model"),
        .usage(
            "a width that is no number", says: "'wide' is invalid for '--line-width", arguments: "fit", "landcover",
            recipe, "--weights", "run", "--image", "a.tif", "--target", "b.tif", "-o", "model", "--line-width", "wide"),
        .failure("missing weights", says: "no such weights", "  in   none", "  try  ") { _ in
            try fit(weights: "none")
        },
        .failure("a recipe for heights", says: "the key 'loss.cross_entropy' is missing", "smoke-canopy.yaml") { _ in
            try fit(recipe: Program.root.path + "/recipes/smoke-canopy.yaml")
        },
        .failure(
            "a recipe for a deeper network", says: "the recipe does not fit the backbone",
            "taps is [23]; this backbone has blocks 0 to 1", "taps: [1]"
        ) { _ in
            try fit(recipe: Program.root.path + "/recipes/landcover-linear.yaml")
        },
        .failure(
            "a recipe that contradicts itself", says: "the land-cover recipe is invalid",
            "sampling.class_share is 2.0; expected 0 to 1", "loss.cross_entropy, focal and dice are all 0"
        ) { bench in
            try fit(
                recipe: bench.document(
                    "recipes/smoke-landcover.yaml", as: "odd.yaml", ("class_share: 0.5", "class_share: 2"),
                    ("cross_entropy: 1", "cross_entropy: 0")))
        },
        .failure(
            "a head that is not known", says: "the kind of a head must be linear, dpt or upernet, got 'conv'",
            "  in   odd.yaml"
        ) { bench in
            try fit(
                recipe: bench.document(
                    "recipes/smoke-landcover.yaml", as: "odd.yaml", ("kind: linear", "kind: conv")))
        },
        .failure("heights for labels", says: "band 1 holds Float32 values", "scene-000/height.tif") { _ in
            try fit().map { $0.replacing("/cover.tif", with: "/height.tif") }
        },
        .failure("a missing list of pairs", says: "the list of pairs does not exist", "  in   none.csv") { _ in
            try fit() + ["--pairs", "none.csv"]
        },
        .failure("an existing model", says: "the model exists already", "  in   model", "--overwrite") { bench in
            try bench.copy("model")
            return try fit()
        },
        .failure("a folder that is no model", says: "not a geodino model; refusing to overwrite", "  in   mine") {
            bench in
            try FileManager.default.createDirectory(atPath: bench.file("mine"), withIntermediateDirectories: true)
            try bench.text("mine/letter.txt", "mine")
            return try fit("mine") + ["--overwrite"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    @Test func `a fit writes a model with its legend and its scores`() throws {
        let bench = Bench()
        let outcome = try bench.run(Self.fit())
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        #expect(
            outcome.output.hasPrefix("model: 2 steps (best after step ") && outcome.output.contains("); held out "),
            "\(outcome.output)")
        let names = ["background", "building", "road", "water", "barren", "forest", "agriculture"]
        let scores = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("IoU: background ") })
        for name in names { #expect(scores.contains("\(name) ")) }
        #expect(
            try bench.contents(of: "model") == [
                "backbone.safetensors", "energy.json", "head.safetensors", "metrics.jsonl", "model.json", "recipe.json",
                "report.html",
            ])
        #expect(try bench.contents() == ["model"])
        let legend = try bench.legend()
        #expect(legend.classes.map(\.name) == names && legend.classes.map(\.id) == [1, 2, 3, 4, 5, 6, 7])
        let labels = try ClassRaster(path: TrainedBench.path("land/scene-000/cover.tif"))
        #expect(legend.classes.allSatisfy { labels.colours[Int($0.id)] == $0.colour })

        let model = try bench.object("model/model.json")
        #expect(
            Set(model.keys) == [
                "format_version", "task", "backbone", "head", "legend", "temperature", "taps", "window", "layout",
                "mean", "std", "validation", "provenance",
            ])
        #expect(model["task"] as? String == "landcover" && model["window"] as? Int == 96)
        #expect(model["taps"] as? [Int] == [0, 1] && (model["temperature"] as? Double ?? 0) > 0)
        let validation = try #require(model["validation"] as? [String: Any])
        #expect(
            Set(validation.keys).subtracting(["kappa"]) == [
                "miou", "overall_accuracy", "classes", "temperature", "calibration_error", "constant_miou", "pixels",
                "windows", "step",
            ])
        #expect(validation["step"] as? Int == 2)
        #expect(validation["temperature"] as? Double == model["temperature"] as? Double)
        let classes = try #require(validation["classes"] as? [[String: Any]])
        #expect(classes.compactMap { $0["name"] as? String } == names)
        let pixels = classes.compactMap { $0["pixels"] as? Int }.reduce(0, +)
        #expect(pixels > 500 && pixels == validation["pixels"] as? Int)
        #expect(outcome.output.contains("held out \(pixels) pixels: mIoU "))
        let log = try bench.read("model/metrics.jsonl").split(separator: "\n")
        #expect(log.count == 3 && log.first?.contains(#""fit":"landcover""#) == true)
    }

    @Test func `a stopped fit is not a model yet, and ends with the same bytes when it is resumed`() throws {
        let bench = Bench()
        try bench.make(Self.fit("whole"))
        let stopped = try bench.run(Self.fit("parts") + ["--stop-after", "1"])
        #expect(stopped.output == "parts: saved after step 1 of 2; resume with --resume\n", "\(stopped.errors)")
        #expect(stopped.status == 0 && !bench.has("parts"))
        // Not with other labels, or with another meaning of the same ones.
        let other = try bench.run(
            Self.fit("parts") + ["--resume", "--legend", CoverBench.legends + "/loveda.yaml"])
        #expect(other.status == 1 && other.errors.contains("the fit was started with other inputs"))
        try bench.make(Self.fit("parts") + ["--resume"])
        let files = try bench.files()
        for name in ["head.safetensors", "model.json"] {
            let whole = try #require(files["whole/\(name)"])
            #expect(!whole.isEmpty && files["parts/\(name)"] == whole, "\(name)")
        }
        #expect(try bench.contents() == ["parts", "whole"])
    }

    @Test func `how polygons are read is part of what a resumed fit must have in common`() throws {
        let bench = Bench()
        let labels = try bench.halves("labels.geojson", #""a""#, #""b""#)
        try bench.make(bench.fitCover(labels, "--stop-after", "1"))
        for option in [["--label-touched"], ["--line-width", "3"]] {
            let other = try bench.run(bench.fitCover(labels, "--resume") + option)
            #expect(other.status == 1 && other.errors.contains("the fit was started with other inputs"), "\(option)")
        }
        try bench.make(bench.fitCover(labels, "--resume"))
        #expect(bench.has("model/model.json") && !bench.has("model.partial"))
    }

    @Test func `--pairs gives the same head, and --reference-backbone copies no backbone`() throws {
        let bench = Bench()
        let land = try TrainedBench.path("land/scene-000")
        try bench.text("pairs.csv", "target,image\n\(land)/cover.tif,\(land)/rgb.tif\n")
        // In the list that 'geodino synth' writes, targets are heights and land cover has a column of its own.
        for (model, list) in [("model", "pairs.csv"), ("other", try TrainedBench.path("land/pairs.csv"))] {
            try bench.make([
                "fit", "landcover", Self.recipe, "--weights", TrainedBench.path("run"), "--pairs", list,
                "--reference-backbone", "-o", model, "--steps", "2", "--tensor-threads", "1", "-q",
            ])
            #expect(bench.has("\(model)/head.safetensors") && !bench.has("\(model)/backbone.safetensors"))
        }
        try bench.make(Self.fit("copied"))
        let files = try bench.files()
        let copied = try #require(files["copied/head.safetensors"])
        #expect(files["model/head.safetensors"] == copied && files["other/head.safetensors"] == copied)
    }

    @Test(arguments: [
        "{kind: dpt, post_channels: [4, 4, 8, 8], channels: 8, norm: group, dropout: 0.1}",
        "{kind: upernet, channels: 8, auxiliary_channels: 4, auxiliary_weight: 0.4, norm: batch, dropout: 0.1}",
    ])
    func `a recipe may have any head for classes`(_ head: String) throws {
        let bench = Bench()
        let recipe = try bench.document(
            "recipes/smoke-landcover.yaml", as: "recipe.yaml",
            ("{kind: linear, taps: 2, norm: batch, dropout: 0.1}", head), ("taps: [0, 1] ", "taps: [0, 0, 1, 1] "))
        try bench.make(Self.fit(recipe: recipe))
        let model = try bench.object("model/model.json")
        let sizes = try #require((model["head"] as? [String: Any])?["sizes"] as? [String: Any])
        #expect(head.hasPrefix("{kind: \(sizes["kind"] as? String ?? "none"),"))
        try bench.make([
            "landcover", TrainedBench.path("land/scene-000/rgb.tif"), "--model", "model", "-o", "map.tif",
            "--tensor-threads", "1", "-q",
        ])
        let map = try ClassRaster(path: bench.file("map.tif"))
        #expect(try map.histogram().map(\.count).reduce(0, +) == 65_536)
    }
}

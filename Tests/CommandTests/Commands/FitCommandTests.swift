// geodino fit: bad arguments, and the model that it writes.
import Foundation
import Testing

@Suite struct FitCommandTests {
    static let recipe = Program.root.path + "/recipes/smoke-canopy.yaml"

    /// The arguments of a fit of two steps on the small landscape.
    private static func fit(
        _ model: String = "model", recipe: String = FitCommandTests.recipe, weights: String? = nil
    ) throws -> [String] {
        let land = try TrainedBench.path("land/scene-000")
        return [
            "fit", "canopy", recipe, "--weights", try weights ?? TrainedBench.path("run"), "--image", land + "/rgb.tif",
            "--target", land + "/height.tif", "-o", model, "--steps", "2", "--tensor-threads", "1", "-q",
        ]
    }

    static let bad: [BadCall] = [
        .usage("an unknown task", says: "Unexpected argument 'cover'", arguments: "fit", "cover"),
        .usage(
            "no images", says: "give --image SCENE --target HEIGHTS", arguments: "fit", "canopy", recipe, "--weights",
            "run", "-o", "model"),
        .usage(
            "an image without heights", says: "1 --image, but 0 --target", arguments: "fit", "canopy", recipe,
            "--weights", "run", "-o", "model", "--image", "a.tif"),
        .failure("missing weights", says: "no such weights", "  in   none", "  try  ") { _ in
            try fit(weights: "none")
        },
        .failure("a recipe for another command", says: "unknown key 'heads'", "  in   ", "  try  ") { _ in
            try fit(recipe: Program.root.path + "/recipes/smoke.yaml")
        },
        .failure("a missing list of pairs", says: "the list of pairs does not exist", "  in   none.csv") { _ in
            try fit() + ["--pairs", "none.csv"]
        },
        .failure("an existing model", says: "the model exists already", "  in   model", "--overwrite") { bench in
            try bench.copy("model")
            return try fit()
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    @Test func `a fit writes a model, and metrics.jsonl matches the snapshot`() throws {
        let bench = Bench()
        let outcome = try bench.run(Self.fit())
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        #expect(outcome.output.hasPrefix("model: 2 steps; held out "), "\(outcome.output)")
        #expect(
            try bench.contents(of: "model") == [
                "backbone.safetensors", "energy.json", "head.safetensors", "metrics.jsonl", "model.json", "recipe.json",
                "report.html",
            ])
        #expect(try bench.contents() == ["model"])
        let backbone = try #require(FileManager.default.contents(atPath: TrainedBench.path("run/backbone.safetensors")))
        #expect(FileManager.default.contents(atPath: bench.file("model/backbone.safetensors")) == backbone)
        let log = try bench.read("model/metrics.jsonl").split(separator: "\n")
        #expect(log.count == 3, "a line for the fit and one for each step")
        try Snapshot.expect(
            "[\(log.joined(separator: ","))]", matches: "fit-metrics",
            varying: [
                "backbone": .hash, "gradient_norm": .number, "loss": .number, "crops_per_second": .number,
                "seconds": .number,
            ])
    }

    @Test func `a stopped fit is not a model yet, and ends with the same bytes when it is resumed`() throws {
        let bench = Bench()
        try bench.make(Self.fit("whole"))
        let stopped = try bench.run(Self.fit("parts") + ["--stop-after", "1"])
        #expect(stopped.output == "parts: saved after step 1 of 2; resume with --resume\n", "\(stopped.errors)")
        #expect(stopped.status == 0 && !bench.has("parts"))
        try bench.make(Self.fit("parts") + ["--resume"])
        let files = try bench.files()
        let whole = try #require(files["whole/head.safetensors"])
        #expect(!whole.isEmpty && files["parts/head.safetensors"] == whole)
        #expect(try bench.contents() == ["parts", "whole"])
    }

    @Test func `--pairs gives the same head, and --reference-backbone copies no backbone`() throws {
        let bench = Bench()
        try bench.make([
            "fit", "canopy", Self.recipe, "--weights", TrainedBench.path("run"), "--pairs",
            TrainedBench.path("land/pairs.csv"), "--reference-backbone", "-o", "model", "--steps", "2",
            "--tensor-threads", "1", "-q",
        ])
        #expect(bench.has("model/head.safetensors") && !bench.has("model/backbone.safetensors"))
        try bench.make(Self.fit("copied"))
        let files = try bench.files()
        #expect(files["model/head.safetensors"] == files["copied/head.safetensors"])
    }
}

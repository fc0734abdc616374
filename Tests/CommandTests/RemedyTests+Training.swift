// Every remedy that an error offers is applied: fits, pretraining, weights.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

extension RemedyTests {
    @Test(arguments: fits + runs + weights)
    func `what training advises leads to a model`(_ trouble: Trouble) throws { try Bench().learn(trouble) }

    // MARK: - Fits

    private static func fit(_ more: String..., pairs: Bool = true) throws -> [String] {
        let land = try TrainedBench.path("land/scene-000")
        return [
            "fit", "canopy", TrainedBench.root + "/recipes/smoke-canopy.yaml", "--weights",
            try TrainedBench.path("run"),
        ]
            + (pairs ? ["--image", land + "/rgb.tif", "--target", land + "/height.tif"] : [])
            + ["-o", "model", "--steps", "2", "-q", "--tensor-threads", "1"] + more
    }

    private static let fits: [Trouble] = [
        Trouble(
            name: "a model is in the way", says: "the model exists already", remedy: .option("--overwrite"),
            prepare: { bench in
                try FileManager.default.copyItem(atPath: TrainedBench.path("model"), toPath: bench.file("model"))
                return try fit()
            }),
        Trouble(
            name: "an unfinished fit to go on with", says: "a fit exists already",
            remedy: .option("--resume"),
            prepare: { bench in
                try #require(try bench.run(try fit("--stop-after", "1")).status == 0)
                return try fit()
            }),
        Trouble(
            name: "an unfinished fit to begin anew", says: "a fit exists already",
            remedy: .option("--overwrite"),
            prepare: { bench in
                try #require(try bench.run(try fit("--stop-after", "1")).status == 0)
                return try fit()
            }),
        Trouble(
            name: "a fit that was started with something else", says: "the recipe differs from the fit's in seed",
            remedy: .other { _, advice, arguments in
                try #require(advice.contains("start a new fit: in another folder, or with --overwrite"))
                return arguments.filter { $0 != "--resume" } + ["--overwrite"]
            },
            prepare: { bench in
                try #require(try bench.run(try fit("--stop-after", "1")).status == 0)
                let recipe = try bench.document("recipes/smoke-canopy.yaml", as: "other.yaml", ("seed: 0", "seed: 1"))
                return try fit("--resume").map { $0.hasSuffix("smoke-canopy.yaml") ? recipe : $0 }
            }),
        Trouble(
            name: "crops and windows of broken patches", says: "does not fit the backbone",
            remedy: .other { bench, advice, arguments in
                let list = try #require(advice.firstMatch(of: #/write into the recipe: (.*)/#)).output.1
                var text = try String(contentsOfFile: bench.file("odd.yaml"), encoding: .utf8)
                for line in list.split(separator: "; ") {
                    let key = try #require(line.split(separator: ":").first)
                    text = text.replacing(try Regex("(?m)^\(key):.*$"), with: line)
                }
                try bench.text("odd.yaml", text)
                return arguments
            },
            prepare: { bench in
                let recipe = try bench.document(
                    "recipes/smoke-canopy.yaml", as: "odd.yaml", ("\ncrop: 64", "\ncrop: 60"),
                    ("\nwindow: 96", "\nwindow: 90"))
                return try fit().map { $0.hasSuffix("smoke-canopy.yaml") ? recipe : $0 }
            }),
        Trouble(
            name: "a list of pairs without a header", says: "the header must name",
            remedy: .other { bench, advice, arguments in
                let header = try #require(advice.firstMatch(of: #/begin the file with: ([a-z,]+)/#)).output.1
                let text = try String(contentsOfFile: bench.file("pairs.csv"), encoding: .utf8)
                try bench.text("pairs.csv", "\(header)\n" + text)
                return arguments
            },
            prepare: { bench in
                let land = try TrainedBench.path("land/scene-000")
                return try fit("--pairs", bench.text("pairs.csv", "\(land)/rgb.tif,\(land)/height.tif\n"), pairs: false)
            }),
    ]

    // MARK: - Runs

    private static func pretrain(_ more: String..., recipe: String? = nil, output: String? = "run") throws -> [String] {
        [
            "pretrain", recipe ?? TrainedBench.root + "/recipes/smoke.yaml", "--corpus",
            try TrainedBench.path("corpus"), "-q",
        ]
            + (output.map { ["-o", $0] } ?? []) + more
    }

    private static func stopped(_ bench: Bench, output: String? = "run") throws {
        let outcome = try bench.run(try pretrain("--stop-after", "1", output: output))
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    private static let runs: [Trouble] = [
        Trouble(
            name: "a run to go on with", says: "a run exists already", remedy: .option("--resume"),
            prepare: { bench in
                try stopped(bench)
                return try pretrain("--stop-after", "2")
            }),
        Trouble(
            name: "a run to replace", says: "a run exists already", remedy: .option("--overwrite"),
            prepare: { bench in
                try stopped(bench)
                return try pretrain("--stop-after", "2")
            }),
        Trouble(
            name: "an unfinished run in a workspace", says: "the last run is unfinished",
            remedy: .other { bench, advice, arguments in
                let line = try Bench.command("geodino pretrain", in: advice)
                // The corpus is the workspace's.
                try bench.shell(line + " -q")
                return arguments
            },
            prepare: { bench in
                try bench.text("geodino.yaml", "corpus: \(try TrainedBench.path("corpus"))\nrun: 'runs/my run'\n")
                let recipe = try bench.document("recipes/smoke.yaml", as: "two.yaml", ("steps: 30", "steps: 2"))
                let outcome = try bench.run(["pretrain", recipe, "-q", "--stop-after", "1"])
                try #require(outcome.status == 0, "\(outcome.errors)")
                return ["pretrain", recipe, "-q"]
            }),
        Trouble(
            name: "no corpus to train on", says: "no corpus was given", remedy: .option("--corpus", values: 1),
            fill: ["CORPUS": "@corpus"],
            prepare: { _ in ["pretrain", TrainedBench.root + "/recipes/smoke.yaml", "-o", "run", "--steps", "1", "-q"] }
        ),
        Trouble(
            name: "a recipe that goes on from a backbone, and none", says: "--from is missing",
            remedy: .option("--from", values: 1),
            fill: ["WEIGHTS": "@run"],
            prepare: { bench in
                try pretrain(
                    "--steps", "1",
                    recipe: bench.document(
                        "recipes/smoke.yaml", as: "r.yaml", ("steps: 30", "steps: 30\nstart: backbone")))
            }),
        Trouble(
            name: "a recipe that goes on from a run, and none", says: "--from is missing",
            remedy: .option("--from", values: 1),
            fill: ["RUN": "@run"],
            prepare: { bench in
                try pretrain(
                    "--steps", "1",
                    recipe: bench.document(
                        "recipes/smoke.yaml", as: "r.yaml", ("steps: 30", "steps: 30\nstart: continued")))
            }),
        Trouble(
            name: "a start that the recipe does not know of", says: "the recipe starts from random weights",
            remedy: .other { bench, advice, arguments in
                let start = try #require(advice.firstMatch(of: #/set start: [a-z, ]+ or ([a-z]+) in the recipe/#))
                    .output.1
                let text = try String(contentsOfFile: bench.file("r.yaml"), encoding: .utf8)
                try bench.text("r.yaml", text + "start: \(start)\n")
                return arguments
            },
            prepare: { bench in
                try pretrain(
                    "--steps", "1", "--from", TrainedBench.path("run"),
                    recipe: bench.document("recipes/smoke.yaml", as: "r.yaml"))
            }),
        Trouble(
            name: "a step that is to be kept in a folder that is not there", says: "does not exist",
            remedy: .command("mkdir"),
            prepare: { _ in try pretrain("--steps", "1", "--dump-step", "1", "the first/step.safetensors") },
            check: { bench, _ in
                #expect(FileManager.default.fileExists(atPath: bench.file("the first/step.safetensors")))
            }),
        Trouble(
            name: "a subset that the corpus lacks", says: "the corpus has no subset",
            remedy: .other { bench, advice, arguments in
                let first = try #require(advice.firstMatch(of: #/one of the subsets: ([a-z]+)/#)).output.1
                let text = try String(contentsOfFile: bench.file("r.yaml"), encoding: .utf8)
                try bench.text("r.yaml", text.replacing("subset: trian", with: "subset: \(first)"))
                return arguments
            },
            prepare: { bench in
                try pretrain(
                    "--steps", "1",
                    recipe: bench.document(
                        "recipes/smoke.yaml", as: "r.yaml", ("batch_size: 8", "batch_size: 8\n  subset: trian")))
            }),
    ]

    // MARK: - Weights

    private static let weights: [Trouble] = [
        Trouble(
            name: "converted weights are in the way", says: "exists already", remedy: .option("--overwrite"),
            prepare: { bench in
                ["weights", "convert", network, "--to", "geodino", "-o", try bench.text("out.safetensors", "mine")]
            }),
        Trouble(
            name: "a number of heads that nothing tells", says: "the number of heads is unknown",
            remedy: .option("--heads", values: 1), fill: ["N": "2"],
            prepare: { _ in ["weights", "info", TrainedBench.root + "/Tests/Golden/dinov2/plain.pth"] },
            check: { _, outcome in #expect(outcome.output.contains("2 heads of 8")) }),
        Trouble(
            name: "an architecture that is another one", says: "not the one given with --arch",
            remedy: .other { _, advice, arguments in
                #expect(advice == "leave out --arch")
                var arguments = arguments
                let place = try #require(arguments.firstIndex(of: "--arch"))
                arguments.removeSubrange(place...place + 1)
                return arguments
            },
            prepare: { bench in try embed(bench.scene(), more: ["--whole", "--arch", "vits16"]) }),
    ]
}

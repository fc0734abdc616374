// geodino pretrain: bad arguments, the run that it writes, and the plan of --dry-run.
import Foundation
import Testing

@Suite struct PretrainCommandTests {
    static let recipe = Program.root.path + "/recipes/smoke.yaml"

    static let bad: [BadCall] = [
        .usage(
            "--resume with --overwrite", says: "--resume and --overwrite exclude each other", arguments: "pretrain",
            recipe, "--corpus", "corpus", "-o", "run", "--resume", "--overwrite"),
        .usage(
            "a number of steps that is not a number", says: "'many' is invalid", arguments: "pretrain", recipe,
            "--steps", "many"),
        .failure("a missing recipe", says: "no such file", "  in   none.yaml", "  try  ") { _ in
            ["pretrain", "none.yaml", "--corpus", try TrainedBench.path("corpus"), "-o", "run"]
        },
        .failure("no corpus", says: "no corpus was given", "  why  ", "  try  --corpus CORPUS") { _ in
            ["pretrain", recipe, "-o", "run"]
        },
        .failure("a folder that is not a corpus", says: "is not a corpus", "  in   land", "  try  ") { bench in
            try FileManager.default.createDirectory(atPath: bench.file("land"), withIntermediateDirectories: true)
            return ["pretrain", recipe, "--corpus", "land", "-o", "run"]
        },
        .usage(
            "no steps", says: "--steps must be 1 to 1000000000, got 0", arguments: "pretrain", recipe, "--corpus",
            "corpus",
            "-o", "run", "--steps", "0"),
        .failure("an existing run", says: "a run exists already", "  in   run", "--resume", "--overwrite") { bench in
            try bench.copy("run")
            return ["pretrain", recipe, "--corpus", try TrainedBench.path("corpus"), "-o", "run"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    private func pretrain(_ bench: Bench, _ run: String, steps: Int, _ more: String...) throws -> Outcome {
        try bench.run(
            [
                "pretrain", Self.recipe, "--corpus", TrainedBench.path("corpus"), "-o", run, "--steps", "\(steps)",
                "--tensor-threads", "1", "-q",
            ] + more)
    }

    @Test func `a run writes its files, and metrics.jsonl matches the snapshot`() throws {
        let bench = Bench()
        let outcome = try pretrain(bench, "run", steps: 2)
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.first == "run: 2 of 2 steps, weights in run/backbone.safetensors")
        #expect(lines.count == 2 && lines[1].hasPrefix("energy: "))
        #expect(
            try bench.contents(of: "run") == [
                "backbone.safetensors", "checkpoints", "energy.json", "lock", "metrics.jsonl", "recipe.json",
                "recipe.yaml", "report.html", "run.json",
            ])
        #expect(try bench.contents(of: "run/checkpoints") == ["00000002"])
        #expect(try bench.read("run/recipe.yaml") == String(contentsOfFile: Self.recipe, encoding: .utf8))
        #expect(try bench.read("run/report.html").contains("<title>smoke</title>"))
        let log = try bench.read("run/metrics.jsonl").split(separator: "\n")
        #expect(log.count == 3, "a line for the run and one for each step")
        var varying: [String: Varying] = [
            "0.corpus": .hash, "timing.torch": .text, "program.geodino": .text, "gradient_norm.*": .number,
            "timing.seconds": .number, "timing.tiles_per_second": .number,
        ]
        for step in 1...2 {
            for loss in ["dino_global", "dino_local", "ibot", "koleo", "loss"] { varying["\(step).\(loss)"] = .number }
            varying["\(step).hidden_patches"] = .integer
        }
        try Snapshot.expect("[\(log.joined(separator: ","))]", matches: "pretrain-metrics", varying: varying)
    }

    @Test func `runs of a workspace may be in its own folder`() throws {
        let bench = Bench()
        _ = try bench.text("geodino.yaml", "corpus: \(TrainedBench.path("corpus"))\nrun: r\n")
        let outcome = try bench.run(["pretrain", Self.recipe, "--steps", "1", "--tensor-threads", "1", "-q"])
        #expect(
            outcome.status == 0 && outcome.output.hasPrefix("r-001: 1 of 1 steps"), "\(outcome.output)\(outcome.errors)"
        )
    }

    @Test func `the weights of the start can be had without a step`() throws {
        let bench = Bench()
        let outcome = try pretrain(bench, "run", steps: 4, "--stop-after", "0")
        #expect(
            outcome.status == 0 && outcome.output.hasPrefix("run: 0 of 4 steps"), "\(outcome.output)\(outcome.errors)")
    }

    @Test func `a stopped run that is resumed ends with the same bytes`() throws {
        let bench = Bench()
        #expect(try pretrain(bench, "whole", steps: 4).status == 0)
        let stopped = try pretrain(bench, "parts", steps: 4, "--stop-after", "2")
        #expect(stopped.status == 0 && stopped.output.hasPrefix("parts: 2 of 4 steps, "), "\(stopped.errors)")
        let resumed = try bench.run([
            "pretrain", "--corpus", TrainedBench.path("corpus"), "-o", "parts", "--resume", "--tensor-threads", "1",
            "-q",
        ])
        #expect(resumed.status == 0 && resumed.output.hasPrefix("parts: 4 of 4 steps, "), "\(resumed.errors)")
        let files = try bench.files()
        let whole = try #require(files["whole/backbone.safetensors"])
        #expect(!whole.isEmpty && files["parts/backbone.safetensors"] == whole)
    }

    @Test func `a dry run prints the plan and writes nothing`() throws {
        let bench = Bench()
        let alone = try bench.make("pretrain", Self.recipe, "--dry-run", "--steps", "7")
        let expected = """
            phase pretrain: 7 steps of 8 tiles, crops 2 x 32 + 4 x 16 px
              parameters  30.9 k  (backbone 23.6 k, head on class tokens 3.66 k, head on patch tokens 3.66 k)
              a step      67.9 MFLOP  (teacher 17 %, student 80 %, heads and prototypes 3 %)

            """
        #expect(alone.output.hasPrefix(expected) && alone.output.contains("\nEstimated, not measured."))
        let corpus = try TrainedBench.path("corpus")
        let with = try bench.make(
            "pretrain", Self.recipe, "--dry-run", "--steps", "7", "--corpus", corpus, "-o", "run")
        #expect(with.output == "run: 7 steps on 16 tiles of \(corpus)\n\n" + alone.output)
        #expect(try bench.contents().isEmpty)
    }
}

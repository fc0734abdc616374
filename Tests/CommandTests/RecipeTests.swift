// The recipes that come with geodino: each is read, key by key, by the command that it is for.
import Foundation
import Testing

@Suite struct RecipeTests {
    private static let folder = Program.root.path + "/recipes"

    /// A recipe and the command that reads it.
    struct Shipped: Sendable, CustomTestStringConvertible {
        let name: String
        let task: String
        var testDescription: String { name }
        var path: String { "\(RecipeTests.folder)/\(name)" }
    }

    static let shipped: [Shipped] = {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return found.filter { $0.hasSuffix(".yaml") }.sorted().map { name in
            let text = (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
            let isPretraining = text.contains(/(?m)^phase:/)
            return Shipped(
                name: name, task: isPretraining ? "pretrain" : text.contains("cross_entropy:") ? "landcover" : "canopy")
        }
    }()

    @Test func `recipes for every task come with geodino`() {
        let tasks = Dictionary(grouping: Self.shipped, by: \.task).mapValues { $0.map(\.name) }
        #expect(tasks["canopy"] == ["canopy-dpt.yaml", "demo-canopy.yaml", "smoke-canopy.yaml"])
        #expect(
            tasks["landcover"] == [
                "landcover-dpt.yaml", "landcover-linear.yaml", "landcover-upernet.yaml", "smoke-landcover.yaml",
            ])
        #expect((tasks["pretrain"] ?? []).count >= 8)
    }

    @Test(arguments: shipped.filter { $0.task != "pretrain" })
    func `the recipe of a head is valid as it is`(_ recipe: Shipped) throws {
        // What is read after the recipe is not there.
        let outcome = try Program.run([
            "fit", recipe.task, recipe.path, "--weights", "no-weights", "--image", "a.tif", "--target", "b.tif", "-o",
            "\(NSTemporaryDirectory())/no-model-\(UUID().uuidString)",
        ])
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasPrefix("error: no such weights\n  in   no-weights\n"), "\(outcome.errors)")
    }

    @Test(arguments: shipped.filter { $0.task == "pretrain" })
    func `a recipe of pretraining is valid as it is`(_ recipe: Shipped) throws {
        let outcome = try Program.run(["pretrain", recipe.path, "--dry-run"])
        #expect(outcome.status == 0 && !outcome.output.isEmpty, "\(outcome.errors)")
    }

    @Test(arguments: shipped.filter { $0.task == "landcover" })
    func `a recipe without one of its keys is refused, and so is one with another key`(_ recipe: Shipped) throws {
        let text = try String(contentsOfFile: recipe.path, encoding: .utf8)
        let bench = Bench()
        func errors(_ text: String) throws -> String {
            try bench.text("recipe.yaml", text)
            let outcome = try bench.run([
                "fit", "landcover", "recipe.yaml", "--weights", "no-weights", "--image", "a.tif", "--target", "b.tif",
                "-o", "model",
            ])
            #expect(outcome.status == 1)
            return outcome.errors
        }
        for line in text.split(separator: "\n") {
            // A key of its own line, at the top or one step in.
            guard let key = line.firstMatch(of: /^ *([a-z0-9_]+): *[^ ]/)?.output.1 else { continue }
            let said = try errors(text.replacing(line + "\n", with: ""))
            if key == "every" {
                // A recipe may leave it out; then the weights are what is missing.
                #expect(said.hasPrefix("error: no such weights\n"), "\(said)")
                continue
            }
            // Without its only key a mapping is none.
            #expect(
                said.contains("\(key)' is missing") || said.contains("'sampling' must be a mapping"), "\(key): \(said)")
        }
        let said = try errors(text.replacing("minimum_valid:", with: "minimum_vald:"))
        #expect(said.contains("minimum_vald") && said.contains("did you mean 'minimum_valid'?"), "\(said)")
    }

    /// What a land-cover recipe with another line in place of one of its own is told.
    private func said(_ line: String, _ other: String) throws -> String {
        let bench = Bench()
        let text = try String(contentsOfFile: "\(Self.folder)/smoke-landcover.yaml", encoding: .utf8)
        #expect(text.contains(line))
        try bench.text("recipe.yaml", text.replacing(line, with: other))
        let outcome = try bench.run([
            "fit", "landcover", "recipe.yaml", "--weights", "no-weights", "--image", "a.tif", "--target", "b.tif",
            "-o", "model",
        ])
        #expect(outcome.status == 1)
        return outcome.errors
    }

    @Test func `a word that is none of the choices is told with the choices`() throws {
        let weights = try said("class_weights: none", "class_weights: invrese")
        #expect(
            weights.contains("'loss.class_weights' must be none, inverse or median_frequency, found 'invrese'")
                && weights.contains("line ") && weights.contains("did you mean 'inverse'?"), "\(weights)")
        let norm = try said("norm: batch", "norm: layered")
        #expect(norm.contains("'head.norm' must be ") && norm.contains("batch"), "\(norm)")
        let kind = try said("kind: linear", "kind: linaer")
        #expect(kind.contains("linear, dpt or upernet") && kind.contains("linaer"), "\(kind)")
    }

    @Test func `learning rates to choose from take the place of the one`() throws {
        let line = "learning_rate: 1.0e-2"
        // The recipe is read; what comes after it is not there.
        let fine = try said(line, "learning_rates: [1.0e-3, 1.0e-2]")
        #expect(fine.hasPrefix("error: no such weights\n"), "\(fine)")
        let both = try said(line, line + "\n  learning_rates: [1.0e-3, 1.0e-2]")
        #expect(both.contains("optimizer.learning_rate") && both.contains("write one of the two"), "\(both)")
        let single = try said(line, "learning_rates: [1.0e-3]")
        #expect(single.contains("optimizer.learning_rates has 1 values; expected 2 to 32"), "\(single)")
    }

    /// The ViT-L/16 that the large ones are for has 24 blocks.
    @Test(arguments: ["landcover-linear.yaml", "landcover-dpt.yaml", "landcover-upernet.yaml"])
    func `the large recipes end with the last block of their network`(_ name: String) throws {
        let text = try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
        let taps = try #require(text.firstMatch(of: /(?m)^taps: \[([0-9, ]+)\]/)).output.1
            .split(separator: ",").compactMap { Int($0.filter { $0 != " " }) }
        #expect(taps.last == 23 && taps == taps.sorted())
    }
}

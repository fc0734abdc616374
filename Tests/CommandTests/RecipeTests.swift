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
            // Without its only key a mapping is none.
            #expect(
                said.contains("\(key)' is missing") || said.contains("'sampling' must be a mapping"), "\(key): \(said)")
        }
        let said = try errors(text.replacing("minimum_valid:", with: "minimum_vald:"))
        #expect(said.contains("minimum_vald") && said.contains("did you mean 'minimum_valid'?"), "\(said)")
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

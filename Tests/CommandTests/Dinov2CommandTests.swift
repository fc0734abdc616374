// Weights with patches of 14 pixels through every command: defaults fit, and what does not fit is refused with a remedy that works.
import Files
import Foundation
import Geo
import Raster
import TestSupport
import Testing
import Torch

@Suite struct Dinov2CommandTests {
    private let folder = TemporaryFolder()
    /// A folder of transformers' DINOv2 with registers: width 16, two blocks, patches of 14 pixels.
    private let weights = Program.root.appendingPathComponent("Tests/Golden/dinov2/registers").path
    private let scene: String

    init() throws {
        try Torch.load()
        let land = folder.file("land")
        let synth = try Program.run(["synth", land, "--scenes", "1", "--size", "256", "--seed", "3", "-q"])
        #expect(synth.status == 0, "\(synth.errors)")
        scene = land + "/scene-000"
    }

    /// What the program advises.
    private func advice(_ outcome: Outcome) throws -> String {
        let line = outcome.errors.split(separator: "\n").first { $0.hasPrefix("  try  ") }
        return String(try #require(line, "\(outcome.errors)").dropFirst("  try  ".count))
    }

    private func embed(_ input: String, _ output: String, _ more: [String] = []) throws -> Outcome {
        try Program.run(["embed", input, "--weights", weights, "-o", folder.file(output), "-q", "--overwrite"] + more)
    }

    @Test func `windows of a scene are whole numbers of patches of 14, and other sides are refused with one that fits`()
        throws
    {
        let plain = try embed("\(scene)/rgb.tif", "a.safetensors")
        #expect(plain.status == 0, "\(plain.errors)")
        let file = try SafetensorsFile(path: folder.file("a.safetensors"))
        #expect(file.metadata["window"] == "518" && file.entry("patches")?.shape.dropFirst() == [37, 37, 16])
        for output in ["b.safetensors", "b.tif"] {
            let odd = try embed("\(scene)/rgb.tif", output, ["--window", "96"])
            #expect(odd.status == 1 && odd.errors.contains("not divide into whole patches"), "\(odd.errors)")
            let words = try advice(odd).split(separator: " ").map(String.init)
            #expect(words == ["--window", "98"])
            #expect(try embed("\(scene)/rgb.tif", output, words).status == 0)
        }
        // A pixel of the feature raster is a patch of the scene.
        let (map, image) = (
            try RasterReader(path: folder.file("b.tif")), try RasterReader(path: "\(scene)/rgb.tif")
        )
        #expect(abs(map.grid.transform.columnX - 14 * image.grid.transform.columnX) < 1e-9)
        #expect(map.bands.count == 16)
        let whole = try embed("\(scene)/rgb.tif", "c.safetensors", ["--whole"])
        #expect(whole.status == 1)
        let size = try advice(whole).split(separator: " ").map(String.init)
        #expect(size == ["--size", "252"])
        #expect(try embed("\(scene)/rgb.tif", "c.safetensors", size).status == 0)
        let given = try embed("\(scene)/rgb.tif", "c.safetensors", ["--size", "224"])
        #expect(given.status == 0, "\(given.errors)")
        let wrong = try embed("\(scene)/rgb.tif", "c.safetensors", ["--size", "225"])
        #expect(try wrong.status == 1 && advice(wrong) == "--size 224")
    }

    @Test func `tiles that are no whole number of patches are resampled where that is asked for`() throws {
        let profile = folder.file("profile.yaml")
        try FileManager.default.copyItem(
            atPath: Program.root.appendingPathComponent("tiles/smoke.yaml").path, toPath: profile)
        let tile = try Program.run(
            ["tile", "\(scene)/rgb.tif", "-o", folder.file("corpus"), "--profile", profile, "-q"])
        #expect(tile.status == 0, "\(tile.errors)")
        let refused = try embed(folder.file("corpus"), "a.safetensors")
        #expect(refused.status == 1 && refused.errors.contains("not divide into whole patches"), "\(refused.errors)")
        let words = try advice(refused)
        let options = words.split(separator: ",")[0].split(separator: " ").map(String.init)
        #expect(options.first == "--size")
        #expect(try embed(folder.file("corpus"), "a.safetensors", options).status == 0)
        let file = try SafetensorsFile(path: folder.file("a.safetensors"))
        #expect(file.metadata["size"] == options.last && file.entry("patches") != nil)
    }

    @Test func `a head is fitted on DINOv2 and maps, after the recipe took the advice`() throws {
        let text = try String(
            contentsOf: Program.root.appendingPathComponent("recipes/smoke-canopy.yaml"), encoding: .utf8)
        var recipe = text.replacing("taps: [0, 0, 1, 1]", with: "taps: [0, 1, 2, 3]")
        func fit() throws -> Outcome {
            try recipe.write(toFile: folder.file("recipe.yaml"), atomically: true, encoding: .utf8)
            return try Program.run([
                "fit", "canopy", folder.file("recipe.yaml"), "--weights", weights, "--image", "\(scene)/rgb.tif",
                "--target", "\(scene)/height.tif", "-o", folder.file("model"), "-q", "--statistics", "web",
            ])
        }
        let refused = try fit()
        #expect(refused.status == 1 && refused.errors.contains("does not fit the backbone"), "\(refused.errors)")
        let parts = try advice(refused).replacing("write into the recipe: ", with: "").split(separator: ";")
        #expect(parts.count == 3)
        for part in parts.map({ $0.trimmingCharacters(in: .whitespaces) }) {
            let key = try #require(part.split(separator: ":").first)
            recipe = recipe.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.hasPrefix("\(key):") ? part : String($0) }.joined(separator: "\n")
        }
        let fitted = try fit()
        #expect(fitted.status == 0, "\(fitted.errors)")
        let map = try Program.run([
            "canopy", "\(scene)/rgb.tif", "--model", folder.file("model"), "-o", folder.file("map.tif"), "-q",
        ])
        #expect(map.status == 0, "\(map.errors)")
        let score = try Program.run([
            "score", "canopy", "--map", folder.file("map.tif"), "--truth", "\(scene)/height.tif",
        ])
        #expect(score.status == 0, "\(score.errors)")
        // Images that were cut elsewhere.
        try writeSafetensors([("pixels", Tensor.zeros([1, 3, 28, 42]))], to: folder.file("pixels.safetensors"))
        let heights = try Program.run([
            "canopy", "--tensor", folder.file("pixels.safetensors"), "--model", folder.file("model"), "-o",
            folder.file("heights.safetensors"), "-q",
        ])
        #expect(heights.status == 0, "\(heights.errors)")
        #expect(
            try SafetensorsFile(path: folder.file("heights.safetensors")).entry("heights")?.shape == [1, 1, 28, 42])
    }

    @Test func `weights info and convert know the family, and convert warns of another rule`() throws {
        let info = try Program.run(["weights", "info", weights, "--no-hash"])
        #expect(
            info.status == 0 && info.output.contains("patch 14, 3 registers, mlp 32, positions learnt on 5 x 5 patches")
        )
        let official = Program.root.appendingPathComponent("Tests/Golden/dinov2/plain.pth").path
        let unknown = try Program.run(["weights", "info", official])
        #expect(unknown.status == 1 && unknown.errors.contains("--heads"), "\(unknown.errors)")
        let converted = try Program.run([
            "weights", "convert", official, "--heads", "2", "--to", "huggingface", "-o", folder.file("theirs"),
        ])
        #expect(converted.status == 0 && converted.errors.contains("warning: transformers resizes positions"))
        let timm = try Program.run(["weights", "convert", official, "--heads", "2", "--to", "timm", "-o", "x"])
        #expect(timm.status == 64 && timm.errors.contains("huggingface, official or geodino"))
        #expect(try Program.run(["weights", "info", official, "--heads", "0"]).status == 64)
    }
}

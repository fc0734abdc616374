// geodino pretrain --dump-step and --replay, as they are typed.
import Files
import Foundation
import Geo
import Raster
import TestSupport
import Testing
import Torch

@Suite struct StepFileCommandTests {
    private let folder = TemporaryFolder()

    /// A corpus of 16 tiles.
    private func corpus() throws -> String {
        let side = 256
        var samples: [UInt8] = []
        for band in 0..<3 {
            for row in 0..<side {
                for column in 0..<side {
                    samples.append(
                        UInt8(truncatingIfNeeded: 1 + (row * 37 + column * 101 / (row + 1) + band * 59) % 251))
                }
            }
        }
        try writeRaster(
            PixelBuffer(
                bands: 3, height: side, width: side, samples: .uint8(samples),
                grid: Grid(
                    crs: CoordinateReferenceSystem("EPSG:32633"),
                    transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6), width: side,
                    height: side)),
            to: folder.file("scene.tif"), format: RasterFormat(sampleType: .uint8, bands: BandInfo.rgb))
        let outcome = try Program.run([
            "tile", folder.file("scene.tif"), "-o", folder.file("corpus"), "--profile", "tiles/smoke.yaml", "-q",
        ])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return folder.file("corpus")
    }

    private func pretrain(_ run: String, _ more: String...) throws -> Outcome {
        try Program.run(
            ["pretrain", "recipes/smoke.yaml", "-o", folder.file(run), "--steps", "3", "--tensor-threads", "1", "-q"]
                + more)
    }

    /// The loss of a step, as it stands in the log.
    private func loss(_ run: String, step: Int) throws -> Substring {
        let log = try String(contentsOfFile: folder.file("\(run)/metrics.jsonl"), encoding: .utf8)
        let line = try #require(log.split(separator: "\n").first { $0.contains("\"step\":\(step),") }, "\(log)")
        return try #require(line.firstMatch(of: /"loss":[-0-9.e]+/)?.output)
    }

    @Test func `a step is written, and replayed with the same loss`() throws {
        let corpus = try corpus()
        let file = folder.file("step 2.safetensors")
        let own = try pretrain("own", "--corpus", corpus, "--dump-step", "2", file)
        try #require(own.status == 0, "\(own.errors)")
        let arrays = try SafetensorsFile(path: file)
        #expect(
            Set(arrays.names) == ["crops.global", "crops.local", "masks", "targets.dino", "targets.ibot"]
                && arrays.metadata["step"] == "2")
        let replayed = try pretrain("replayed", "--replay", file, "--corpus", corpus)
        #expect(replayed.status == 0, "\(replayed.errors)")
        for step in 1...3 { #expect(try loss("own", step: step) == loss("replayed", step: step)) }
        // Files alone: the first step's, and no corpus.
        let first = folder.file("step1.safetensors")
        #expect(try pretrain("short", "--corpus", corpus, "--stop-after", "1", "--dump-step", "1", first).status == 0)
        let alone = try pretrain("alone", "--replay", first, file)
        #expect(alone.status == 0 && alone.output.contains("2 of 3 steps"), "\(alone.output)\(alone.errors)")
        #expect(try loss("own", step: 2) == loss("alone", step: 2))
        // What was written stays.
        let again = try pretrain("again", "--corpus", corpus, "--dump-step", "2", file)
        #expect(again.status == 1 && again.errors.contains("exists already"), "\(again.errors)")
        let gap = try pretrain("gap", "--replay", file)
        #expect(gap.status == 1 && gap.errors.contains("no file for step 1"), "\(gap.errors)")
    }

    @Test(arguments: [["2"], ["0", "x"], ["x", "2"], ["2", "x", "y"]])
    func `a step and a file, or it is a usage error`(_ values: [String]) throws {
        let outcome = try Program.run(
            ["pretrain", "recipes/smoke.yaml", "-o", folder.file("run"), "--dump-step"] + values)
        #expect(outcome.status == 64 && outcome.errors.contains("--dump-step takes the number of a step"))
    }

    @Test func `a recipe behind --replay is a usage error, and a workspace's corpus goes before files alone`() throws {
        let outcome = try Program.run(["pretrain", "-o", folder.file("run"), "--replay", "a", "recipes/smoke.yaml"])
        #expect(outcome.status == 64 && outcome.errors.contains("the recipe comes before it"))
        let corpus = try corpus()
        try Data("corpus: \(corpus)\n".utf8).write(to: URL(fileURLWithPath: folder.file("geodino.yaml")))
        let recipe = Program.root.appendingPathComponent("recipes/smoke.yaml").path
        let file = folder.file("step2.safetensors")
        let here = URL(fileURLWithPath: folder.path)
        func pretrain(_ run: String, _ option: String...) throws -> Outcome {
            try Program.run(["pretrain", recipe, "-o", folder.file(run), "--steps", "2", "-q"] + option, in: here)
        }
        let own = try pretrain("own", "--dump-step", "2", file)
        #expect(own.status == 0, "\(own.errors)")
        // The first step is of the corpus, which nobody named.
        let replayed = try pretrain("replayed", "--replay", file)
        #expect(replayed.status == 0 && replayed.output.contains("2 of 2 steps"), "\(replayed.errors)")
    }

    @Test func `the layers of a ConvNeXt come on the grid of patches or on their own`() throws {
        let pixels = folder.file("pixels.safetensors")
        try Torch.load()
        try writeSafetensors([("pixels", Tensor.ones([2, 3, 64, 96]))], metadata: [:], to: pixels)
        let weights = Program.root.appendingPathComponent("Tests/Golden/huggingface/convnext").path
        func shapes(_ name: String, _ more: String...) throws -> [[Int]] {
            let outcome = try Program.run(
                ["embed", "--tensor", pixels, "--weights", weights, "--layers", "0,3", "-o", folder.file(name), "-q"]
                    + more)
            try #require(outcome.status == 0, "\(outcome.errors)")
            let file = try SafetensorsFile(path: folder.file(name))
            return [0, 3].compactMap { file.entry("layers.\($0).patches")?.shape }
        }
        #expect(try shapes("shared.safetensors") == [[2, 4, 6, 4], [2, 4, 6, 12]])
        #expect(try shapes("own.safetensors", "--own-grids") == [[2, 16, 24, 4], [2, 2, 3, 12]])
    }
}

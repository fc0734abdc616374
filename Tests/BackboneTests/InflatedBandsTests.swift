// Weights of red, green and blue for images of other bands.
import Backbone
import Foundation
import Geo
import Telemetry
import Testing
import Torch

struct InflatedBandsTests {
    init() throws { try Torch.load() }

    private func contents(
        _ name: String, _ bands: [String], mean: [Double]? = nil, std: [Double]? = nil
    ) throws -> WeightsContents {
        var options = WeightsOptions()
        options.bands = bands
        options.bandMean = mean
        options.bandStd = std
        return try WeightsContents.open(goldenPath(name), options: options)
    }

    @Test(arguments: ["huggingface/mlp", "huggingface/official-eadcf0ff.pth", "huggingface/convnext"])
    func `bands that are alike say what three did`(name: String) throws {
        let plain = try WeightsContents.open(goldenPath(name))
        let inflated = try contents(name, ["nir", "red", "green", "blue", "swir"])
        #expect(inflated.record.architecture.channels == 5)
        #expect(inflated.record.bands.map(\.name) == ["nir", "red", "green", "blue", "swir"])
        #expect(Array(inflated.record.mean[1...3]) == plain.record.mean)
        #expect(abs(inflated.record.mean[0] - plain.record.mean.reduce(0, +) / 3) < 1e-12)
        #expect(inflated.notes.contains { $0.contains("nir, swir") })
        let one = Tensor.randn([2, 1, 32, 32], generator: Generator(seed: 1))
        let (three, five) = (concatenate([one, one, one], dim: 1), concatenate([one, one, one, one, one], dim: 1))
        let (a, b) = try withoutGradient {
            (
                try plain.network().forward(three, tapping: [], normalised: true).output,
                try inflated.network().forward(five, tapping: [], normalised: true).output
            )
        }
        for (x, y) in [(a.cls, b.cls), (a.patches, b.patches)] {
            #expect((x - y).abs().max().item() < 1e-5 * x.abs().max().item())
        }
    }

    @Test func `filters keep their places, and the others are the mean`() throws {
        let name = "huggingface/mlp"
        let before = try VisionTransformer.load(WeightsContents.open(goldenPath(name))).network
        let after = try VisionTransformer.load(contents(name, ["blue", "nir"])).network
        func filters(_ network: VisionTransformer) throws -> Tensor {
            try #require(network.parameters().first { $0.name == "patch_embed.proj.weight" }).tensor
        }
        let (old, new) = (try filters(before), try filters(after))
        #expect(new.shape[1] == 2)
        func difference(_ channel: Int, _ expected: Tensor) -> Double {
            (new.narrow(dim: 1, start: channel, length: 1) - expected * 1.5).abs().max().item()
        }
        #expect(difference(0, old.narrow(dim: 1, start: 2, length: 1)) < 1e-7)
        #expect(difference(1, old.mean([1], keepDims: true)) < 1e-7)
    }

    @Test(arguments: [WeightsFormat.geodino, .official, .huggingface])
    func `converted, they are what they were`(format: WeightsFormat) throws {
        try withTemporaryFolder { folder in
            let inflated = try contents(
                "huggingface/mlp", ["red", "green", "blue", "nir"], mean: [0.1, 0.2, 0.3, 0.4], std: [1, 1, 1, 2])
            let output =
                folder + (format == .huggingface ? "/model" : format == .official ? "/a.pth" : "/a.safetensors")
            _ = try inflated.convert(to: format, output: output)
            let back = try WeightsContents.open(output)
            #expect(back.record.mean == [0.1, 0.2, 0.3, 0.4] && back.record.std == [1, 1, 1, 2])
            #expect(back.record == inflated.record)
            let (a, b) = (try VisionTransformer.load(inflated).network, try VisionTransformer.load(back).network)
            for (x, y) in zip(a.parameters(), b.parameters()) {
                #expect(x.tensor.bytes() == y.tensor.bytes(), "\(x.name)")
            }
        }
    }

    @Test func `what makes no sense is refused`() throws {
        for bands in [[], ["red", "red"], ["red", ""], (0..<513).map { "b\($0)" }] {
            let error = try #require(throws: BackboneError.self) { try contents("huggingface/mlp", bands) }
            #expect(error.code == .badConfiguration)
        }
        #expect(throws: BackboneError.self) { try contents("huggingface/mlp", ["red", "nir"], mean: [0.1]) }
        #expect(throws: BackboneError.self) { try contents("huggingface/mlp", ["red", "nir"], std: [0.1, 0]) }
        try withTemporaryFolder { folder in
            _ = try contents("huggingface/mlp", ["red", "nir"]).convert(to: .geodino, output: folder + "/a.safetensors")
            var options = WeightsOptions()
            options.bands = ["red", "green", "blue"]
            let error = try #require(throws: BackboneError.self) {
                try WeightsContents.open(folder + "/a.safetensors", options: options)
            }
            #expect(error.causes.contains { $0.contains("red, nir") })
        }
    }
}

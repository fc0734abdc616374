// Weights under timm's names: DINOv3 and DINOv2 give timm's tokens, and say what timm's config.json says.
import Backbone
import Foundation
import Telemetry
import Testing
import Torch

struct TimmTests {
    private static let cases = ["dinov3", "dinov3-qkvb", "dinov3-plus", "dinov2", "dinov2-reg"]

    /// The tiny models have no published size, so that their files do not tell the number of heads.
    private var twoHeads: WeightsOptions {
        var options = WeightsOptions()
        options.heads = 2
        return options
    }

    private func check(_ network: any ImageBackbone, _ tag: String) throws {
        let golden = try SafetensorsFile(path: goldenPath("timm/answers.safetensors"))
        for number in 0..<3 where golden.entry("\(tag)/\(number)/images") != nil {
            let images = try golden.tensor("\(tag)/\(number)/images")
            let output = withoutGradient { network.forward(images, tapping: [], normalised: true).output }
            let all = concatenate(
                [output.cls.unsqueezed(dim: 1), output.registers, output.patches].filter { $0.count > 0 }, dim: 1)
            expectParity(all, try golden.tensor("\(tag)/\(number)/tokens"), limit: 5e-6, "\(tag) \(number)")
        }
    }

    @Test(arguments: cases)
    func `a vision transformer under timm's names gives timm's tokens`(tag: String) throws {
        let contents = try WeightsContents.open(goldenPath("timm/\(tag)"), options: twoHeads)
        #expect(contents.format == .timm)
        #expect(contents.record.mean == InputStatistics.sat.mean && contents.record.gsd == 0.6)
        try check(contents.network(), tag)
        let error = try #require(throws: BackboneError.self) { try WeightsContents.open(goldenPath("timm/\(tag)")) }
        #expect(error.remedy == "give the number of attention heads: \(Setting.heads) N")
    }

    @Test func `the heads that timm's configuration names are taken`() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.copyItem(atPath: goldenPath("timm/dinov3"), toPath: folder + "/m")
            let text = "{\"architecture\": \"vit_small_patch16_dinov3\", \"model_args\": {\"num_heads\": 2}}"
            try Data(text.utf8).write(to: URL(filePath: folder + "/m/config.json"))
            try check(WeightsContents.open(folder + "/m").network(), "dinov3")
            var options = WeightsOptions()
            options.heads = 4
            let error = try #require(throws: BackboneError.self) {
                try WeightsContents.open(folder + "/m", options: options)
            }
            #expect(error.remedy == "leave out \(Setting.heads)")
        }
    }

    @Test func `a ConvNeXt under timm's names gives its maps normalised`() throws {
        let contents = try WeightsContents.open(goldenPath("timm/convnext"))
        #expect(contents.format == .timm)
        try check(contents.network(), "convnext")
    }

    @Test(arguments: cases + ["convnext"])
    func `weights of timm go into every format, which give its tokens too`(tag: String) throws {
        try withTemporaryFolder { folder in
            let contents = try WeightsContents.open(
                goldenPath("timm/\(tag)"), options: tag == "convnext" ? WeightsOptions() : twoHeads)
            for (format, name) in [
                (WeightsFormat.geodino, "a.safetensors"), (.official, "a.pth"), (.huggingface, "a"),
            ] {
                _ = try contents.convert(to: format, output: "\(folder)/\(name)")
                let back = try WeightsContents.open("\(folder)/\(name)")
                #expect(back.record == contents.record)
                try check(back.network(), tag)
            }
            let refused = try #require(throws: BackboneError.self) {
                try contents.convert(to: .timm, output: "\(folder)/t")
            }
            #expect(refused.remedy == "convert to huggingface, official, geodino")
        }
    }

    @Test func `a head for classes on timm's backbone is passed over, and a missing tensor is not`() throws {
        try withTemporaryFolder { folder in
            let file = try SafetensorsFile(path: goldenPath("timm/dinov2/model.safetensors"))
            var tensors = try file.names.map { ($0, try file.tensor($0)) }
            tensors.append(("head.weight", Tensor.zeros([10, 16])))
            try writeSafetensors(tensors, to: folder + "/head.safetensors")
            try check(WeightsContents.open(folder + "/head.safetensors", options: twoHeads).network(), "dinov2")
            try writeSafetensors(
                tensors.filter { $0.0 != "blocks.1.ls2.gamma" }, to: folder + "/less.safetensors")
            let error = try #require(throws: BackboneError.self) {
                try WeightsContents.open(folder + "/less.safetensors", options: twoHeads)
            }
            #expect(error.causes == ["missing: blocks.1.ls2.gamma"])
        }
    }
}

// DINOv2: learnt positions by both programs' rules, the gated layer of one matrix, and the ways around all formats.
import Backbone
import Files
import Foundation
import Telemetry
import Testing
import Torch

struct Dinov2Tests {
    private static let cases = ["plain", "swiglu", "registers"]

    private func answers() throws -> SafetensorsFile {
        try SafetensorsFile(path: goldenPath("dinov2/answers.safetensors"))
    }

    /// The tiny models have no published size, so that their files do not tell the number of heads.
    private var twoHeads: WeightsOptions {
        var options = WeightsOptions()
        options.heads = 2
        return options
    }

    /// Compares all tokens on the stored positions' grid, a smaller and a larger one.
    private func check(_ network: any ImageBackbone, _ tag: String, _ who: String) throws {
        let golden = try answers()
        for number in 0..<3 {
            let images = try golden.tensor("\(tag)/\(number)/images")
            let output = withoutGradient { network.forward(images, tapping: [], normalised: true).output }
            let all = concatenate(
                [output.cls.unsqueezed(dim: 1), output.registers, output.patches].filter { $0.count > 0 }, dim: 1)
            expectParity(all, try golden.tensor("\(tag)/\(number)/\(who)"), limit: 5e-6, "\(tag) \(number) of \(who)")
        }
    }

    @Test(arguments: cases)
    func `a folder of transformers' DINOv2 gives transformers' tokens on any grid`(tag: String) throws {
        let contents = try WeightsContents.open(goldenPath("dinov2/\(tag)"))
        #expect(contents.format == .huggingface)
        for residency in WeightsResidency.allCases where residency != .packed || PackedLinear.isAvailable {
            try check(contents.network(residency: residency), tag, "transformers")
        }
    }

    @Test(arguments: cases)
    func `an official DINOv2 file gives the original code's tokens on any grid`(tag: String) throws {
        let contents = try WeightsContents.open(goldenPath("dinov2/\(tag).pth"), options: twoHeads)
        #expect(contents.format == .official)
        let architecture = try contents.record.transformer()
        #expect(architecture.positions?.grid == 5 && architecture.normEpsilon == 1e-6 && !architecture.maskKBias)
        #expect(architecture.patchSize == (tag == "registers" ? 14 : 4))
        try check(contents.network(), tag, "original")
    }

    @Test func `heads that nothing tells are asked for, and given they are taken`() throws {
        let path = goldenPath("dinov2/plain.pth")
        let error = try #require(throws: BackboneError.self) { try WeightsContents.open(path) }
        #expect(
            error.remedy == "give the number of attention heads: \(Setting.heads) N"
                && error.causes.first?.contains("heads") == true)
        #expect(try WeightsContents.open(path, options: twoHeads).record.transformer().heads == 2)
    }

    @Test(arguments: ["huggingface/official-eadcf0ff.pth", "dinov2/plain", "huggingface/mlp", "converted"])
    func `heads that contradict the file are refused`(_ name: String) throws {
        try withTemporaryFolder { folder in
            var path = goldenPath(name)
            if name == "converted" {
                path = folder + "/own.safetensors"
                _ = try WeightsContents.open(goldenPath("dinov2/plain.pth"), options: twoHeads)
                    .convert(to: .geodino, output: path)
            }
            _ = try WeightsContents.open(path, options: twoHeads)
            var options = WeightsOptions()
            options.heads = 4
            let error = try #require(throws: BackboneError.self) { try WeightsContents.open(path, options: options) }
            #expect(error.remedy == "leave out \(Setting.heads)")
        }
    }

    @Test func `weights keep their rule of resizing through every conversion`() throws {
        try withTemporaryFolder { folder in
            func way(_ from: WeightsContents, _ steps: [(WeightsFormat, String)]) throws -> WeightsContents {
                var contents = from
                for (format, name) in steps {
                    _ = try contents.convert(to: format, output: "\(folder)/\(name)")
                    contents = try WeightsContents.open("\(folder)/\(name)")
                }
                return contents
            }
            let original = try WeightsContents.open(goldenPath("dinov2/plain.pth"), options: twoHeads)
            let around = try way(
                original, [(.huggingface, "a"), (.geodino, "a.safetensors"), (.official, "a.pth")])
            #expect(around.record == original.record)
            try check(around.network(), "plain", "original")
            #expect(original.warnings(convertingTo: .huggingface).count == 1)
            #expect(original.warnings(convertingTo: .geodino).isEmpty)
            let theirs = try WeightsContents.open(goldenPath("dinov2/plain"))
            let back = try way(theirs, [(.official, "b.pth"), (.geodino, "b.safetensors"), (.huggingface, "b")])
            try check(back.network(), "plain", "transformers")
            #expect(theirs.warnings(convertingTo: .huggingface).isEmpty)
        }
    }

    @Test(arguments: cases)
    func `every tensor of DINOv2 comes back with its bytes`(tag: String) throws {
        try withTemporaryFolder { folder in
            func convert(_ contents: WeightsContents, _ format: WeightsFormat, _ to: String) throws -> String {
                _ = try contents.convert(to: format, output: "\(folder)/\(to)")
                return "\(folder)/\(to)"
            }
            func compare(_ first: String, _ second: String) throws {
                let (before, after) = (try openTensors(first), try openTensors(second))
                #expect(Set(before.names) == Set(after.names))
                for entry in before.entries {
                    #expect(after.entry(entry.name) == entry, "\(entry.name)")
                    #expect(
                        try after.tensor(entry.name, copy: true).bytes()
                            == before.tensor(entry.name, copy: true).bytes(), "\(entry.name)")
                }
            }
            let theirs = goldenPath("dinov2/\(tag)")
            let official = try convert(WeightsContents.open(theirs), .official, "a.pth")
            let ours = try convert(WeightsContents.open(official), .geodino, "a.safetensors")
            let back = try convert(WeightsContents.open(ours), .huggingface, "a")
            try compare(theirs + "/model.safetensors", back + "/model.safetensors")
            let published = goldenPath("dinov2/\(tag).pth")
            // Under official names both are the same file of tensors.
            try compare(published, official)
            let folderOfThem = try convert(WeightsContents.open(published, options: twoHeads), .huggingface, "b")
            try compare(theirs + "/model.safetensors", folderOfThem + "/model.safetensors")
            let text = String(
                decoding: try Data(contentsOf: URL(filePath: folderOfThem + "/config.json")), as: UTF8.self)
            let type = tag == "registers" ? "dinov2_with_registers" : "dinov2"
            for field in ["\"model_type\": \"\(type)\"", "\"mlp_ratio\": 2,", "\"image_size\": "] {
                #expect(text.contains(field), "\(text)")
            }
        }
    }

    /// The numbers of parameters are those of transformers' models of these sizes.
    @Test(arguments: [
        ("vits14", 22_056_576), ("vits14reg", 22_058_112), ("vitb14", 86_580_480), ("vitb14reg", 86_583_552),
        ("vitl14", 304_368_640), ("vitl14reg", 304_372_736), ("vitg14", 1_136_480_768), ("vitg14reg", 1_136_486_912),
    ])
    func `the published sizes of DINOv2 have transformers' numbers of parameters`(name: String, count: Int) throws {
        let architecture = try #require(BackboneArchitecture.preset(name))
        try architecture.validate()
        #expect(architecture.parameterCount == count && architecture.presetName == name && architecture.stride == 14)
        #expect(architecture.fittingSide(512) == 518 && architecture.fittingSide(1) == 14)
    }

    @Test func `a published size is known by its tensors, whatever its grid of positions`() throws {
        try withTemporaryFolder { folder in
            var configuration = try #require(BackboneConfiguration.preset("vits14reg"))
            configuration.positions = LearnedPositions(grid: 4, antialias: true)
            let network = VisionTransformer(configuration, generator: Generator(seed: 1), dtype: .bfloat16)
            try writeSafetensors(
                network.parameters().map { ($0.name, $0.tensor) }, to: folder + "/small-grid.safetensors")
            let found = try WeightsContents.open(folder + "/small-grid.safetensors").record.architecture
            #expect(found.presetName == "vits14reg" && found == .transformer(configuration))
        }
    }

    /// A gradient reaches the positions through the resizing.
    @Test func `learnt positions have the gradient that differences show`() throws {
        let configuration = tinyConfiguration {
            $0.depth = 1
            $0.width = 8
            $0.maskKBias = false
            $0.ffn = .swigluFused
            $0.positions = LearnedPositions(grid: 3, offset: 0.1)
        }
        try configuration.validate()
        let network = VisionTransformer(configuration, generator: Generator(seed: 1), dtype: .float64)
        setWaves(network)
        let images = wave([1, 3, 16, 20], 0.2, dtype: .float64)
        func loss() -> Tensor {
            let patches = network.forward(images).patches
            return (patches * wave(patches.shape, 0.4, 1, 0.7, dtype: .float64)).sum()
        }
        let positions = try #require(network.parameters().first { $0.name == "pos_embed" }).tensor
        positions.requiresGradient = true
        loss().backward()
        let gradient = try #require(positions.gradient).doubles()
        for place in [3, 8 + 5, 5 * 8, 9 * 8 + 7] {
            let element = positions.detached().flattened().narrow(dim: 0, start: place, length: 1)
            func moved(_ by: Double) -> Double {
                withoutGradient {
                    element.copy_(element + by)
                    return loss().item()
                }
            }
            let (up, down) = (moved(1e-5), moved(-2e-5))
            _ = moved(1e-5)
            expectClose([gradient[place]], [(up - down) / 2e-5], absolute: 1e-6, relative: 1e-5, "\(place)")
        }
    }

    @Test func `positions that make no sense are named`() throws {
        let configuration = tinyConfiguration { $0.positions = LearnedPositions(grid: 0, offset: 2) }
        let error = try #require(throws: BackboneError.self) { try configuration.validate() }
        #expect(error.causes.count == 2 && error.causes.allSatisfy { $0.hasPrefix("positions.") })
        try withTemporaryFolder { folder in
            let source = try openTensors(goldenPath("dinov2/plain.pth"))
            let tensors = try source.names.map { name in
                (name, name == "pos_embed" ? Tensor.zeros([1, 24, 16]) : try source.tensor(name, copy: true))
            }
            try writeSafetensors(tensors, to: folder + "/odd.safetensors")
            let odd = try #require(throws: BackboneError.self) {
                try WeightsContents.open(folder + "/odd.safetensors", options: twoHeads)
            }
            #expect(
                odd.causes == [
                    "pos_embed is [1, 24, 16]; expected [1, 1 + n * n, D], a square grid of learnt positions"
                ])
        }
    }

    /// Reference values: transformers 5 in single precision on a trained network.
    @Test(
        .enabled(if: realWeights != nil, "the shared test data is absent: set GEODINO_SHARED_DATA"),
        arguments: ["expected", "expected-196x280"])
    func `a trained ViT-S of DINOv2 gives transformers' tokens`(name: String) throws {
        let folder = try #require(realWeights)
        let expected = try SafetensorsFile(path: "\(folder)/\(name).safetensors")
        let network = try WeightsContents.open(folder).network()
        let images = try expected.tensor("pixels")
        let output = withoutGradient { network.forward(images, tapping: [], normalised: true).output }
        for (key, tensor) in [("cls", output.cls), ("patches", output.patches)] {
            guard let entry = expected.entry(key) else { continue }
            expectParity(tensor.reshaped(entry.shape), try expected.tensor(key), limit: 1e-5, "\(name) \(key)")
        }
    }
}

/// The folder of the trained weights; `nil` where the shared data are absent.
private let realWeights: String? = {
    let named = ProcessInfo.processInfo.environment["GEODINO_SHARED_DATA"]
    let folder = "\(named ?? goldenPath("../../../shared/data"))/weights/dinov2-vits14"
    return FileManager.default.fileExists(atPath: "\(folder)/model.safetensors") ? folder : nil
}()

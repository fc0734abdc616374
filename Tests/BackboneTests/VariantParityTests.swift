// The rarer forms of a backbone: outputs and every gradient against transformers, timm and PyTorch.
import Backbone
import Testing
import Torch

struct VariantParityTests {
    /// Checks a network whose parameters hold waves.
    private func check(_ network: any ImageBackbone, _ tag: String, _ images: Tensor, limit: Double) throws {
        let golden = try SafetensorsFile(path: goldenPath("variants.safetensors"))
        for parameter in network.parameters() { parameter.tensor.requiresGradient = true }
        let output = network.forward(images.to(network.dtype), tapping: [], normalised: true).output
        for (name, tensor) in [("cls", output.cls), ("registers", output.registers), ("patches", output.patches)]
        where tensor.count > 0 {
            expectParity(tensor, try golden.tensor("\(tag)/\(name)"), limit: limit, "\(tag) \(name)")
        }
        let parts = [output.cls.unsqueezed(dim: 1), output.registers, output.patches].filter { $0.count > 0 }
        let all = concatenate(parts, dim: 1)
        (all * wave(all.shape, 0.7, 1, 0.31, dtype: network.dtype)).sum().backward()
        var checked = 0
        for parameter in network.parameters() where parameter.name != "mask_token" {
            let gradient = try #require(parameter.tensor.gradient, "\(parameter.name) has no gradient")
            expectParity(
                gradient, try golden.tensor("\(tag)/gradient/\(parameter.name)"), limit: 10 * limit,
                "\(tag) gradient of \(parameter.name)")
            checked += 1
        }
        #expect(checked == golden.names.filter { $0.hasPrefix("\(tag)/gradient/") }.count)
    }

    private func transformer(
        _ dtype: DType, _ change: (inout BackboneConfiguration) -> Void
    ) throws -> VisionTransformer {
        let configuration = tinyConfiguration {
            $0.width = 16
            $0.depth = 1
            change(&$0)
        }
        try configuration.validate()
        let network = VisionTransformer(configuration, generator: Generator(seed: 1), dtype: dtype)
        setWaves(network)
        return network
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `a bias of k, and class tokens with a norm of their own`(dtype: DType, limit: Double) throws {
        let network = try transformer(dtype) {
            $0.heads = 4
            $0.registers = 3
            $0.maskKBias = false
            $0.untieClassAndPatchNorms = true
        }
        try check(network, "untied", wave([2, 3, 8, 20], 0.2, 1, 0.17), limit: limit)
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `neither LayerScale nor registers`(dtype: DType, limit: Double) throws {
        let network = try transformer(dtype) {
            $0.registers = 0
            $0.layerScale = nil
            $0.normEpsilon = 1e-6
        }
        try check(network, "bare", wave([2, 3, 16, 12], 0.3, 1, 0.19), limit: limit)
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `root mean square norms and gated layers`(dtype: DType, limit: Double) throws {
        let network = try transformer(dtype) {
            $0.ffn = .swiglu32
            $0.ffnRatio = 3
            $0.qkvBias = false
            $0.norm = .rmsnorm
        }
        try check(network, "rms", wave([1, 3, 12, 16], 0.6, 1, 0.29), limit: limit)
    }

    @Test(arguments: AttentionForm.allCases, [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `a key and a value more, and gates of heads`(form: AttentionForm, precision: (DType, Double)) throws {
        let (dtype, limit) = precision
        let network = try transformer(dtype) {
            $0.heads = 4
            $0.registers = 1
            $0.attention = form
        }
        try check(network, form.rawValue, wave([2, 3, 8, 20], 0.2, 1, 0.17), limit: limit)
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `a ConvNeXt's taps are resized and then normalised, or keep their own grids`(
        dtype: DType, limit: Double
    ) throws {
        let golden = try SafetensorsFile(path: goldenPath("taps.safetensors"))
        let network = convNeXt(dtype)
        let images = wave([2, 3, 64, 160], 0.4, 1, 0.13).to(dtype)
        try withoutGradient {
            let shared = network.forward(images, tapping: [0, 1, 2, 3], normalised: true).taps
            for (stage, tap) in shared.enumerated() {
                expectParity(tap.map, try golden.tensor("stage\(stage)"), limit: limit, "stage \(stage)")
            }
            expectParity(shared[3].cls, try golden.tensor("cls3"), limit: limit, "class token of the last")
            let raw = network.forward(images, tapping: [3], normalised: false).taps
            expectParity(raw[0].map, try golden.tensor("raw3"), limit: limit, "the last, not normalised")
            let own = network.forward(images, tapping: [0, 1, 2, 3], normalised: true, grid: .own).taps
            #expect(own.map(\.map.shape) == [[2, 4, 16, 40], [2, 6, 8, 20], [2, 8, 4, 10], [2, 8, 2, 5]])
            expectParity(own[3].map, try golden.tensor("own3"), limit: limit, "the last on its own grid")
            // On a grid of 16 pixels already, the third is the same either way.
            #expect(own[2].map.doubles() == shared[2].map.doubles())
            expectParity(own[3].cls, shared[3].cls, limit: 1e-12, "class tokens know no grid")
            for (layer, tap) in own.enumerated() {
                let stride = network.architecture.tapStride(ofLayer: layer, grid: .own)
                #expect(tap.map.shape[3] * stride == 160)
            }
        }
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `the four stages of a ConvNeXt`(dtype: DType, limit: Double) throws {
        try check(convNeXt(dtype), "convnext", wave([2, 3, 64, 32], 0.1, 1, 0.23), limit: limit)
    }

    private func convNeXt(_ dtype: DType) -> ConvNeXt {
        var configuration = ConvNeXtConfiguration()
        configuration.depths = [1, 2, 1, 1]
        configuration.widths = [4, 6, 8, 8]
        let network = ConvNeXt(configuration, generator: Generator(seed: 1), dtype: dtype)
        withoutGradient {
            for (number, parameter) in network.parameters().sorted(by: { $0.name < $1.name }).enumerated() {
                var value = wave(parameter.tensor.shape, 0.1 * Double(number), 0.3)
                if parameter.tensor.shape.count == 1, parameter.name.hasSuffix("weight") { value = value + 1 }
                parameter.tensor.copy_(value.to(dtype))
            }
        }
        return network
    }
}

// Outputs and gradients against Hugging Face transformers, in single and double precision.
import Backbone
import Testing
import Torch

struct GoldenParityTests {
    private func check(
        _ tag: String, _ configuration: BackboneConfiguration, images: Tensor, masks: Tensor?, dtype: DType,
        limit: Double
    ) throws {
        let golden = try SafetensorsFile(path: goldenPath("backbone.safetensors"))
        let network = VisionTransformer(configuration, generator: Generator(seed: 1), dtype: dtype)
        setWaves(network)
        for parameter in network.parameters() { parameter.tensor.requiresGradient = true }
        let output = network.forward(images.to(dtype), masks: masks)
        for (name, tensor) in [("cls", output.cls), ("registers", output.registers), ("patches", output.patches)] {
            guard tensor.count > 0 else { continue }
            expectParity(tensor, try golden.tensor("\(tag)/\(name)"), limit: limit, "\(tag) \(name)")
        }
        let all = concatenate([output.cls.unsqueezed(dim: 1), output.registers, output.patches], dim: 1)
        (all * wave(all.shape, 0.7, 1, 0.31, dtype: dtype)).sum().backward()
        for parameter in network.parameters() {
            let expected = try golden.tensor("\(tag)/gradient/\(parameter.name)")
            let gradient = try #require(
                parameter.tensor.gradient
                    ?? (masks == nil && parameter.name == "mask_token" ? expected.zerosLike() : nil),
                "\(parameter.name) has no gradient")
            expectParity(gradient, expected, limit: 10 * limit, "\(tag) gradient of \(parameter.name)")
        }
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `plain layers, registers and masks`(dtype: DType, limit: Double) throws {
        let hidden = Set([1, 5, 7, 12, 23])
        try check(
            "mlp", tinyConfiguration(), images: wave([2, 3, 12, 16], 0, 1, 0.11),
            masks: Tensor((0..<24).map { hidden.contains($0) }, shape: [2, 12]), dtype: dtype, limit: limit)
    }

    @Test(arguments: [(DType.float32, 1e-5), (.float64, 1e-6)])
    func `gated layers without a bias of q, k and v`(dtype: DType, limit: Double) throws {
        let configuration = tinyConfiguration {
            $0.depth = 1
            $0.heads = 4
            $0.ffn = .swiglu
            $0.ffnRatio = 3
            $0.qkvBias = false
            $0.registers = 0
        }
        try check(
            "gated", configuration, images: wave([1, 3, 20, 8], 0.4, 1, 0.13), masks: nil, dtype: dtype, limit: limit)
    }
}

struct GradientTests {
    @Test func `gradients in double precision equal differences`() throws {
        let configuration = tinyConfiguration {
            $0.width = 16
            $0.depth = 2
            $0.ffn = .swiglu
            $0.untieGlobalAndLocalNorms = true
            $0.norm = .layernorm
            $0.dropPath = 0.4
        }
        let network = VisionTransformer(configuration, generator: Generator(seed: 1), dtype: .float64)
        setWaves(network)
        let images = wave([3, 3, 8, 8], 0.3, dtype: .float64)
        let masks = Tensor((0..<12).map { $0 % 5 == 1 }, shape: [3, 4])
        // A training pass of local crops: dropped paths, stretched positions and the local norm are all in it.
        func loss() -> Tensor {
            let output = network.forward(images, masks: masks, crop: .local, context: .training(seed: 3, step: 9))
            let all = concatenate([output.cls.unsqueezed(dim: 1), output.registers, output.patches], dim: 1)
            return (all * wave(all.shape, 0.7, 1, 0.31, dtype: .float64)).sum()
        }
        for parameter in network.parameters() { parameter.tensor.requiresGradient = true }
        loss().backward()
        for (name, tensor) in network.parameters() {
            let gradient = try #require(tensor.gradient, "\(name) has no gradient").doubles()
            // The direction of a wave: one difference checks all elements at once.
            let direction = waves(tensor.shape, 1.3)
            let expected = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
            let step = 1e-5
            let original = tensor.detached().cloned()
            func shifted(_ amount: Double) -> Double {
                withoutGradient {
                    tensor.copy_(original + Tensor(direction, shape: tensor.shape) * amount)
                    return loss().item()
                }
            }
            let difference = (shifted(step) - shifted(-step)) / (2 * step)
            withoutGradient { _ = tensor.copy_(original) }
            #expect(
                (difference - expected).magnitude <= 1e-6 * max(1, expected.magnitude),
                "\(name): gradient \(expected), difference \(difference)")
        }
    }
}

struct DropPathTests {
    @Test func `the kept share is whole samples and the mean stays`() {
        let x = Tensor.zeros([10, 2, 3], dtype: .float64)
        var sums = [Double](repeating: 0, count: 10)
        let rounds = 400
        for step in 0..<rounds {
            let y = droppingPath(x, rate: 0.25, random: CounterRandom(seed: 1, path: [step])) { $0 + 1 }
            let values = y.doubles()
            // floor(10 * 0.75) = 7 samples, each scaled by 10 / 7.
            let perSample = (0..<10).map { Array(values[$0 * 6..<$0 * 6 + 6]) }
            #expect(perSample.count { $0.allSatisfy { $0 == 10.0 / 7 } } == 7)
            #expect(perSample.count { $0.allSatisfy { $0 == 0 } } == 3)
            for sample in 0..<10 { sums[sample] += perSample[sample][0] }
        }
        // The mean of a sample is 1 with a deviation of sqrt(3/7 / 400), about 0.033.
        for sum in sums { #expect((sum / Double(rounds) - 1).magnitude < 0.15) }
    }

    @Test func `one sample is always kept`() {
        let y = droppingPath(Tensor.zeros([1, 1, 2]), rate: 0.9, random: CounterRandom(seed: 1, path: [])) { $0 + 1 }
        #expect(y.doubles() == [1, 1])
    }

    @Test func `nothing is dropped outside training`() {
        let network = VisionTransformer(
            tinyConfiguration {
                $0.dropPath = 0.5
                $0.rope.rescale = nil
            }, generator: Generator(seed: 1))
        setWaves(network)
        let plain = VisionTransformer(tinyConfiguration(), generator: Generator(seed: 1))
        setWaves(plain)
        let images = wave([4, 3, 8, 8], 0.3)
        let (a, b, c) = withoutGradient {
            (
                network.forward(images).preNorm.doubles(), plain.forward(images).preNorm.doubles(),
                network.forward(images, context: .training(seed: 1, step: 1)).preNorm.doubles()
            )
        }
        #expect(a == b)
        #expect(a != c)
    }
}

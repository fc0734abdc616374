// The network against the specification's vectors, and what its inputs may be.
import Backbone
import Testing
import Torch

struct VisionTransformerTests {
    private func network(_ configuration: BackboneConfiguration, dtype: DType = .float32) -> VisionTransformer {
        let network = VisionTransformer(configuration, generator: Generator(seed: 1), dtype: dtype)
        setWaves(network)
        return network
    }

    private let image = wave([1, 3, 12, 16], 0, 1, 0.11)

    private func first(_ x: Tensor, _ count: Int) -> [Double] { Array(x.doubles()[..<count]) }

    @Test func `a network with registers and plain layers`() {
        let network = network(tinyConfiguration { $0.untieGlobalAndLocalNorms = true })
        #expect(network.parameters().count == 37)
        let output = withoutGradient { network.forward(image) }
        expectClose(
            first(output.cls, 6), [1.6221907, 1.6933399, 0.0991697, -0.9327589, -0.6536934, -0.1600804])
        #expect(output.registers.shape == [1, 2, 32])
        expectClose(
            Array(output.registers.doubles()[32..<36]), [1.5812353, 1.6930271, 0.0390969, -0.9999165])
        #expect(output.patches.shape == [1, 12, 32])
        let patches = output.patches.doubles()
        expectClose(
            Array(patches[..<6]), [-0.1476972, -1.1200356, -1.0272343, 0.2934851, 0.9168688, -0.0305629])
        expectClose(
            Array(patches[11 * 32..<11 * 32 + 6]),
            [0.7059107, 1.1450607, 0.1626556, -0.8614501, -1.1890142, -0.7231257])
        #expect(output.preNorm.shape == [1, 15, 32])
        expectClose([output.preNorm.doubles().reduce(0, +)], [101.092655], absolute: 1e-4)
        expectClose([patches.reduce(0) { $0 + $1.magnitude } / Double(patches.count)], [0.8856891])
        #expect(output.gridHeight == 3 && output.gridWidth == 4)
    }

    @Test func `hidden patches take the mask token`() {
        let network = network(tinyConfiguration { $0.untieGlobalAndLocalNorms = true })
        let hidden = Tensor((0..<12).map { [1, 5, 7].contains($0) }, shape: [1, 12])
        let output = withoutGradient { network.forward(image, masks: hidden) }
        expectClose(
            Array(output.patches.doubles()[5 * 32..<5 * 32 + 4]), [1.2511163, 1.5964583, -0.3142980, -1.2855353])
        expectClose(first(output.cls, 4), [1.6525869, 1.6863188, 0.0901345, -0.9290674])
        #expect(output.masks?.ints() == hidden.ints())
    }

    @Test func `what lies under a mask cannot be seen`() {
        let network = network(tinyConfiguration())
        let hidden = Tensor((0..<12).map { $0 == 0 }, shape: [1, 12])
        // The first patch covers rows 0 to 3 and columns 0 to 3.
        let other = Tensor(
            (0..<576).map { $0 % 16 < 4 && ($0 / 16) % 12 < 4 ? Float(9) : Float(0) }, shape: [1, 3, 12, 16])
        let (a, b) = withoutGradient {
            (network.forward(image, masks: hidden), network.forward(image + other, masks: hidden))
        }
        #expect(a.preNorm.doubles() == b.preNorm.doubles())
        let (c, d) = withoutGradient { (network.forward(image), network.forward(image + other)) }
        #expect(c.preNorm.doubles() != d.preNorm.doubles())
    }

    @Test func `a network with gated layers and no registers`() {
        let network = network(
            tinyConfiguration {
                $0.depth = 1
                $0.ffn = .swiglu64
                $0.ffnRatio = 3
                $0.qkvBias = false
                $0.registers = 0
            })
        let output = withoutGradient { network.forward(image) }
        expectClose(
            first(output.cls, 6), [1.3489399, -0.1106894, -0.8266550, -0.3343201, 0.5424764, 0.9759635])
        expectClose(
            Array(output.patches.doubles()[96..<100]), [0.9976646, 2.0001566, 0.8003007, -1.1858891])
        #expect(output.registers.shape == [1, 0, 32])
    }

    @Test func `the bias of keys does not count`() throws {
        let configuration = tinyConfiguration()
        let network = network(configuration)
        let before = withoutGradient { network.forward(image).preNorm.doubles() }
        let bias = try #require(network.parameters().first { $0.name == "blocks.1.attn.qkv.bias" }).tensor
        withoutGradient { _ = bias.narrow(dim: 0, start: 32, length: 32).copy_(Tensor.full([32], 7)) }
        #expect(withoutGradient { network.forward(image).preNorm.doubles() } == before)
    }

    @Test func `several resolutions at once equal one by one`() {
        let network = network(tinyConfiguration())
        let small = wave([3, 3, 8, 4], 0.2)
        let outputs = withoutGradient {
            network.forward([BackboneInput(images: image), BackboneInput(images: small, crop: .local)])
        }
        let alone = withoutGradient { network.forward(small) }
        #expect(outputs.count == 2)
        #expect(outputs[1].patches.shape == [3, 2, 32])
        #expect(outputs[1].preNorm.doubles() == alone.preNorm.doubles())
    }

    @Test func `samples of a batch do not see each other`() {
        let network = network(tinyConfiguration())
        let batch = wave([3, 3, 8, 12], 0.5)
        let (together, alone) = withoutGradient {
            (
                network.forward(batch).patches.select(dim: 0, index: 2),
                network.forward(batch.narrow(dim: 0, start: 2, length: 1)).patches.select(dim: 0, index: 0)
            )
        }
        expectParity(together, alone, limit: 1e-5, "the third of three")
    }

    @Test func `local crops have a class norm of their own in training only`() {
        let configuration = tinyConfiguration {
            $0.untieGlobalAndLocalNorms = true
            $0.rope.rescale = nil
        }
        let network = network(configuration)
        let training = ForwardContext.training(seed: 1, step: 3)
        func cls(_ crop: CropKind, _ context: ForwardContext) -> [Double] {
            withoutGradient { network.forward(image, crop: crop, context: context).cls.doubles() }
        }
        #expect(cls(.local, training) != cls(.global, training))
        #expect(cls(.local, .evaluation) == cls(.global, training))
    }

    @Test func `the norm of local crops goes before that of class tokens, in training only`() {
        let network = network(
            tinyConfiguration {
                $0.untieClassAndPatchNorms = true
                $0.untieGlobalAndLocalNorms = true
                $0.rope.rescale = nil
            })
        let training = ForwardContext.training(seed: 1, step: 3)
        let tensors = Dictionary(uniqueKeysWithValues: network.parameters().map { ($0.name, $0.tensor) })
        func expected(_ norm: String, _ output: TokenOutput) -> Tensor {
            // By the definition of a layer norm, over the tokens as they were before it.
            let x = output.preNorm.select(dim: 1, index: 0)
            let centred = x - x.mean(1, keepDims: true)
            let deviation = ((centred * centred).mean(1, keepDims: true) + network.configuration.normEpsilon).sqrt()
            return centred / deviation * (tensors["\(norm).weight"] ?? x) + (tensors["\(norm).bias"] ?? x)
        }
        withoutGradient {
            for (crop, context, norm) in [
                (CropKind.local, training, "local_cls_norm"), (.global, training, "cls_norm"),
                (.local, .evaluation, "cls_norm"), (.global, .evaluation, "cls_norm"),
            ] {
                let whole = network.forward(image, crop: crop, context: context)
                expectParity(whole.cls, expected(norm, whole), limit: 1e-5, "\(crop) \(norm)")
                // And where only class tokens and some patches are asked for.
                let some = network.forward(
                    [BackboneInput(images: image, crop: crop)], choosing: [[1]], context: context)
                expectParity(some[0].cls, expected(norm, whole), limit: 1e-5, "chosen, \(crop) \(norm)")
            }
        }
    }

    @Test func `training stretches positions by seed, step, entry and block`() {
        let network = network(tinyConfiguration())
        func patches(_ seed: UInt64, _ step: Int) -> [[Double]] {
            withoutGradient {
                network.forward(
                    [BackboneInput(images: image), BackboneInput(images: image)],
                    context: .training(seed: seed, step: step)
                ).map { $0.patches.doubles() }
            }
        }
        let reference = patches(1, 5)
        #expect(patches(1, 5) == reference)
        #expect(patches(1, 6) != reference)
        #expect(patches(2, 5) != reference)
        #expect(reference[0] != reference[1])
    }

    @Test func `taps are the blocks' outputs as maps`() {
        let network = network(tinyConfiguration { $0.depth = 3 })
        let (taps, output) = withoutGradient {
            (network.intermediateLayers(image, blocks: [0, 2]), network.forward(image))
        }
        #expect(taps.map(\.block) == [0, 2])
        #expect(taps[0].map.shape == [1, 32, 3, 4])
        #expect(taps[1].map.flattened(from: 2).transpose(1, 2).doubles() == output.patches.doubles())
        #expect(taps[1].cls.doubles() == output.cls.doubles())
        #expect(taps[1].registers.doubles() == output.registers.doubles())
        let raw = withoutGradient { network.intermediateLayers(image, last: 1, normalised: false) }
        #expect(
            raw[0].cls.doubles() == output.preNorm.select(dim: 1, index: 0).doubles())
        #expect(raw[0].cls.doubles() != taps[1].cls.doubles())
    }

    @Test func `equal seeds give equal weights and a copy is its own`() throws {
        let configuration = tinyConfiguration()
        let a = VisionTransformer(configuration, generator: Generator(seed: 7))
        let b = VisionTransformer(configuration, generator: Generator(seed: 7))
        let c = VisionTransformer(configuration, generator: Generator(seed: 8))
        func values(_ network: VisionTransformer) -> [Double] { network.parameters().flatMap { $0.tensor.doubles() } }
        #expect(values(a) == values(b))
        #expect(values(a) != values(c))
        let copy = a.copy()
        let original = values(a)
        withoutGradient { a.parameters().forEach { $0.tensor.copy_(Tensor.zeros($0.tensor.shape)) } }
        #expect(values(copy) == original)
        #expect(copy.parameters().map(\.name) == a.parameters().map(\.name))
    }

    @Test func `first values have the spread of the recipe`() throws {
        var configuration = tinyConfiguration()
        configuration.width = 64
        let network = VisionTransformer(configuration, generator: Generator(seed: 3))
        let values = Dictionary(uniqueKeysWithValues: network.parameters().map { ($0.name, $0.tensor.doubles()) })
        func spread(_ name: String) throws -> Double {
            let v = try #require(values[name])
            return (v.reduce(0) { $0 + $1 * $1 } / Double(v.count)).squareRoot()
        }
        expectClose([try spread("blocks.1.attn.qkv.weight")], [0.02], absolute: 0.0006)
        expectClose([try spread("blocks.0.mlp.fc2.weight")], [0.02], absolute: 0.0007)
        expectClose([try spread("cls_token")], [0.02], absolute: 0.006)
        #expect(values["mask_token"]?.allSatisfy { $0 == 0 } == true)
        #expect(values["blocks.0.ls1.gamma"]?.allSatisfy { ($0 - 1e-5).magnitude < 1e-12 } == true)
        #expect(values["blocks.0.norm1.weight"]?.allSatisfy { $0 == 1 } == true)
        #expect(values["blocks.0.attn.proj.bias"]?.allSatisfy { $0 == 0 } == true)
        // Even between minus and plus 1 / sqrt(3 * 4 * 4), whose deviation is a sqrt(3)-th of it.
        let patch = try #require(values["patch_embed.proj.weight"])
        let bound = 1 / 48.0.squareRoot()
        #expect(patch.allSatisfy { $0.magnitude <= bound })
        expectClose([try spread("patch_embed.proj.weight")], [bound / 3.0.squareRoot()], absolute: 0.004)
        #expect(network.buffers().map(\.name).contains("blocks.1.attn.qkv.bias_mask"))
    }

    @Test func `root mean square normalisation`() {
        let network = network(
            tinyConfiguration {
                $0.norm = .rmsnorm; $0.depth = 1
            })
        #expect(!network.parameters().contains { $0.name == "norm.bias" })
        let output = withoutGradient { network.forward(image) }
        let x = output.preNorm.doubles()[..<32]
        let weight = network.parameters().first { $0.name == "norm.weight" }?.tensor.doubles() ?? []
        let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / 32 + 1e-5).squareRoot()
        expectClose(output.cls.doubles(), zip(x, weight).map { $0 * scale * $1 })
    }
}

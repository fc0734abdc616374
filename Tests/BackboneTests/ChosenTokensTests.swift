// Passes that end in some of the tokens give what whole passes give, forth and back.
import Backbone
import Testing
import Torch

/// A form of the network that goes its own way in the last block.
struct ChosenForm: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout BackboneConfiguration) -> Void

    init(_ name: String, _ change: @escaping @Sendable (inout BackboneConfiguration) -> Void) {
        testDescription = name
        self.change = change
    }
}

struct ChosenTokensTests {
    /// Of 5 images with 4 patches: some of the first, none of the second, all of the third, and none of the last two.
    static let patches = [1, 3, 8, 9, 10, 11]

    @Test(arguments: [
        ChosenForm("plain") { _ in },
        ChosenForm("one block") { $0.depth = 1 },
        ChosenForm("dropped paths") { $0.dropPath = 0.4 },
        ChosenForm("no LayerScale, dropped paths") {
            $0.layerScale = nil
            $0.dropPath = 0.4
        },
        ChosenForm("SwiGLU, norms apart") {
            $0.ffn = .swiglu
            $0.untieClassAndPatchNorms = true
        },
        ChosenForm("a norm of local crops") { $0.untieGlobalAndLocalNorms = true },
        ChosenForm("gates") { $0.attention = .gated },
        ChosenForm("a key and a value more") { $0.attention = .biased },
        ChosenForm("no registers") { $0.registers = 0 },
    ])
    func `chosen tokens and their gradients equal those of the whole pass`(form: ChosenForm) throws {
        let network = VisionTransformer(
            tinyConfiguration(form.change), generator: Generator(seed: 1), dtype: .float64)
        setWaves(network)
        for parameter in network.parameters() { parameter.tensor.requiresGradient = true }
        let entries = [
            BackboneInput(
                images: wave([5, 3, 8, 8], 0.3, dtype: .float64),
                masks: Tensor((0..<20).map { $0 % 5 == 1 }, shape: [5, 4])),
            BackboneInput(images: wave([4, 3, 4, 4], 0.9, dtype: .float64), crop: .local),
        ]
        for recomputes in [false, true] {
            let context = ForwardContext.training(seed: 3, step: 9, recomputesBlocks: recomputes)
            func gradients(
                _ outputs: [ChosenTokens]
            ) throws -> (values: [[Double]], gradients: [(name: String, values: [Double]?)]) {
                for parameter in network.parameters() { parameter.tensor.gradient = nil }
                let tensors = [outputs[0].cls, try #require(outputs[0].patches), outputs[1].cls]
                var loss = Tensor.zeros([], dtype: .float64)
                for (number, tensor) in tensors.enumerated() {
                    loss = loss + (tensor * wave(tensor.shape, Double(number), 1, 0.31, dtype: .float64)).sum()
                }
                loss.backward()
                return (
                    tensors.map { $0.doubles() }, network.parameters().map { ($0.name, $0.tensor.gradient?.doubles()) }
                )
            }
            let whole = network.forward(entries, context: context)
            let expected = try gradients([whole[0].choosing(Self.patches), whole[1].choosing([])])
            let chosen = network.forward(entries, choosing: [Self.patches, []], context: context)
            #expect(chosen[0].patches?.shape == [6, 32] && chosen[1].patches == nil && chosen[0].all == nil)
            let found = try gradients(chosen)
            let mixed = network.forward(entries, choosing: [nil, []], context: context)
            let all = try #require(mixed[0].all)
            #expect(mixed[0].patches == nil && all.patches.doubles() == whole[0].patches.doubles())
            #expect(
                mixed[0].cls.doubles() == whole[0].cls.doubles() && mixed[1].cls.doubles() == chosen[1].cls.doubles())
            for (a, b) in zip(found.values, expected.values) {
                expectClose(a, b, absolute: 1e-12, relative: 1e-12, form.testDescription)
            }
            for (a, b) in zip(found.gradients, expected.gradients) {
                // A parameter that no path leads to has a gradient in neither.
                #expect((a.values == nil) == (b.values == nil), "\(a.name)")
                guard let values = a.values, let others = b.values else { continue }
                expectClose(values, others, absolute: 1e-11, relative: 1e-11, "\(form.testDescription), \(a.name)")
            }
        }
    }

    @Test func `whoever looks at all tokens changes no bit of the chosen ones`() throws {
        let network = VisionTransformer(tinyConfiguration(), generator: Generator(seed: 1))
        setWaves(network)
        let entry = BackboneInput(images: wave([5, 3, 8, 8], 0.3))
        let (alone, watched, whole) = withoutGradient {
            (
                network.forward([entry], choosing: [Self.patches])[0],
                network.forward([entry], choosing: [Self.patches], alsoAll: true)[0], network.forward(entry.images)
            )
        }
        #expect(alone.cls.floats() == watched.cls.floats())
        #expect(try #require(alone.patches).floats() == #require(watched.patches).floats())
        let all = try #require(watched.all)
        #expect(all.preNorm.floats() == whole.preNorm.floats() && all.patches.floats() == whole.patches.floats())
        #expect(all.gridHeight == 2 && all.gridWidth == 2)
    }
}

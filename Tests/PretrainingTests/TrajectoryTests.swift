// Five steps of the whole objective against plain PyTorch: losses, gradient norms and weights.
import Backbone
import FoundationEssentials
import Pretraining
import Testing
import Torch

@Suite struct TrajectoryTests {
    /// Numbers from -1 to 1 that follow from a name, as in Tests/Golden/trajectory.py.
    private func noise(_ name: String, _ count: Int) -> [Double] {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return (0..<count).map { index in
            var z = hash &+ UInt64(index) &* 0x9e37_79b9_7f4a_7c15
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return (Double((z ^ (z >> 31)) >> 40) - 8_388_608) / 8_388_608
        }
    }

    private func crops(_ name: String, _ count: Int) throws -> CropStorage {
        let storage = try CropStorage(count: count)
        for (index, value) in noise(name, count).enumerated() { storage.base[index] = Float(2 * value) }
        return storage
    }

    private func fill(_ model: SelfSupervisedModel) throws {
        for (name, tensor) in model.parameters() {
            let values = noise(name, tensor.count).map { u -> Float in
                if name.contains("norm"), name.hasSuffix(".weight") { return Float(1 + u * 0.25) }
                return name.contains("gamma") ? Float(0.5 + u * 0.25) : Float(u * 0.25)
            }
            try catchingTorchErrors {
                withoutGradient { _ = tensor.copy_(Tensor(values, shape: tensor.shape)) }
            }
        }
    }

    /// Five steps of a golden file's recipe.
    private func check(
        _ name: String, dtype: DType, losses lossLimit: Double, weights weightLimit: Double,
        change: (inout PretrainingRecipe) -> Void = { _ in }
    ) throws {
        try Torch.load()
        let golden = try SafetensorsFile(path: "\(packageFolder)/Tests/Golden/\(name).safetensors")
        var recipe = try JSONDecoder().decode(
            PretrainingRecipe.self, from: Data(try #require(golden.metadata["recipe"]).utf8))
        change(&recipe)
        try recipe.validate()
        let learner = try catchingTorchErrors { Learner(PhasePlan(recipe), dtype: dtype) }
        try fill(learner.student)
        try fill(learner.teacher)
        let losses = try golden.tensor("losses").doubles()
        let norms = try golden.tensor("norms").doubles()
        let (batch, size) = (recipe.data.batchSize, recipe.crops.global.size)
        var (lossError, normError) = (0.0, 0.0)
        for step in 0..<recipe.steps {
            let hidden = noise("step\(step).masks", 2 * batch * 16).map { $0 < -0.4 }
            let masks = (0..<2 * batch).map { crop in
                (0..<16).map { crop % 2 == 1 && hidden[16 * crop + $0] }
            }
            let result = try learner.step(
                CropBatch(
                    step: step, ids: Array(0..<batch),
                    global: crops("step\(step).global", 2 * batch * 3 * size * size),
                    local: crops("step\(step).local", 3 * batch * 3 * 8 * 8),
                    larger: recipe.gram?.crop == nil ? nil : crops("step\(step).larger", 2 * batch * 3 * 24 * 24)),
                masks: MaskBatch(masks))
            #expect(result.failure == nil)
            #expect((result.gram == nil) == (recipe.gram.map { step < $0.from ?? 0 } ?? true))
            let found = [
                result.loss, result.dinoLocal, result.dinoGlobal, result.ibot, result.koleo, result.gram ?? 0,
            ]
            for (index, value) in found.enumerated() {
                lossError = max(lossError, abs(value - losses[6 * step + index]))
            }
            for (index, norm) in result.norms.enumerated() {
                normError = max(normError, abs(norm.norm - norms[3 * step + index]))
            }
        }
        #expect(lossError < lossLimit && normError < lossLimit, "losses \(lossError), norms \(normError)")
        var worst = (name: "", error: 0.0)
        var compared = 0
        for (side, model) in [("student", learner.student), ("teacher", learner.teacher)] {
            for (name, tensor) in model.parameters() where golden.entry("\(side).\(name)") != nil {
                let expected = try golden.tensor("\(side).\(name)").doubles()
                let found = try catchingTorchErrors { tensor.detached().doubles() }
                #expect(found.count == expected.count)
                compared += 1
                for (a, b) in zip(found, expected) where !(abs(a - b) <= worst.error) {
                    worst = ("\(side).\(name)", abs(a - b))
                }
            }
        }
        #expect(compared == golden.entries.count - 2 && compared >= learner.student.parameters().count)
        #expect(worst.error < weightLimit, "\(worst)")
        let parts = recipe.data.accumulate.map { " in \($0) parts" } ?? ""
        print("\(name)\(parts) in \(dtype): losses \(lossError), gradient norms \(normError), weights \(worst)")
    }

    /// Types with the largest errors of losses and of weights.
    private static let precisions = [(DType.float64, 1e-9, 1e-9), (.float32, 1e-4, 1e-5)]

    @Test(arguments: precisions)
    func `five steps of training equal PyTorch's`(dtype: DType, losses: Double, weights: Double) throws {
        try check("trajectory", dtype: dtype, losses: losses, weights: weights)
    }

    @Test(arguments: precisions)
    func `with a norm for class tokens and one for local crops, and a classic rate whose peak alone is scaled`(
        dtype: DType, losses: Double, weights: Double
    ) throws {
        try check("trajectory-untied", dtype: dtype, losses: losses, weights: weights)
    }

    @Test(arguments: precisions, [nil, 2])
    func `in groups, five steps equal PyTorch's however many are computed at once`(
        precision: (DType, Double, Double), parts: Int?
    ) throws {
        let (dtype, losses, weights) = precision
        try check("trajectory-groups", dtype: dtype, losses: losses, weights: weights) { $0.data.accumulate = parts }
    }
}

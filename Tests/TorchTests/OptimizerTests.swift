// AdamW, clipping and averages against PyTorch's.
import Testing
import Torch

struct OptimizerTests {
    /// Ten steps as the golden script takes them; `pause` saves and restores in the middle.
    private func train(pausingAt pause: Int? = nil) throws -> (a: Tensor, b: Tensor, optimizer: AdamW) {
        let folder = try TemporaryFolder()
        let a = try golden("adamw.start.a")
        let b = try golden("adamw.start.b")
        a.requiresGradient = true
        b.requiresGradient = true
        func make() -> AdamW {
            AdamW(
                groups: [
                    .init(parameters: [("a", a)], learningRate: 1e-2, weightDecay: 0.1),
                    .init(parameters: [("b", b)], learningRate: 3e-3, weightDecay: 0),
                ], beta2: 0.95)
        }
        var optimizer = make()
        for step in 0..<10 {
            if step == pause {
                try writeSafetensors(optimizer.state(), to: folder["state.safetensors"])
                optimizer = make()
                try optimizer.restore(from: SafetensorsFile(path: folder["state.safetensors"]))
            }
            a.gradient = try golden("adamw.gradient.\(step).a")
            b.gradient = try golden("adamw.gradient.\(step).b")
            optimizer.step()
        }
        return (a, b, optimizer)
    }

    @Test func `ten steps in two groups are PyTorch's`() throws {
        let (a, b, optimizer) = try train()
        expectClose(a.detached(), try golden("adamw.end.a"), relative: 1e-5, absolute: 1e-6)
        expectClose(b.detached(), try golden("adamw.end.b"), relative: 1e-5, absolute: 1e-6)
        let state = Dictionary(uniqueKeysWithValues: optimizer.state().map { ($0.name, $0.tensor) })
        expectClose(try #require(state["a.exp_avg_sq"]), try golden("adamw.square.a"), relative: 1e-5)
        #expect(state["b.step"]?.item() == 10)
    }

    @Test func `the same steps give the same bits, unbroken or resumed`() throws {
        let once = try train()
        let again = try train()
        let resumed = try train(pausingAt: 4)
        #expect(once.a.bytes() == again.a.bytes() && once.b.bytes() == again.b.bytes())
        #expect(once.a.bytes() == resumed.a.bytes() && once.b.bytes() == resumed.b.bytes())
    }

    @Test func `parameters without gradient stay, and a first step is the learning rate long`() {
        let moved = Tensor([1, -1], shape: [2])
        let frozen = Tensor([1, -1], shape: [2])
        moved.requiresGradient = true
        let optimizer = AdamW(
            groups: [.init(parameters: [("m", moved), ("f", frozen)], learningRate: 0.1, weightDecay: 0)])
        (moved * Tensor([3, -5])).sum().backward()
        optimizer.step()
        expectClose(moved.detached().doubles(), [0.9, -0.9])
        #expect(frozen.floats() == [1, -1])
        optimizer.clearGradients()
        #expect(moved.gradient == nil)
        #expect(optimizer.state().map(\.name) == ["m.exp_avg", "m.exp_avg_sq", "m.step"])
    }

    @Test func `types may be mixed in one group`() {
        let double = Tensor([2.0, 1.0] as [Double], shape: [2])
        let single = Tensor([2, 1], shape: [2])
        for parameter in [double, single] {
            parameter.requiresGradient = true
            parameter.square().sum().backward()
        }
        AdamW(
            groups: [.init(parameters: [("d", double), ("s", single)], learningRate: 0.1, weightDecay: 0.5)]
        ).step()
        expectClose(single.detached().doubles(), double.detached().doubles(), relative: 1e-6, absolute: 1e-6)
    }

    @Test func `clipping is PyTorch's`() throws {
        let parameters = [Tensor.zeros([4, 3]), Tensor.zeros([6])]
        for (index, parameter) in parameters.enumerated() {
            parameter.requiresGradient = true
            parameter.gradient = try golden("clip.before.\(index)")
        }
        let norm = clipGradientNorm(parameters, maximum: 0.7)
        expectClose([norm], [try golden("clip.norm").item()], relative: 1e-6)
        for (index, parameter) in parameters.enumerated() {
            expectClose(try #require(parameter.gradient), try golden("clip.after.\(index)"), relative: 1e-5)
        }
        expectClose([clipGradientNorm(parameters, maximum: .infinity)], [0.7], relative: 1e-4)
        // A second time there is nothing to clip.
        let before = parameters[0].gradient?.bytes()
        clipGradientNorm(parameters, maximum: 100)
        #expect(parameters[0].gradient?.bytes() == before)
        #expect(clipGradientNorm([.zeros([2])], maximum: 1) == 0)
    }

    @Test func `a gradient that is not finite shows in the norm and spreads nowhere`() {
        let parameters = [Tensor.zeros([1]), Tensor.zeros([1])]
        for parameter in parameters { parameter.requiresGradient = true }
        parameters[0].gradient = Tensor([Float.nan], shape: [1])
        parameters[1].gradient = Tensor([5], shape: [1])
        #expect(clipGradientNorm(parameters, maximum: 1).isNaN)
        #expect(parameters[1].gradient?.floats() == [5])
    }

    @Test func `averages move by the share that the momentum leaves`() {
        let teacher = [Tensor([1, 2], shape: [2]), Tensor([10], shape: [1])]
        let student = [Tensor([3, 6], shape: [2]), Tensor([20], shape: [1])]
        for parameter in student { parameter.requiresGradient = true }
        exponentialMovingAverage(teacher, of: student, momentum: 0.75)
        expectClose(teacher[0].doubles(), [1.5, 3])
        expectClose(teacher[1].doubles(), [12.5])
        exponentialMovingAverage(teacher, of: student, momentum: 1)
        expectClose(teacher[1].doubles(), [12.5])
        exponentialMovingAverage(teacher, of: student, momentum: 0)
        #expect(teacher[0].floats() == [3, 6])
        #expect(!teacher[0].requiresGradient)
    }
}

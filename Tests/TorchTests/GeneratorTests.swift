// Random numbers: repeatable, and of the right distribution.
import Testing
import Torch

struct GeneratorTests {
    @Test func `a seed fixes the numbers, generators do not disturb each other`() {
        let a = Generator(seed: 1)
        let b = Generator(seed: 1)
        let other = Generator(seed: 2)
        let first = Tensor.randn([100], generator: a)
        _ = Tensor.randn([100], generator: other)
        #expect(Tensor.randn([100], generator: b).bytes() == first.bytes())
        #expect(Tensor.randn([100], generator: a).bytes() != first.bytes())
        #expect(Tensor.randn([100], generator: Generator(seed: 2)).bytes() != first.bytes())
    }

    @Test func `distributions have their moments and limits`() {
        let generator = Generator(seed: 3)
        let normal = Tensor.randn([100_000], generator: generator)
        #expect(abs(normal.mean().item()) < 0.015 && abs(normal.variance().item() - 1) < 0.02)
        let even = Tensor.rand([100_000], low: -2, high: 4, generator: generator)
        #expect(even.floats().allSatisfy { $0 >= -2 && $0 < 4 })
        #expect(abs(even.mean().item() - 1) < 0.02)
    }
}

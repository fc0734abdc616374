// Random numbers: repeatable, restorable, and of the right distribution.
import Telemetry
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

    @Test func `a restored state goes on where it was saved`() throws {
        let generator = Generator(seed: 9)
        _ = Tensor.randn([37], generator: generator)
        let state = generator.state
        let expected = Tensor.rand([50], generator: generator)
        let later = Generator(seed: 0)
        try later.restore(state)
        #expect(Tensor.rand([50], generator: later).bytes() == expected.bytes())
        #expect(throws: TorchError.self) { try later.restore([1, 2, 3]) }
    }

    @Test func `distributions have their moments and limits`() {
        let generator = Generator(seed: 3)
        let normal = Tensor.randn([100_000], generator: generator)
        #expect(abs(normal.mean().item()) < 0.015 && abs(normal.variance().item() - 1) < 0.02)
        let even = Tensor.rand([100_000], low: -2, high: 4, generator: generator)
        #expect(even.min().item() >= -2 && even.max().item() < 4)
        #expect(abs(even.mean().item() - 1) < 0.02)
        // A standard normal cut at -1 and 1 has the variance 1 - 2 phi(1) / (2 Phi(1) - 1) = 0.291125.
        let cut = Tensor.empty([100_000]).truncatedNormal_(
            mean: 5, deviation: 2, low: 3, high: 7, generator: generator)
        #expect(cut.min().item() >= 3 && cut.max().item() <= 7)
        #expect(abs(cut.mean().item() - 5) < 0.02 && abs(cut.variance().item() / 4 - 0.291125) < 0.005)
        let coins = Tensor.bernoulli([100_000], p: 0.3, generator: generator)
        #expect(abs(coins.mean().item() - 0.3) < 0.01)
        #expect(Set(coins.floats()) == [0, 1])
        let dice = Tensor.randint([10_000], low: 1, high: 7, generator: generator)
        #expect(dice.dtype == .int64 && Set(dice.ints()) == Set(1...6))
        #expect(Tensor.randperm(100, generator: generator).ints().sorted() == Array(0..<100))
        let drawn = Tensor([0, 1, 3]).multinomial(10_000, replacement: true, generator: generator).to(.float32)
        #expect(drawn.min().item() == 1 && abs(drawn.mean().item() - 1.75) < 0.02)
        let p = Tensor([0, 1, 0.5]).bernoulli(generator: generator).floats()
        #expect(p[0] == 0 && p[1] == 1)
    }

    @Test func `dropout keeps the mean and the gradient of what it keeps`() {
        let generator = Generator(seed: 4)
        let x = Tensor.ones([100_000])
        x.requiresGradient = true
        let y = x.dropout(0.25, generator: generator)
        #expect(abs(y.mean().item() - 1) < 0.01)
        y.sum().backward()
        #expect(x.gradient?.bytes() == y.detached().bytes())
        #expect(x.dropout(0, generator: generator) === x)
    }
}

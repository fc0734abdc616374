// Gradients against finite differences, and their modes.
import Foundation
import Telemetry
import Testing
import Torch

struct AutogradTests {
    /// Compares the gradient of a weighted sum of `f` with central differences, in float64.
    private func check(
        _ x: Tensor, location: SourceLocation = #_sourceLocation, _ f: (Tensor) -> Tensor
    ) {
        let leaf = x.cloned()
        leaf.requiresGradient = true
        let y = f(leaf)
        let weight = Tensor((1...y.count).map { Double($0) } as [Double], shape: y.shape).sin()
        (y * weight).sum().backward()
        let values = x.doubles()
        var expected: [Double] = []
        withoutGradient {
            let step = 1e-6
            func loss(_ index: Int, _ change: Double) -> Double {
                var moved = values
                moved[index] += change
                return (f(Tensor(moved, shape: x.shape)) * weight).sum().item()
            }
            for index in values.indices {
                expected.append((loss(index, step) - loss(index, -step)) / (2 * step))
            }
        }
        expectClose(
            leaf.gradient?.doubles() ?? [], expected, relative: 1e-6, absolute: 1e-7, location: location)
    }

    @Test func `gradients of operations agree with finite differences`() {
        let generator = Generator(seed: 3)
        func random(_ shape: [Int]) -> Tensor { .randn(shape, dtype: .float64, generator: generator) }
        let x = random([3, 4])
        let weight = random([5, 4])
        let bias = random([5])
        check(x) { linear($0, weight, bias).gelu() }
        check(x) { layerNorm($0, random4, random4) }
        check(x) { $0.softmax(dim: 1).log() * $0.sigmoid() }
        check(x) { $0.normalized(dim: 1) }
        check(x) { $0.mean(0) / ($0.square().sum() + 1) }
        check(x) { concatenate([$0.indexSelect(dim: 0, indices: Tensor([2, 0, 2] as [Int])), $0 * 2], dim: 0) }
        check(x) { $0.gather(dim: 1, index: Tensor([3, 0, 1] as [Int], shape: [3, 1])).silu() }
        check(random([1, 2, 5, 4])) { scaledDotProductAttention($0, $0.sigmoid(), $0.silu()) }
        let image = random([1, 2, 5, 6])
        let filter = random([3, 2, 3, 3])
        let back = random([2, 3, 2, 2])
        check(image) { conv2d($0, filter, stride: 2, padding: 1) }
        check(image) { convTranspose2d($0, back, stride: 2) }
        check(image) { interpolate($0, size: (9, 4), mode: .bilinear, alignCorners: true) }
        check(image) { interpolate($0, size: (3, 4), mode: .bicubic, antialias: true) }
        let sine = random([3, 4])
        let cosine = random([3, 4])
        check(random([2, 2, 5, 4])) { rotaryEmbedding($0, sine: sine, cosine: cosine) }
        check(random([2, 1, 2, 5, 4])) { rotaryEmbedding($0, sine: sine, cosine: cosine) }
    }

    private var random4: Tensor { Tensor([0.5, -1, 2, 1.5] as [Double], shape: [4]) }

    @Test func `gradients add up until they are cleared`() {
        let x = Tensor([3], shape: [1])
        x.requiresGradient = true
        #expect(x.gradient == nil)
        x.square().sum().backward()
        x.square().sum().backward()
        #expect(x.gradient?.floats() == [12])
        x.gradient = nil
        #expect(x.gradient == nil)
        x.gradient = Tensor([2], shape: [1])
        x.square().sum().backward()
        #expect(x.gradient?.floats() == [8])
    }

    @Test func `the rotary embedding has second gradients`() throws {
        let generator = Generator(seed: 8)
        let x = Tensor.randn([1, 1, 3, 4], dtype: .float64, generator: generator)
        let angle = Tensor.randn([2, 4], dtype: .float64, generator: generator)
        x.requiresGradient = true
        let y = rotaryEmbedding(x, sine: angle.sin(), cosine: angle.cos())
        (y * y * y).sum().backward(createGraph: true)
        let first = try #require(x.gradient)
        x.gradient = nil
        first.square().sum().backward(retainGraph: true)
        let second = try #require(x.gradient)
        x.gradient = nil
        // By hand: with y = R x, the gradient is R' 3 y^2, its square's gradient 2 R' (6 y R (R' 3 y^2)).
        let rotated = rotaryEmbedding(first.detached(), sine: angle.sin(), cosine: angle.cos())
        let inner = (y.detached() * rotated * 12).detached()
        y.backward(gradient: inner)
        let expected = try #require(x.gradient)
        expectClose(second, expected, relative: 1e-9, absolute: 1e-9)
    }

    @Test func `no history is kept without gradient, on this thread alone`() {
        let x = Tensor([1], shape: [1])
        x.requiresGradient = true
        let inside = withoutGradient { x * 2 }
        #expect(!inside.requiresGradient)
        #expect((x * 2).requiresGradient)
        #expect(!(x * 2).detached().requiresGradient)
        nonisolated(unsafe) var elsewhere = false
        withoutGradient {
            let thread = Thread {
                let y = Tensor([1], shape: [1])
                y.requiresGradient = true
                elsewhere = (y * 2).requiresGradient
            }
            thread.start()
            while !thread.isFinished { usleep(1000) }
        }
        #expect(elsewhere)
    }

    @Test func `a weight cannot be changed in place where its history counts`() {
        let weight = Tensor([1], shape: [1])
        weight.requiresGradient = true
        #expect(throws: TorchError.self) { try catchingTorchErrors { _ = weight.copy_(Tensor([2])) } }
        withoutGradient { _ = weight.copy_(Tensor([2])) }
        #expect(weight.floats() == [2])
    }

    @Test func `attention's values and gradient are those written out`() throws {
        let q = try golden("attention.q")
        q.requiresGradient = true
        let y = scaledDotProductAttention(q, try golden("attention.k"), try golden("attention.v"))
        expectClose(y, try golden("attention.y"), relative: 1e-9, absolute: 1e-10)
        y.square().sum().backward()
        expectClose(try #require(q.gradient), try golden("attention.gradient"), relative: 1e-9, absolute: 1e-10)
    }

    @Test func `autocast computes products in bfloat16 and norms in float32`() {
        let x = Tensor.ones([2, 4])
        let (product, after) = withAutocast(.bfloat16, on: .cpu) {
            (matmul(x, x.transpose(0, 1)), layerNorm(x, nil, nil))
        }
        #expect(product.dtype == .bfloat16)
        #expect(after.dtype == .float32)
        #expect(matmul(x, x.transpose(0, 1)).dtype == .float32)
        let outer = withAutocast(.bfloat16, on: .cpu) {
            #expect(withAutocast(.float16, on: .cpu) { matmul(x, x.transpose(0, 1)).dtype } == .float16)
            return matmul(x, x.transpose(0, 1)).dtype
        }
        #expect(outer == .bfloat16)
    }

    @Test func `what is computed again gives the same values and gradients`() throws {
        let generator = Generator(seed: 4)
        let start = Tensor.randn([5, 6], dtype: .float64, generator: generator)
        let weight = Tensor.randn([6, 6], dtype: .float64, generator: generator)
        var calls = 0
        func gradients(again: Bool) -> (Double, [Double], [Double]) {
            let (x, w) = (start.cloned(), weight.cloned())
            x.requiresGradient = true
            w.requiresGradient = true
            func part(_ x: Tensor) -> Tensor {
                calls += 1
                return linear(linear(x, w).gelu(), w).softmax(dim: 1) + x
            }
            let y = again ? recomputing(recomputing(x * 2, part), part) : part(part(x * 2))
            let loss = y.square().sum()
            loss.backward()
            return (loss.item(), x.gradient?.doubles() ?? [], w.gradient?.doubles() ?? [])
        }
        let kept = gradients(again: false)
        #expect(calls == 2)
        let again = gradients(again: true)
        #expect(calls == 6)
        #expect(kept.0 == again.0 && kept.1 == again.1)
        // The weight is used four times; its gradient is the same sum in another order.
        expectClose(again.2, kept.2, relative: 1e-12, absolute: 1e-12)
        // Without a gradient to come there is nothing to compute again.
        calls = 0
        #expect(
            recomputing(start) {
                calls += 1; return $0 * 2
            }.doubles() == (start * 2).doubles())
        let handle = start.cloned()
        handle.requiresGradient = true
        withoutGradient {
            _ = recomputing(handle) {
                calls += 1; return $0 * 2
            }
        }
        #expect(calls == 2)
    }

    @Test func `a part that fails when it is computed again is an error, and everything is let go`() throws {
        final class Owner {}
        weak var owned: Owner?
        do {
            let owner = Owner()
            owned = owner
            let x = Tensor.ones([2, 3])
            x.requiresGradient = true
            var calls = 0
            let error = #expect(throws: TorchError.self) {
                try catchingTorchErrors {
                    let y = recomputing(x) { x in
                        withExtendedLifetime(owner) { calls += 1 }
                        return calls == 1 ? x * 2 : matmul(x, x)
                    }
                    y.sum().backward()
                }
            }
            #expect(calls == 2 && error?.causes.joined().isEmpty == false, "\(String(describing: error))")
            let first = #expect(throws: TorchError.self) {
                try catchingTorchErrors { _ = recomputing(x) { matmul($0, $0) } }
            }
            #expect(first?.code == .operation)
        }
        #expect(owned == nil)
    }
}

// Rotary embedding and Sinkhorn: one call each, against the composed form and closed values.
import Foundation
import Telemetry
import Testing
import Torch

struct RotaryEmbeddingTests {
    /// The same from single operations.
    private func composed(_ x: Tensor, _ sine: Tensor, _ cosine: Tensor) -> Tensor {
        let first = x.shape[2] - sine.shape[0]
        let part = x.narrow(dim: 2, start: first, length: sine.shape[0])
        let halves = part.chunked(2, dim: 3)
        let turned = concatenate([-halves[1], halves[0]], dim: 3)
        return concatenate([x.narrow(dim: 2, start: 0, length: first), part * cosine + turned * sine], dim: 2)
    }

    @Test func `values and gradient are PyTorch's`() throws {
        let x = try golden("rope.x")
        let angle = try golden("rope.angle")
        x.requiresGradient = true
        let y = rotaryEmbedding(x, sine: angle.sin(), cosine: angle.cos())
        expectClose(y, try golden("rope.y"), relative: 1e-12, absolute: 1e-12)
        (y * (try golden("rope.weight"))).sum().backward()
        expectClose(try #require(x.gradient), try golden("rope.gradient"), relative: 1e-12, absolute: 1e-12)
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16])
    func `strided views and narrow types agree with the composed form`(dtype: DType) {
        let generator = Generator(seed: 2)
        // As queries lie in the product of one linear layer: [batch, tokens, 3, heads, width].
        let whole = Tensor.randn([2, 7, 3, 4, 8], generator: generator).to(dtype)
        let query = whole.select(dim: 2, index: 1).transpose(1, 2)
        let angle = Tensor.randn([5, 8], generator: generator)
        let got = rotaryEmbedding(query, sine: angle.sin(), cosine: angle.cos())
        #expect(got.dtype == dtype)
        let expected = composed(query.to(.float32), angle.sin(), angle.cos())
        let tolerance = dtype == .float32 ? 1e-6 : dtype == .bfloat16 ? 8e-3 : 1e-3
        expectClose(got.to(.float32), expected, relative: tolerance, absolute: tolerance)
        // The first two tokens are untouched to the bit.
        let untouched = { (t: Tensor) in t.narrow(dim: 2, start: 0, length: 2).contiguous().bytes() }
        #expect(untouched(got) == untouched(query))
    }

    @Test func `several tensors at once, strided as parts of one matrix, turn as each alone`() throws {
        let generator = Generator(seed: 5)
        let all = Tensor.randn([2, 7, 3, 2, 4], generator: generator).permuted([2, 0, 3, 1, 4])
        let half = Tensor.randn([5, 2], generator: generator)
        let angle = concatenate([half, half], dim: 1)
        let both = rotaryEmbedding(
            all.narrow(dim: 0, start: 1, length: 2), sine: angle.sin(), cosine: angle.cos())
        for index in 0..<2 {
            let alone = rotaryEmbedding(
                all.select(dim: 0, index: index + 1), sine: angle.sin(), cosine: angle.cos())
            #expect(both.select(dim: 0, index: index).contiguous().bytes() == alone.contiguous().bytes())
        }
        #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                _ = rotaryEmbedding(
                    all.unsqueezed(dim: 0), sine: angle.sin(), cosine: angle.cos())
            }
        }
    }

    @Test func `what several threads turn is what one turns, to the bit, forth and back`() throws {
        let generator = Generator(seed: 6)
        // 19,248 rows, which come a thousand at a time; those of one head alone are too few to be shared out.
        let whole = Tensor.randn([8, 401, 6, 16], generator: generator)
        let half = Tensor.randn([396, 8], generator: generator)
        let angle = concatenate([half, half], dim: 1)
        let weight = Tensor.randn([8, 6, 401, 16], generator: generator)
        func turned(_ x: Tensor, _ weight: Tensor) throws -> (values: [UInt8], gradient: [UInt8]) {
            x.requiresGradient = true
            let y = rotaryEmbedding(x.transpose(1, 2), sine: angle.sin(), cosine: angle.cos())
            (y * weight).sum().backward()
            return (y.detached().bytes(), try #require(x.gradient).transpose(1, 2).contiguous().bytes())
        }
        let all = try turned(whole.cloned(), weight)
        var parts: (values: [UInt8], gradient: [UInt8]) = ([], [])
        for batch in 0..<8 {
            for head in 0..<6 {
                func one(_ x: Tensor, _ dim: Int) -> Tensor {
                    x.narrow(dim: 0, start: batch, length: 1).narrow(dim: dim, start: head, length: 1).contiguous()
                }
                let part = try turned(one(whole, 2), one(weight, 1))
                parts.values += part.values
                parts.gradient += part.gradient
            }
        }
        #expect(all.values == parts.values)
        #expect(all.gradient == parts.gradient)
    }

    @Test func `lengths stay, and shapes that do not fit are refused`() throws {
        let generator = Generator(seed: 4)
        let x = Tensor.randn([1, 2, 6, 4], generator: generator)
        let half = Tensor.randn([6, 2], generator: generator)
        let angle = concatenate([half, half], dim: 1)
        let y = rotaryEmbedding(x, sine: angle.sin(), cosine: angle.cos())
        expectClose(y.norm(dims: [3]), x.norm(dims: [3]), relative: 1e-5, absolute: 1e-6)
        for (sine, cosine) in [
            (Tensor.ones([7, 4]), Tensor.ones([7, 4])), (.ones([6, 2]), .ones([6, 2])),
            (.ones([6, 4]), .ones([5, 4])),
        ] {
            #expect(throws: TorchError.self) {
                try catchingTorchErrors { _ = rotaryEmbedding(x, sine: sine, cosine: cosine) }
            }
        }
    }
}

struct SinkhornTests {
    @Test func `the known assignment of a known matrix`() {
        let logits = Tensor((0..<24).map { sin(0.37 * Double($0) + 0.2) }, shape: [4, 6]).to(.float32)
        let expected: [Double] = [
            1.4797e-4, 0.0202831, 0.0882670, 0.3114434, 0.4994046, 0.0804538,
            0.9886461, 0.0113478, 6.0314e-6, 1.28e-8, 1.7e-10, 5.7e-12,
            1.1814e-6, 2.2410e-6, 2.4329e-6, 4.6586e-5, 0.0070148, 0.9929327,
            0.0085643, 0.4034822, 0.3567104, 0.1875286, 0.0425170, 0.0011976,
        ]
        expectClose(sinkhorn(logits, temperature: 0.07).doubles(), expected, relative: 1e-4, absolute: 1e-6)
    }

    @Test func `rounds of plain scaling give the same in float64`() {
        let logits = Tensor.randn([7, 5], dtype: .float64, generator: Generator(seed: 6))
        var plain = (logits / 0.5).exp()
        plain = plain / plain.sum()
        for _ in 0..<4 {
            plain = plain / plain.sum([0], keepDims: true) / 5
            plain = plain / plain.sum([1], keepDims: true) / 7
        }
        expectClose(
            sinkhorn(logits, temperature: 0.5, iterations: 4), plain * 7, relative: 1e-10, absolute: 1e-14)
    }

    @Test(arguments: [1, 2, 33])
    func `rows sum to one whatever the logits`(samples: Int) {
        let generator = Generator(seed: 7)
        for scale in [1.0, 1e3, 1e20, 3e37] {
            let logits = Tensor.randn([samples, 16], generator: generator).clamped(min: -3, max: 3) * scale
            let q = sinkhorn(logits, temperature: 0.04)
            #expect(q.isAllFinite, "scale \(scale)")
            expectClose(q.sum([1]).doubles(), [Double](repeating: 1, count: samples), relative: 1e-4)
        }
    }

    @Test func `one sample is spread evenly, none gives none, and no gradient flows`() {
        let one = Tensor([5, -3, 0, 1], shape: [1, 4])
        one.requiresGradient = true
        let q = sinkhorn(one, temperature: 0.07)
        expectClose(q.doubles(), [0.25, 0.25, 0.25, 0.25])
        #expect(!q.requiresGradient)
        #expect(sinkhorn(.zeros([0, 4]), temperature: 0.07).shape == [0, 4])
        #expect(sinkhorn(Tensor.ones([2, 2]).to(.bfloat16), temperature: 1).dtype == .float32)
    }
}

// Making tensors, reading them, pixels, images, layers.
import Geo
import Telemetry
import Testing
import Torch

struct TensorTests {
    @Test func `literals make float32, arrays keep their type`() {
        #expect(Tensor([1, 2, 3], shape: [3]).dtype == .float32)
        let integers = [1, 2, 3]
        #expect(Tensor(integers, shape: [3]).dtype == .int64)
        #expect(Tensor([1.5, 2.5] as [Double], shape: [2]).dtype == .float64)
        #expect(Tensor([true, false], shape: [2]).dtype == .bool)
        #expect(Tensor([1, 2] as [UInt8], shape: [2]).dtype == .uint8)
    }

    @Test func `shapes, types and values can be read`() {
        let x = Tensor([1, -2.75, 3, 4, 5, 6], shape: [2, 3])
        #expect(x.shape == [2, 3] && x.count == 6 && x.device == .cpu)
        #expect(x.ints() == [1, -2, 3, 4, 5, 6])
        #expect(x.transpose(0, 1).floats() == [1, 4, -2.75, 5, 3, 6])
        #expect(Tensor(7.5).item() == 7.5 && Tensor(1e12, dtype: .int64).ints() == [1_000_000_000_000])
        #expect(x.description == "Tensor([2, 3] float32: 1.0, -2.75, 3.0, 4.0, 5.0, 6.0)")
        #expect(Tensor(Array(0..<8) as [Int]).description == "Tensor([8] int64: 0, 1, 2, 3, 4, 5, ...)")
    }

    @Test func `a slice is a view, a clone is not`() {
        let x = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let clone = x.cloned()
        x.select(dim: 0, index: 1).copy_(Tensor([7, 8, 9]))
        #expect(x.floats() == [1, 2, 3, 7, 8, 9] && clone.floats() == [1, 2, 3, 4, 5, 6])
    }

    @Test func `finite is told from infinite and NaN`() {
        #expect(Tensor([1, 2]).isAllFinite)
        #expect(!Tensor([1, Float.infinity]).isAllFinite && !Tensor([Float.nan]).isAllFinite)
        #expect(Tensor([Int.max]).isAllFinite && Tensor.zeros([0]).isAllFinite)
    }

    @Test func `whole numbers keep integers integer`() {
        let x = Tensor([7, -7] as [Int])
        #expect((x + 1).dtype == .int64 && (x * 2).ints() == [14, -14])
        #expect((x * 0.5).dtype == .float32 && (x / 2).floats() == [3.5, -3.5])
    }

    @Test func `pixels become tensors`() {
        let pixels = PixelBuffer(
            bands: 2, height: 2, width: 3, samples: .uint8((0..<12).map { UInt8($0 * 20) }))
        let tensor = Tensor(pixels)
        #expect(tensor.shape == [2, 2, 3] && tensor.dtype == .uint8)
        #expect(tensor.ints() == (0..<12).map { $0 * 20 })
        let wide = PixelBuffer(bands: 1, height: 1, width: 2, samples: .uint16([5, 65535]))
        #expect(Tensor(wide).floats() == [5, 65535])
    }

    @Test func `memory of others is wrapped and let go`() {
        final class Owner {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
            let gone: () -> Void
            init(_ gone: @escaping () -> Void) {
                self.gone = gone
                bytes.copyBytes(from: [1, 2, 3, 4, 5, 6, 7, 8])
            }
            deinit {
                bytes.deallocate()
                gone()
            }
        }
        var isGone = false
        func view() -> Tensor {
            let owner = Owner { isGone = true }
            return Tensor.wrapping(UnsafeRawBufferPointer(owner.bytes), owner: owner, shape: [2, 4], dtype: .uint8)
                .select(dim: 0, index: 1)
        }
        do {
            let row = view()
            #expect(row.ints() == [5, 6, 7, 8] && !isGone)
        }
        #expect(isGone)
    }

    @Test func `bytes can be read in place`() {
        let x = Tensor([1, 2, 3])
        #expect(x.withBytes { $0.loadUnaligned(fromByteOffset: 8, as: Float.self) } == 3)
    }

    @Test func `threads can be set`() {
        let before = Torch.threads
        Torch.setThreads(1)
        #expect(Torch.threads == 1)
        Torch.setThreads(before)
    }
}

struct ImageTests {
    @Test(arguments: [
        ("bilinear", 9, 4, Interpolation.bilinear, false, false),
        ("bilinear.corners", 9, 4, .bilinear, true, false), ("bicubic", 9, 11, .bicubic, false, false),
        ("bilinear.antialias", 3, 4, .bilinear, false, true), ("bicubic.antialias", 3, 4, .bicubic, false, true),
        ("nearest", 9, 4, .nearest, false, false), ("twice", 10, 14, .bilinear, true, false),
    ])
    func `resampling is torch.nn.functional.interpolate`(
        name: String, height: Int, width: Int, mode: Interpolation, corners: Bool, antialias: Bool
    ) throws {
        let got = interpolate(
            try golden("resize.image"), size: (height, width), mode: mode, alignCorners: corners,
            antialias: antialias)
        // Measured on 200 images: libtorch's float32 kernels lie up to 1.2e-6 of the largest value from float64, whatever the
        // instruction set; two of them (the golden came from one) up to twice that from each other.
        let expected = try golden("resize.\(name)")
        let largest = expected.doubles().map(abs).max() ?? 0
        expectClose(got, expected, relative: 0, absolute: 2.4e-6 * largest)
    }

    @Test func `a transposed convolution undoes the sizes of a convolution`() {
        let generator = Generator(seed: 1)
        let down = Tensor.randn([8, 3, 4, 4], generator: generator)
        let up = Tensor.randn([8, 3, 4, 4], generator: generator)
        let x = Tensor.randn([2, 3, 16, 24], generator: generator)
        let small = conv2d(x, down, stride: 4)
        #expect(small.shape == [2, 8, 4, 6])
        #expect(convTranspose2d(small, up, stride: 4).shape == x.shape)
    }
}

/// A layer of two parameters.
private struct Shift: Layer {
    let weight = Tensor.ones([4])
    let bias = Tensor.zeros([4])

    func parameters() -> [(name: String, tensor: Tensor)] { [("weight", weight), ("bias", bias)] }
}

struct LayerTests {
    @Test func `gradients flow to all parameters, or to none`() {
        let layer = Shift()
        layer.setRequiresGradient(true)
        #expect(layer.weight.requiresGradient && layer.bias.requiresGradient)
        layer.setRequiresGradient(false)
        #expect(!layer.weight.requiresGradient && !layer.bias.requiresGradient)
    }

    @Test func `values are loaded by name, and what does not fit is named`() throws {
        let folder = try TemporaryFolder()
        try writeSafetensors(
            [
                ("a.weight", Tensor([1, 2, 3, 4]).to(.float64)), ("a.bias", .zeros([4])),
                ("b.weight", .ones([4, 2])), ("b.bias", .ones([4])),
            ], to: folder["w"])
        let file = try SafetensorsFile(path: folder["w"])
        let layer = Shift()
        layer.setRequiresGradient(true)
        try layer.load(from: file, prefix: "a.")
        #expect(layer.weight.floats() == [1, 2, 3, 4] && layer.weight.requiresGradient)
        let shape = #expect(throws: TorchError.self) { try layer.load(from: file, prefix: "b.") }
        #expect(shape?.what == "'b.weight' has the shape [4, 2]; expected [4]")
        let name = #expect(throws: TorchError.self) { try layer.load(from: file) }
        #expect(name?.code == .notFound)
    }
}

@Suite(.enabled(if: (try? Torch.load()) != nil && Torch.isCUDAAvailable, "there is no GPU"))
struct CUDATests {
    @Test func `the GPU computes what the CPU computes`() {
        let generator = Generator(seed: 1)
        let x = Tensor.randn([64, 32], generator: generator)
        let w = Tensor.randn([16, 32], generator: generator)
        let there = linear(x.to(.cuda(0)), w.to(.cuda(0))).gelu()
        #expect(there.device == .cuda(0))
        expectClose(there.to(.cpu), linear(x, w).gelu(), relative: 1e-3, absolute: 1e-3)
        let logits = Tensor.randn([20, 30], generator: generator)
        expectClose(
            sinkhorn(logits.to(.cuda(0)), temperature: 0.1).to(.cpu), sinkhorn(logits, temperature: 0.1),
            relative: 1e-3, absolute: 1e-5)
        let q = Tensor.randn([2, 3, 7, 8], generator: generator)
        let angle = Tensor.randn([5, 8], generator: generator)
        expectClose(
            rotaryEmbedding(q.to(.cuda(0)), sine: angle.sin().to(.cuda(0)), cosine: angle.cos().to(.cuda(0))).to(.cpu),
            rotaryEmbedding(q, sine: angle.sin(), cosine: angle.cos()), relative: 1e-4, absolute: 1e-5)
    }

    @Test func `generators and optimisers work there`() {
        let first = Tensor.randn([10], generator: Generator(seed: 1, device: .cuda(0)))
        #expect(Tensor.randn([10], generator: Generator(seed: 1, device: .cuda(0))).bytes() == first.bytes())
        let here = first.to(.cpu)
        for parameter in [first, here] {
            parameter.requiresGradient = true
            parameter.square().sum().backward()
            clipGradientNorm([parameter], maximum: 0.5)
            AdamW(groups: [.init(parameters: [("p", parameter)], learningRate: 0.1, weightDecay: 0.1)]).step()
        }
        expectClose(first.detached().to(.cpu), here.detached(), relative: 1e-4, absolute: 1e-5)
    }
}

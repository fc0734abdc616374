// Linear layers with weights laid out for the processor, beside the plain ones.
import Testing
import Torch

struct PackedLinearTests {
    init() throws { try Torch.load() }

    @Test(
        .enabled(if: PackedLinear.isAvailable, "this libtorch was built without oneDNN"),
        arguments: [[1, 3], [7, 3], [2, 5, 3], [2, 3, 130, 3]])
    func `products are those of the plain layer`(shape: [Int]) {
        let generator = Generator(seed: 4)
        let x = Tensor.randn(shape, generator: generator)
        let weight = Tensor.randn([11, 3], generator: generator)
        let bias = Tensor.randn([11], generator: generator)
        let packed = PackedLinear(weight, bias)
        withoutGradient {
            expectClose(packed(x), linear(x, weight, bias), relative: 1e-6, absolute: 1e-6)
            expectClose(packed(x, gelu: true), linear(x, weight, bias).gelu(), relative: 1e-6, absolute: 1e-6)
            expectClose(PackedLinear(weight, nil)(x), linear(x, weight), relative: 1e-6, absolute: 1e-6)
            #expect(packed(x).shape == shape.dropLast() + [11])
            // Inputs that do not lie in a row.
            let turned = Tensor.randn([3, 40], generator: generator).transpose(0, 1)
            expectClose(packed(turned), linear(turned, weight, bias), relative: 1e-6, absolute: 1e-6)
        }
    }

    @Test(
        .enabled(if: PackedLinear.isAvailable, "this libtorch was built without oneDNN"))
    func `what cannot be laid out is an error`() {
        for weight in [Tensor.zeros([2, 2], dtype: .float64), Tensor.zeros([2, 2, 2])] {
            #expect(throws: TorchError.self) { try catchingTorchErrors { _ = PackedLinear(weight, nil) } }
        }
    }
}

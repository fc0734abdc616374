// Linear layers with weights laid out for the processor, beside the plain ones.
import Foundation
import Telemetry
import Testing
import Torch

/// Above what was measured over [-9, 9]: 1.21e-6 of oneDNN with AVX-512, 4.7e-7 of oneDNN with less and of libtorch itself.
private let largestGELUError = 1.5e-6

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
            // The two products differ in their last bits, and oneDNN's GELU is no smooth function of them.
            expectClose(
                packed(x, gelu: true), linear(x, weight, bias).gelu(), relative: 1e-6, absolute: 2 * largestGELUError)
            expectClose(PackedLinear(weight, nil)(x), linear(x, weight), relative: 1e-6, absolute: 1e-6)
            #expect(packed(x).shape == shape.dropLast() + [11])
            // Inputs that do not lie in a row.
            let turned = Tensor.randn([3, 40], generator: generator).transpose(0, 1)
            expectClose(packed(turned), linear(turned, weight, bias), relative: 1e-6, absolute: 1e-6)
        }
    }

    /// libtorch hands contiguous float32 values to oneDNN and computes others itself: both are held to float64 here, and what
    /// compares two of them allows for twice the error.
    @Test func `every GELU is that of the error function`() {
        let x = (0...20_000).map { Float($0) / 1000 - 10 }
        let exact = x.map { Double($0) / 2 * (1 + erf(Double($0) / 2.0.squareRoot())) }
        let row = Tensor(x, shape: [x.count])
        let column = stack([row, row.zerosLike()], dim: 1).narrow(dim: 1, start: 0, length: 1).squeezed(dim: 1)
        withoutGradient {
            for (name, values) in [("contiguous", row.gelu()), ("strided", column.gelu())] {
                let worst = zip(values.doubles(), exact).map { abs($0 - $1) }.max() ?? .infinity
                #expect(worst < largestGELUError, "\(name): \(worst)")
            }
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

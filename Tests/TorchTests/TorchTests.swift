// Operations in error scopes.
import Testing
import Torch

struct OperationTests {
    @Test func `a shape error inside a scope is thrown with operation and shapes`() throws {
        let error = #expect(throws: TorchError.self) {
            try catchingTorchErrors { _ = matmul(.ones([2, 3]), .ones([2, 3])).exp() }
        }
        #expect(error?.code == .operation)
        #expect(error?.what == "matmul failed on [2, 3] float32, [2, 3] float32")
    }
    @Test func `linear and backward`() {
        let x = Tensor([1, 2, 3, 4], shape: [2, 2])
        let w = Tensor([1, 0, 0, 1], shape: [2, 2])
        w.requiresGradient = true
        linear(x, w).sum().backward()
        #expect(w.gradient?.floats() == [4, 6, 4, 6])
    }
}

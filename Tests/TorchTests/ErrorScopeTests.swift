// Operations in error scopes, and outside.
import Foundation
import Telemetry
import Testing
import Torch

struct ErrorScopeTests {
    struct OwnError: Error {}

    @Test func `a shape error is thrown with operation, shapes and libtorch's words`() throws {
        let error = try #require(
            #expect(throws: TorchError.self) {
                try catchingTorchErrors { _ = matmul(.ones([2, 3]), .ones([2, 3])).relu() }
            })
        #expect(error.code == .operation)
        #expect(error.what == "matmul failed on [2, 3] float32, [2, 3] float32")
        #expect(error.place.hasPrefix("TorchTests/ErrorScopeTests.swift:"))
        #expect(error.causes.first?.contains("mat1 and mat2 shapes cannot be multiplied") == true)
        #expect(!error.report.contains("frame #"))
    }

    @Test func `after a failure all operations of the scope are skipped, and none after it`() throws {
        var skipped: Tensor?
        var values: [Float] = [1]
        #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                let wrong = Tensor.ones([2]) + Tensor.ones([3])
                #expect(!wrong.isDefined && wrong.shape == [])
                skipped = Tensor.ones([2]) * 2
                values = wrong.floats()
            }
        }
        #expect(skipped?.isDefined == false)
        #expect(values.isEmpty)
        #expect((Tensor.ones([2]) * 2).floats() == [2, 2])
    }

    @Test func `a tensor beyond all memory is out of memory`() {
        let error = #expect(throws: TorchError.self) {
            try catchingTorchErrors { _ = Tensor.ones([1 << 30, 1 << 20]) }
        }
        #expect(error?.code == .outOfMemory)
        #expect(error?.remedy == "use smaller batches, crops or windows")
    }

    @Test func `sizes that overflow are an error and not a crash`() {
        #expect(throws: TorchError.self) { try catchingTorchErrors { _ = Tensor.zeros([1 << 40, 1 << 40]) } }
        #expect(throws: TorchError.self) { try catchingTorchErrors { _ = Tensor.zeros([-1]) } }
    }

    @Test func `scopes nest; each failure is thrown by the scope it happened in`() throws {
        let value = try catchingTorchErrors {
            #expect(throws: TorchError.self) { try catchingTorchErrors { _ = Tensor.ones([2]).reshaped([3]) } }
            return Tensor.ones([2]).sum().item()
        }
        #expect(value == 2)
        // A failure of the outer scope is not lost in an inner one.
        #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                _ = Tensor.ones([2]).reshaped([3])
                try? catchingTorchErrors { _ = Tensor.ones([2]) }
            }
        }
    }

    @Test func `the body's own error passes, unless an operation failed before`() {
        #expect(throws: OwnError.self) { try catchingTorchErrors { throw OwnError() } }
        #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                _ = Tensor.ones([2]).reshaped([3])
                throw OwnError()
            }
        }
    }

    @Test func `a scope is its thread's own`() throws {
        try catchingTorchErrors {
            let other = Thread {
                #expect(throws: TorchError.self) { try catchingTorchErrors { _ = Tensor.ones([2]).reshaped([3]) } }
            }
            other.start()
            while !other.isFinished { usleep(1000) }
            #expect(Tensor.ones([2]).sum().item() == 2)
        }
    }

    @Test func `a failure outside of any scope ends the program`() async {
        await #expect(processExitsWith: .failure) { _ = Tensor.ones([2]).reshaped([3]) }
    }

    @Test func `tensors that go are given back`() {
        // Other tests make tensors at the same time, so a leak must show above their noise.
        let before = Torch.liveHandles
        for index in 0..<10_000 {
            let x = Tensor([Float(index), 1], shape: [2])
            x.requiresGradient = true
            (x * x).sum().backward()
            try? catchingTorchErrors { _ = x.reshaped([3]) }
        }
        #expect(Torch.liveHandles - before < 5_000)
    }
}

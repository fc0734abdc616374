// Random numbers from generators that a seed starts.
internal import CTorchAPI

/// A source of random numbers: libtorch's Mersenne twister on the CPU, Philox on a GPU.
///
/// The same seed gives the same numbers. Nothing here uses libtorch's global generators. Not Sendable: one thread.
public final class Generator {
    /// Where its numbers are made; tensors filled by it lie there.
    let device: Device
    let handle: ct_generator?

    /// Makes a generator.
    public init(seed: UInt64, device: Device = .cpu) {
        self.device = device
        var made: ct_generator?
        perform("Generator", []) {
            ct.pointee.new_generator(UInt(seed), device.kind, device.index, &made)
        }
        handle = made
    }

    deinit { ct.pointee.generator_release(handle) }
}

extension Tensor {
    /// Normally distributed values of mean 0 and deviation 1.
    public static func randn(_ shape: [Int], dtype: DType = .float32, generator: Generator) -> Tensor {
        let made = empty(shape, dtype: dtype, device: generator.device)
        perform("randn", [made]) { ct.pointee.normal_(made.handle, 0, 1, generator.handle) }
        return made
    }

    /// Evenly distributed values from `low` to below `high`.
    public static func rand(
        _ shape: [Int], low: Double = 0, high: Double = 1, dtype: DType = .float32, generator: Generator
    ) -> Tensor {
        let made = empty(shape, dtype: dtype, device: generator.device)
        perform("rand", [made]) { ct.pointee.uniform_(made.handle, low, high, generator.handle) }
        return made
    }
}

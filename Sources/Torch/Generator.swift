// Random numbers from generators whose state can be saved.
internal import CTorchAPI

/// A source of random numbers: libtorch's Mersenne twister on the CPU, Philox on a GPU.
///
/// The same seed gives the same numbers, and a restored state continues where it was saved. Nothing here uses
/// libtorch's global generators. Not Sendable: one thread.
public final class Generator {
    /// Where its numbers are made; tensors filled by it lie there.
    public let device: Device
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

    /// The state, 5 KB on the CPU; another machine with the same libtorch continues from it.
    public var state: [UInt8] {
        make("Generator.state", []) { ct.pointee.generator_state(handle, $0) }.uint8s()
    }

    /// Continues from a state; bytes that are not a state are an error.
    public func restore(_ state: [UInt8]) throws {
        try catchingTorchErrors {
            let bytes = Tensor(state, shape: [state.count])
            perform("Generator.restore", [bytes]) { ct.pointee.generator_restore(handle, bytes.handle) }
        }
    }
}

extension Tensor {
    /// Normally distributed values of mean 0 and deviation 1.
    public static func randn(_ shape: [Int], dtype: DType = .float32, generator: Generator) -> Tensor {
        empty(shape, dtype: dtype, device: generator.device).normal_(generator: generator)
    }

    /// Evenly distributed values from `low` to below `high`.
    public static func rand(
        _ shape: [Int], low: Double = 0, high: Double = 1, dtype: DType = .float32, generator: Generator
    ) -> Tensor {
        empty(shape, dtype: dtype, device: generator.device).uniform_(low: low, high: high, generator: generator)
    }

    /// Integers from `low` to below `high`, all equally likely.
    public static func randint(
        _ shape: [Int], low: Int = 0, high: Int, dtype: DType = .int64, generator: Generator
    ) -> Tensor {
        let made = empty(shape, dtype: dtype, device: generator.device)
        perform("randint", [made]) { ct.pointee.randint_(made.handle, low, high, generator.handle) }
        return made
    }

    /// The numbers `0 ... count - 1` (int64) in random order.
    public static func randperm(_ count: Int, generator: Generator) -> Tensor {
        make("randperm", []) { ct.pointee.randperm(count, generator.handle, $0) }
    }

    /// Ones with probability `p`, else zeros.
    public static func bernoulli(
        _ shape: [Int], p: Double, dtype: DType = .float32, generator: Generator
    ) -> Tensor {
        let made = empty(shape, dtype: dtype, device: generator.device)
        perform("bernoulli", [made]) { ct.pointee.bernoulli_(made.handle, p, generator.handle) }
        return made
    }

    /// Ones with the probabilities that the elements are, else zeros.
    public func bernoulli(generator: Generator) -> Tensor {
        make("bernoulli", [self]) { ct.pointee.bernoulli(handle, generator.handle, $0) }
    }

    /// Indices (int64) drawn in proportion to the weights of the last dimension.
    public func multinomial(_ count: Int, replacement: Bool = false, generator: Generator) -> Tensor {
        make("multinomial", [self]) {
            ct.pointee.multinomial(handle, count, replacement ? 1 : 0, generator.handle, $0)
        }
    }

    /// Elements set to 0 with probability `p`, the others divided by `1 - p`.
    public func dropout(_ p: Double, generator: Generator) -> Tensor {
        guard p > 0 else { return self }
        return self * (Tensor.bernoulli(shape, p: 1 - p, dtype: dtype, generator: generator) * (1 / (1 - p)))
    }

    /// Fills with evenly distributed values from `low` to below `high`.
    @discardableResult
    public func uniform_(low: Double = 0, high: Double = 1, generator: Generator) -> Tensor {
        perform("uniform_", [self]) { ct.pointee.uniform_(handle, low, high, generator.handle) }
        return self
    }

    /// Fills with normally distributed values.
    @discardableResult
    public func normal_(mean: Double = 0, deviation: Double = 1, generator: Generator) -> Tensor {
        perform("normal_", [self]) { ct.pointee.normal_(handle, mean, deviation, generator.handle) }
        return self
    }

    /// Fills with normally distributed values, drawn again where they are outside of two limits.
    @discardableResult
    public func truncatedNormal_(
        mean: Double = 0, deviation: Double = 1, low: Double = -2, high: Double = 2, generator: Generator
    ) -> Tensor {
        perform("truncatedNormal_", [self]) {
            ct.pointee.truncated_normal_(handle, mean, deviation, low, high, generator.handle)
        }
        return self
    }
}

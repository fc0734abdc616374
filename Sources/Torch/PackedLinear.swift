// Linear layers for networks that nobody trains any more: weights laid out for the processor once.
internal import CTorchAPI

/// A weight matrix in the layout of the processor's own products (oneDNN); float32, on the CPU, without gradients.
///
/// libtorch's plain products bring the matrix into such a layout at every call. Results differ from those of `linear` in the
/// last bits, and are the same in every run on one machine.
public struct PackedLinear {
    private let packed: Tensor
    private let bias: Tensor?

    /// Lays out a weight `[outputs, inputs]`, whose own memory is not needed any more.
    ///
    /// - Parameters:
    ///   - weight: float32, on the CPU.
    ///   - bias: `[outputs]`.
    public init(_ weight: Tensor, _ bias: Tensor?) {
        packed = make("packLinear", [weight]) { ct.pointee.pack_linear(weight.handle, $0) }
        self.bias = bias
    }

    /// `x weight^T + bias`, `[..., inputs]` to `[..., outputs]`; nothing is kept for gradients.
    ///
    /// - Parameter gelu: Whether the exact GELU is applied to it.
    public func callAsFunction(_ x: Tensor, gelu: Bool = false) -> Tensor {
        make("packedLinear", [x, packed, bias]) {
            ct.pointee.packed_linear(x.handle, packed.handle, bias?.handle, gelu ? 1 : 0, $0)
        }
    }

    /// Whether this libtorch can lay out weights.
    package static var isAvailable: Bool {
        (try? Torch.load()) != nil && ct.pointee.can_pack_linear() != 0
    }
    /// Whether that was measured to be faster on processors like this machine's.
    public static var isPreferred: Bool {
        (try? Torch.load()) != nil && ct.pointee.prefers_packed_linear() != 0
    }
}

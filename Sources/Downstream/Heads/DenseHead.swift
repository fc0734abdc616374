// What a fit and a map need of a head, whatever its form.
public import Backbone
public import Telemetry
public import Torch

/// What a head says of a batch.
public struct HeadOutput {
    /// Numbers per pixel, `[B, outputs, H, W]`.
    public let logits: Tensor
    /// Numbers per pixel from side branches that only training has, each `[B, outputs, H, W]`; else empty.
    public let auxiliary: [Tensor]

    /// Makes an output.
    public init(_ logits: Tensor, auxiliary: [Tensor] = []) {
        self.logits = logits
        self.auxiliary = auxiliary
    }
}

/// A head on the tokens of a frozen backbone that gives numbers per pixel.
///
/// Training and evaluation are not modes that a head remembers: `ForwardContext` says which of the two a pass is, and from which
/// seed and step its dropout is drawn. A pass in training also moves the running statistics of batch norm.
public protocol DenseHead: Layer {
    /// Number of taps that it takes.
    var tapCount: Int { get }
    /// Length of a token.
    var tokenWidth: Int { get }
    /// Numbers per pixel that come out.
    var outputs: Int { get }
    /// Weight, next to 1 for the logits, of the loss of each auxiliary output.
    var auxiliaryWeight: Double { get }

    /// What is saved with the parameters but has no gradient, such as running means, by name in a fixed order.
    func buffers() -> [(name: String, tensor: Tensor)]

    /// Numbers per pixel, and in training those of the side branches.
    ///
    /// - Parameters:
    ///   - taps: `tapCount` maps `[B, D, h, w]`, shallowest first, each with its class tokens `[B, D]`.
    ///   - patchSize: Pixels per token.
    ///   - context: Training or evaluation, and the key of what is drawn.
    /// - Returns: Logits of `patchSize * h` by `patchSize * w` pixels; the undefined tensor after a failed operation.
    func forward(_ taps: [(map: Tensor, cls: Tensor)], patchSize: Int, context: ForwardContext) -> HeadOutput
}

extension DenseHead {
    /// Heads without side branches.
    public var auxiliaryWeight: Double { 0 }

    /// Heads whose state is all trained.
    public func buffers() -> [(name: String, tensor: Tensor)] { [] }

    /// Numbers per pixel in evaluation, `[B, outputs, patchSize * h, patchSize * w]`.
    public func forward(_ taps: [(map: Tensor, cls: Tensor)], patchSize: Int) -> Tensor {
        forward(taps, patchSize: patchSize, context: .evaluation).logits
    }

    /// All that is saved of a head: its parameters, then its buffers.
    public func state() -> [(name: String, tensor: Tensor)] { parameters() + buffers() }

    /// Takes over what `state` gave.
    ///
    /// - Throws: `TorchError` where a tensor is missing or has another shape.
    public func restore(from file: SafetensorsFile) throws(TorchError) {
        try HeadState(tensors: state()).load(from: file)
    }
}

/// The state of a head as something that can be loaded.
private struct HeadState: Layer {
    let tensors: [(name: String, tensor: Tensor)]

    func parameters() -> [(name: String, tensor: Tensor)] { tensors }
}

// Gradients.
internal import CTorchAPI

extension Tensor {
    /// Whether gradients flow to this tensor.
    ///
    /// Set on tensors that no operation made.
    public var requiresGradient: Bool {
        get { ct.pointee.requires_grad(handle) != 0 }
        set { perform("requiresGradient", [self]) { ct.pointee.set_requires_grad(handle, newValue ? 1 : 0) } }
    }

    /// What `backward` has added up here; `nil` before, and after it is set to `nil`.
    package var gradient: Tensor? {
        get {
            let found = make("gradient", [self]) { ct.pointee.grad(handle, $0) }
            return found.isDefined ? found : nil
        }
        set { perform("gradient", [self, newValue]) { ct.pointee.set_grad(handle, newValue?.handle) } }
    }

    /// Adds the gradients of this tensor to the `gradient` of all it was made from.
    ///
    /// - Parameters:
    ///   - gradient: The gradient of something with respect to this tensor; 1 where `nil`, for tensors of one element.
    ///   - retainGraph: Whether to keep what was saved for the way back, for another call.
    ///   - createGraph: Whether the gradients themselves get gradients.
    public func backward(gradient: Tensor? = nil, retainGraph: Bool = false, createGraph: Bool = false) {
        perform("backward", [self, gradient]) {
            ct.pointee.backward(
                handle, gradient?.handle, retainGraph || createGraph ? 1 : 0, createGraph ? 1 : 0)
        }
    }

    /// The same values without history: no gradients flow through.
    ///
    /// Shares the memory.
    public func detached() -> Tensor { make("detached", [self]) { ct.pointee.detach(handle, $0) } }
}

/// Runs a part of a network whose inner values are not kept for `backward`, which computes them again: less memory, more time.
///
/// Gives the bits of `body(x)`, and the same gradients, where the body gives the same twice: random choices in it must follow from
/// counters. Has no second gradient.
///
/// - Parameters:
///   - x: What gradients flow back to; without such, the body is just run.
///   - body: Called now, and again by `backward`, possibly on a thread of libtorch's. It may use parameters besides `x`.
public func recomputing(_ x: Tensor, _ body: @escaping (Tensor) -> Tensor) -> Tensor {
    guard x.isDefined, ct.pointee.grad_enabled() != 0, x.requiresGradient else { return body(x) }
    final class Part {
        let body: (Tensor) -> Tensor
        init(_ body: @escaping (Tensor) -> Tensor) { self.body = body }
    }
    let context = Unmanaged.passRetained(Part(body)).toOpaque()
    return make("recomputing", [x]) {
        ct.pointee.recompute(
            x.handle,
            { context, input, out in
                guard let context, let out else { return Int32(CT_ERROR) }
                let made = Unmanaged<Part>.fromOpaque(context).takeUnretainedValue().body(Tensor(owning: input))
                // Given up: whoever called releases it.
                if let handle = made.handle { ct.pointee.retain(handle) }
                out.pointee = made.handle
                return Int32(CT_OK)
            },
            { if let context = $0 { Unmanaged<Part>.fromOpaque(context).release() } },
            context, $0)
    }
}

/// Runs a body whose operations keep nothing for gradients.
///
/// Holds for this thread, so the body cannot be asynchronous.
public func withoutGradient<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure)
    -> Value
{
    let before = ct.pointee.grad_enabled()
    ct.pointee.set_grad_enabled(0)
    defer { ct.pointee.set_grad_enabled(before) }
    return try body()
}

/// Runs a body in mixed precision: products in the lower type, sums and norms in float32.
///
/// For this thread.
public func withAutocast<Value, Failure: Error>(
    _ dtype: DType = .bfloat16, on device: Device, _ body: () throws(Failure) -> Value
) throws(Failure) -> Value {
    let before = ct.pointee.autocast(device.kind)
    ct.pointee.set_autocast(device.kind, dtype.rawValue)
    defer { ct.pointee.set_autocast(device.kind, before) }
    return try body()
}

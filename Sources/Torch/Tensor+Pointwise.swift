// Operations element by element; shapes broadcast.
internal import CTorchAPI

extension Tensor {
    /// Absolute values.
    public func abs() -> Tensor { make("abs", [self]) { ct.pointee.abs(handle, $0) } }

    /// Natural logarithms.
    public func log() -> Tensor { make("log", [self]) { ct.pointee.log(handle, $0) } }

    /// Square roots.
    public func sqrt() -> Tensor { make("sqrt", [self]) { ct.pointee.sqrt(handle, $0) } }

    /// Squares.
    public func square() -> Tensor { make("square", [self]) { ct.pointee.square(handle, $0) } }

    /// `1 / (1 + exp(-x))`.
    public func sigmoid() -> Tensor { make("sigmoid", [self]) { ct.pointee.sigmoid(handle, $0) } }

    /// The larger of each element and 0.
    public func relu() -> Tensor { make("relu", [self]) { ct.pointee.relu(handle, $0) } }

    /// `x * sigmoid(x)`.
    public func silu() -> Tensor { make("silu", [self]) { ct.pointee.silu(handle, $0) } }

    /// -1, 0 or 1.
    public func sign() -> Tensor { make("sign", [self]) { ct.pointee.sign(handle, $0) } }

    /// True where an element is neither infinite nor NaN.
    public func isFinite() -> Tensor { make("isFinite", [self]) { ct.pointee.isfinite(handle, $0) } }

    /// `x * Phi(x)` with the normal distribution's integral Phi, exact by erf or approximated by tanh.
    public func gelu(approximate: Bool = false) -> Tensor {
        make("gelu", [self]) { ct.pointee.gelu(handle, approximate ? 1 : 0, $0) }
    }

    /// True where both are true or not 0.
    public func logicalAnd(_ other: Tensor) -> Tensor {
        make("logicalAnd", [self, other]) { ct.pointee.logical_and(handle, other.handle, $0) }
    }

    /// True where less.
    public func less(than other: Double) -> Tensor {
        make("less", [self]) { ct.pointee.lt_scalar(handle, other, $0) }
    }

    /// Elements brought into limits; `nil` means no limit.
    public func clamped(min low: Double? = nil, max high: Double? = nil) -> Tensor {
        make("clamped", [self]) { out in
            withPointer(to: low) { low in withPointer(to: high) { ct.pointee.clamp(handle, low, $0, out) } }
        }
    }

    /// A number where the mask is true, else the elements.
    public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor {
        make("maskedFill", [self, mask]) { ct.pointee.masked_fill(handle, mask.handle, value, $0) }
    }

    /// `self + factor * a * b`.
    public func addcmul(_ a: Tensor, _ b: Tensor, factor: Double = 1) -> Tensor {
        make("addcmul", [self, a, b]) { ct.pointee.addcmul(handle, a.handle, b.handle, factor, $0) }
    }
}

/// The elements of `a` where the mask is true, else those of `b`.
public func `where`(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    make("where", [mask, a, b]) { ct.pointee.where(mask.handle, a.handle, b.handle, $0) }
}

/// Hands a pointer to a value, or none.
func withPointer<Value, Answer>(to value: Value?, _ body: (UnsafePointer<Value>?) -> Answer) -> Answer {
    guard var value else { return body(nil) }
    return body(&value)
}

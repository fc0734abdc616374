// Operations element by element; shapes broadcast.
internal import CTorchAPI

extension Tensor {
    /// Absolute values.
    public func abs() -> Tensor { make("abs", [self]) { ct.pointee.abs(handle, $0) } }

    /// e to the power of each element.
    public func exp() -> Tensor { make("exp", [self]) { ct.pointee.exp(handle, $0) } }

    /// e to the power of each element, less one; exact near 0.
    public func expm1() -> Tensor { make("expm1", [self]) { ct.pointee.expm1(handle, $0) } }

    /// Natural logarithms.
    public func log() -> Tensor { make("log", [self]) { ct.pointee.log(handle, $0) } }

    /// Natural logarithms of one plus each element; exact near 0.
    public func log1p() -> Tensor { make("log1p", [self]) { ct.pointee.log1p(handle, $0) } }

    /// Logarithms to base 2.
    public func log2() -> Tensor { make("log2", [self]) { ct.pointee.log2(handle, $0) } }

    /// Square roots.
    public func sqrt() -> Tensor { make("sqrt", [self]) { ct.pointee.sqrt(handle, $0) } }

    /// One over the square roots.
    public func rsqrt() -> Tensor { make("rsqrt", [self]) { ct.pointee.rsqrt(handle, $0) } }

    /// Squares.
    public func square() -> Tensor { make("square", [self]) { ct.pointee.square(handle, $0) } }

    /// One over each element.
    public func reciprocal() -> Tensor { make("reciprocal", [self]) { ct.pointee.reciprocal(handle, $0) } }

    /// Sines of angles in radians.
    public func sin() -> Tensor { make("sin", [self]) { ct.pointee.sin(handle, $0) } }

    /// Cosines of angles in radians.
    public func cos() -> Tensor { make("cos", [self]) { ct.pointee.cos(handle, $0) } }

    /// Hyperbolic tangents.
    public func tanh() -> Tensor { make("tanh", [self]) { ct.pointee.tanh(handle, $0) } }

    /// `1 / (1 + exp(-x))`.
    public func sigmoid() -> Tensor { make("sigmoid", [self]) { ct.pointee.sigmoid(handle, $0) } }

    /// The larger of each element and 0.
    public func relu() -> Tensor { make("relu", [self]) { ct.pointee.relu(handle, $0) } }

    /// `x * sigmoid(x)`.
    public func silu() -> Tensor { make("silu", [self]) { ct.pointee.silu(handle, $0) } }

    /// `log(1 + exp(x))`.
    public func softplus() -> Tensor { make("softplus", [self]) { ct.pointee.softplus(handle, $0) } }

    /// The error function.
    public func erf() -> Tensor { make("erf", [self]) { ct.pointee.erf(handle, $0) } }

    /// -1, 0 or 1.
    public func sign() -> Tensor { make("sign", [self]) { ct.pointee.sign(handle, $0) } }

    /// The next whole number below or equal.
    public func floor() -> Tensor { make("floor", [self]) { ct.pointee.floor(handle, $0) } }

    /// The next whole number above or equal.
    public func ceil() -> Tensor { make("ceil", [self]) { ct.pointee.ceil(handle, $0) } }

    /// The nearest whole number, halves to even.
    public func rounded() -> Tensor { make("rounded", [self]) { ct.pointee.round(handle, $0) } }

    /// True where an element is false or 0.
    public func logicalNot() -> Tensor { make("logicalNot", [self]) { ct.pointee.logical_not(handle, $0) } }

    /// True where an element is neither infinite nor NaN.
    public func isFinite() -> Tensor { make("isFinite", [self]) { ct.pointee.isfinite(handle, $0) } }

    /// True where an element is NaN.
    public func isNaN() -> Tensor { make("isNaN", [self]) { ct.pointee.isnan(handle, $0) } }

    /// `x * Phi(x)` with the normal distribution's integral Phi, exact by erf or approximated by tanh.
    public func gelu(approximate: Bool = false) -> Tensor {
        make("gelu", [self]) { ct.pointee.gelu(handle, approximate ? 1 : 0, $0) }
    }

    /// The larger of two elements; NaN where one is NaN.
    public func maximum(_ other: Tensor) -> Tensor {
        make("maximum", [self, other]) { ct.pointee.maximum(handle, other.handle, $0) }
    }

    /// The smaller of two elements; NaN where one is NaN.
    public func minimum(_ other: Tensor) -> Tensor {
        make("minimum", [self, other]) { ct.pointee.minimum(handle, other.handle, $0) }
    }

    /// Each element to the power of the other tensor's.
    public func pow(_ other: Tensor) -> Tensor {
        make("pow", [self, other]) { ct.pointee.pow(handle, other.handle, $0) }
    }

    /// Quotients, rounded down.
    public func floorDivided(by other: Tensor) -> Tensor {
        make("floorDivided", [self, other]) { ct.pointee.floor_divide(handle, other.handle, $0) }
    }

    /// What is left of the division, with the sign of the divisor.
    public func remainder(by other: Tensor) -> Tensor {
        make("remainder", [self, other]) { ct.pointee.remainder(handle, other.handle, $0) }
    }

    /// Angles in radians of (y, x), this tensor being y.
    public func atan2(_ other: Tensor) -> Tensor {
        make("atan2", [self, other]) { ct.pointee.atan2(handle, other.handle, $0) }
    }

    /// True where equal.
    public func equal(to other: Tensor) -> Tensor {
        make("equal", [self, other]) { ct.pointee.eq(handle, other.handle, $0) }
    }

    /// True where not equal.
    public func notEqual(to other: Tensor) -> Tensor {
        make("notEqual", [self, other]) { ct.pointee.ne(handle, other.handle, $0) }
    }

    /// True where less.
    public func less(than other: Tensor) -> Tensor {
        make("less", [self, other]) { ct.pointee.lt(handle, other.handle, $0) }
    }

    /// True where less or equal.
    public func lessOrEqual(to other: Tensor) -> Tensor {
        make("lessOrEqual", [self, other]) { ct.pointee.le(handle, other.handle, $0) }
    }

    /// True where greater.
    public func greater(than other: Tensor) -> Tensor {
        make("greater", [self, other]) { ct.pointee.gt(handle, other.handle, $0) }
    }

    /// True where greater or equal.
    public func greaterOrEqual(to other: Tensor) -> Tensor {
        make("greaterOrEqual", [self, other]) { ct.pointee.ge(handle, other.handle, $0) }
    }

    /// True where both are true or not 0.
    public func logicalAnd(_ other: Tensor) -> Tensor {
        make("logicalAnd", [self, other]) { ct.pointee.logical_and(handle, other.handle, $0) }
    }

    /// True where one is true or not 0.
    public func logicalOr(_ other: Tensor) -> Tensor {
        make("logicalOr", [self, other]) { ct.pointee.logical_or(handle, other.handle, $0) }
    }

    /// True where exactly one is true or not 0.
    public func logicalXor(_ other: Tensor) -> Tensor {
        make("logicalXor", [self, other]) { ct.pointee.logical_xor(handle, other.handle, $0) }
    }

    /// Each element to a power.
    public func pow(_ other: Double) -> Tensor {
        make("pow", [self]) { ct.pointee.pow_scalar(handle, other, $0) }
    }

    /// Quotients, rounded down.
    public func floorDivided(by other: Double) -> Tensor {
        make("floorDivided", [self]) { ct.pointee.floor_divide_scalar(handle, other, $0) }
    }

    /// What is left of the division by a number, with its sign.
    public func remainder(by other: Double) -> Tensor {
        make("remainder", [self]) { ct.pointee.remainder_scalar(handle, other, $0) }
    }

    /// True where equal.
    public func equal(to other: Double) -> Tensor {
        make("equal", [self]) { ct.pointee.eq_scalar(handle, other, $0) }
    }

    /// True where not equal.
    public func notEqual(to other: Double) -> Tensor {
        make("notEqual", [self]) { ct.pointee.ne_scalar(handle, other, $0) }
    }

    /// True where less.
    public func less(than other: Double) -> Tensor {
        make("less", [self]) { ct.pointee.lt_scalar(handle, other, $0) }
    }

    /// True where less or equal.
    public func lessOrEqual(to other: Double) -> Tensor {
        make("lessOrEqual", [self]) { ct.pointee.le_scalar(handle, other, $0) }
    }

    /// True where greater.
    public func greater(than other: Double) -> Tensor {
        make("greater", [self]) { ct.pointee.gt_scalar(handle, other, $0) }
    }

    /// True where greater or equal.
    public func greaterOrEqual(to other: Double) -> Tensor {
        make("greaterOrEqual", [self]) { ct.pointee.ge_scalar(handle, other, $0) }
    }

    /// Elements brought into limits; `nil` means no limit.
    public func clamped(min low: Double? = nil, max high: Double? = nil) -> Tensor {
        make("clamped", [self]) { out in
            withPointer(to: low) { low in withPointer(to: high) { ct.pointee.clamp(handle, low, $0, out) } }
        }
    }

    /// The same as `clamped`.
    public func clamp(min low: Double? = nil, max high: Double? = nil) -> Tensor {
        clamped(min: low, max: high)
    }

    /// A number where the mask is true, else the elements.
    public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor {
        make("maskedFill", [self, mask]) { ct.pointee.masked_fill(handle, mask.handle, value, $0) }
    }

    /// `self + weight * (end - self)`.
    public func lerp(_ end: Tensor, weight: Double) -> Tensor {
        make("lerp", [self, end]) { ct.pointee.lerp(handle, end.handle, weight, $0) }
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

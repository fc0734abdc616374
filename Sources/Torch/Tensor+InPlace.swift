// Operations that write into a tensor. Its gradient's history must allow it; state and weights are changed inside
// `withoutGradient`.
internal import CTorchAPI

extension Tensor {
    /// Adds `factor * other`.
    @discardableResult
    public func add_(_ other: Tensor, factor: Double = 1) -> Tensor {
        perform("add_", [self, other]) { ct.pointee.add_(handle, other.handle, factor) }
        return self
    }

    /// Adds a number.
    @discardableResult
    public func add_(_ value: Double) -> Tensor {
        perform("add_", [self]) { ct.pointee.add_scalar_(handle, value) }
        return self
    }

    /// Takes a tensor away.
    @discardableResult
    public func sub_(_ other: Tensor) -> Tensor {
        perform("sub_", [self, other]) { ct.pointee.add_(handle, other.handle, -1) }
        return self
    }

    /// Multiplies by a tensor.
    @discardableResult
    public func mul_(_ other: Tensor) -> Tensor {
        perform("mul_", [self, other]) { ct.pointee.mul_(handle, other.handle) }
        return self
    }

    /// Multiplies by a number.
    @discardableResult
    public func mul_(_ value: Double) -> Tensor {
        perform("mul_", [self]) { ct.pointee.mul_scalar_(handle, value) }
        return self
    }

    /// Divides by a tensor.
    @discardableResult
    public func div_(_ other: Tensor) -> Tensor {
        perform("div_", [self, other]) { ct.pointee.div_(handle, other.handle) }
        return self
    }

    /// Adds `factor * a * b`.
    @discardableResult
    public func addcmul_(_ a: Tensor, _ b: Tensor, factor: Double = 1) -> Tensor {
        perform("addcmul_", [self, a, b]) { ct.pointee.addcmul_(handle, a.handle, b.handle, factor) }
        return self
    }

    /// Moves towards `end` by a share of the way.
    @discardableResult
    public func lerp_(_ end: Tensor, weight: Double) -> Tensor {
        perform("lerp_", [self, end]) { ct.pointee.lerp_(handle, end.handle, weight) }
        return self
    }

    /// Takes the values of another tensor, converted and broadcast where need be.
    @discardableResult
    public func copy_(_ other: Tensor) -> Tensor {
        perform("copy_", [self, other]) { ct.pointee.copy_(handle, other.handle) }
        return self
    }

    /// Sets every element.
    @discardableResult
    public func fill_(_ value: Double) -> Tensor {
        perform("fill_", [self]) { ct.pointee.fill_(handle, value) }
        return self
    }

    /// Sets every element to 0.
    @discardableResult
    public func zero_() -> Tensor {
        perform("zero_", [self]) { ct.pointee.fill_(handle, 0) }
        return self
    }

    /// Sets the elements where the mask is true.
    @discardableResult
    public func maskedFill_(_ mask: Tensor, _ value: Double) -> Tensor {
        perform("maskedFill_", [self, mask]) { ct.pointee.masked_fill_(handle, mask.handle, value) }
        return self
    }

    /// Sets the slices at the indices (int64) to those of the source.
    @discardableResult
    public func indexCopy_(dim: Int, indices: Tensor, _ source: Tensor) -> Tensor {
        perform("indexCopy_", [self, indices, source]) {
            ct.pointee.index_copy_(handle, dim, indices.handle, source.handle)
        }
        return self
    }

    /// Brings every element into limits; `nil` means no limit.
    @discardableResult
    public func clamp_(min low: Double? = nil, max high: Double? = nil) -> Tensor {
        perform("clamp_", [self]) {
            withPointer(to: low) { low in withPointer(to: high) { ct.pointee.clamp_(handle, low, $0) } }
        }
        return self
    }
}

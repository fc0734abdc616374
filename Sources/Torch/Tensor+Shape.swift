// Shapes and views; a view shares its tensor's memory.
internal import CTorchAPI

extension Tensor {
    /// The elements in another shape of as many; one size may be -1.
    ///
    /// A view where the layout allows it.
    public func reshaped(_ shape: [Int]) -> Tensor {
        make("reshaped", [self]) { ct.pointee.reshape(handle, shape, shape.count, $0) }
    }

    /// The elements as a vector, or with the dimensions `first` to `last` made one.
    public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
        make("flattened", [self]) { ct.pointee.flatten(handle, first, last, $0) }
    }

    /// A view with the dimensions in another order.
    public func permuted(_ dims: [Int]) -> Tensor {
        make("permuted", [self]) { ct.pointee.permute(handle, dims, dims.count, $0) }
    }

    /// A view with two dimensions exchanged.
    public func transpose(_ a: Int, _ b: Int) -> Tensor {
        make("transpose", [self]) { ct.pointee.transpose(handle, a, b, $0) }
    }

    /// A view in which dimensions of size 1 are repeated; -1 keeps a size.
    public func expanded(_ shape: [Int]) -> Tensor {
        make("expanded", [self]) { ct.pointee.expand(handle, shape, shape.count, $0) }
    }

    /// A view of `length` slices from `start` on.
    public func narrow(dim: Int, start: Int, length: Int) -> Tensor {
        make("narrow", [self]) { ct.pointee.narrow(handle, dim, start, length, $0) }
    }

    /// A view of one slice, without its dimension.
    public func select(dim: Int, index: Int) -> Tensor {
        make("select", [self]) { ct.pointee.select(handle, dim, index, $0) }
    }

    /// A view without a dimension of size 1.
    public func squeezed(dim: Int) -> Tensor {
        make("squeezed", [self]) { ct.pointee.squeeze(handle, dim, $0) }
    }

    /// A view with a new dimension of size 1.
    public func unsqueezed(dim: Int) -> Tensor {
        make("unsqueezed", [self]) { ct.pointee.unsqueeze(handle, dim, $0) }
    }

    /// Views of consecutive parts of the given sizes, which must sum to the whole.
    public func split(sizes: [Int], dim: Int) -> [Tensor] {
        makeMany("split", sizes.count, [self]) { ct.pointee.split(handle, sizes, sizes.count, dim, $0) }
    }

    /// Views of `count` parts of equal size, the last ones shorter where it does not divide; as torch does it.
    public func chunked(_ count: Int, dim: Int) -> [Tensor] {
        precondition(count > 0, "a tensor is cut into at least one chunk, not \(count)")
        let shape = self.shape
        let dimension = dim < 0 ? dim + shape.count : dim
        precondition(shape.indices.contains(dimension), "there is no dimension \(dim) in \(shape)")
        let size = shape[dimension]
        let step = Swift.max((size + count - 1) / count, 1)
        return split(sizes: stride(from: 0, to: size, by: step).map { Swift.min(step, size - $0) }, dim: dim)
    }

    /// The elements in reverse along dimensions.
    public func flipped(_ dims: [Int]) -> Tensor {
        make("flipped", [self]) { ct.pointee.flip(handle, dims, dims.count, $0) }
    }

    /// How what is outside is made up.
    public enum Padding: Int32, Sendable {
        /// One value everywhere.
        case constant = 0
        /// Mirrored, without repeating the edge.
        case reflect = 1
        /// The edge repeated.
        case replicate = 2
        /// From the other end.
        case circular = 3
    }

    /// The tensor with elements added at the ends.
    ///
    /// - Parameter pads: Before and behind, for the last dimension, then for the last but one, and so on. Below 0 it crops.
    public func padded(_ pads: [Int], _ padding: Padding = .constant, value: Double = 0) -> Tensor {
        make("padded", [self]) {
            ct.pointee.pad(handle, pads, pads.count, padding.rawValue, value, $0)
        }
    }

    /// A view of a diagonal, as the last dimension.
    public func diagonal(offset: Int = 0, _ a: Int = 0, _ b: Int = 1) -> Tensor {
        make("diagonal", [self]) { ct.pointee.diagonal(handle, offset, a, b, $0) }
    }
}

/// Tensors joined along a dimension that they have.
public func concatenate(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    make("concatenate", tensors) { out in withHandles(tensors) { ct.pointee.cat($0, tensors.count, dim, out) }
    }
}

/// Tensors of one shape joined along a new dimension.
public func stack(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    make("stack", tensors) { out in withHandles(tensors) { ct.pointee.stack($0, tensors.count, dim, out) } }
}

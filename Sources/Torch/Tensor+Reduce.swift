// Sums, means, extremes, soft maxima, order.
internal import CTorchAPI

/// Dimensions to reduce; `nil` is all of them, for which C takes a negative count.
private func reduce(_ dims: [Int]?, _ body: (UnsafePointer<Int>?, Int) -> Int32) -> Int32 {
    guard let dims else { return body(nil, -1) }
    return dims.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
}

extension Tensor {
    /// Sums over dimensions, or of all elements.
    public func sum(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("sum", [self]) { out in
            reduce(dims) { ct.pointee.sum(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// Means over dimensions, or of all elements.
    public func mean(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("mean", [self]) { out in
            reduce(dims) { ct.pointee.mean(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// The same along one dimension.
    public func mean(_ dim: Int, keepDims: Bool = false) -> Tensor { mean([dim], keepDims: keepDims) }

    /// Largest elements along dimensions, or of all; the gradient is shared by equals.
    public func max(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("max", [self]) { out in
            reduce(dims) { ct.pointee.amax(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// Whether all elements are true along dimensions, or at all.
    public func all(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("all", [self]) { out in
            reduce(dims) { ct.pointee.all(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// Variances over dimensions, or of all elements.
    ///
    /// - Parameter correction: The sum of squares is divided by `count - correction`; 1 for a sample, 0 for a population.
    public func variance(_ dims: [Int]? = nil, correction: Double = 1, keepDims: Bool = false) -> Tensor {
        make("variance", [self]) { out in
            reduce(dims) { ct.pointee.var(handle, $0, $1, correction, keepDims ? 1 : 0, out) }
        }
    }

    /// Norms over dimensions, or of all elements: `(sum |x|^p)^(1/p)`, the largest magnitude where p is infinite.
    public func norm(_ p: Double = 2, dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("norm", [self]) { out in
            reduce(dims) { ct.pointee.norm(handle, p, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// The elements divided by their Euclidean norm along a dimension, or by `eps` where that is larger.
    public func normalized(dim: Int = -1, eps: Double = 1e-12) -> Tensor {
        self / norm(2, dims: [dim], keepDims: true).clamped(min: eps)
    }

    /// Index (int64) of the largest element along a dimension, or of all in row-major order.
    public func argmax(dim: Int? = nil, keepDims: Bool = false) -> Tensor {
        make("argmax", [self]) { out in
            withPointer(to: dim) { ct.pointee.argmax(handle, $0, keepDims ? 1 : 0, out) }
        }
    }

    /// Medians along a dimension, the lower of two, and their indices (int64).
    public func median(dim: Int, keepDims: Bool = false) -> (values: Tensor, indices: Tensor) {
        makeTwo("median", [self]) { ct.pointee.median_dim(handle, dim, keepDims ? 1 : 0, $0, $1) }
    }

    /// Exponentials divided by their sum along a dimension.
    public func softmax(dim: Int) -> Tensor {
        make("softmax", [self]) { ct.pointee.softmax(handle, dim, $0) }
    }

    /// Logarithms of the softmax along a dimension, for numbers of any size.
    public func logSoftmax(dim: Int) -> Tensor {
        make("logSoftmax", [self]) { ct.pointee.log_softmax(handle, dim, $0) }
    }

    /// The `k` largest (or smallest) elements along a dimension, in order, and their indices (int64).
    public func topK(_ k: Int, dim: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
        makeTwo("topK", [self]) { ct.pointee.topk(handle, k, dim, largest ? 1 : 0, $0, $1) }
    }

    /// The elements in order along a dimension, and their indices (int64); equal ones keep their order.
    public func sorted(dim: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
        makeTwo("sorted", [self]) { ct.pointee.sort(handle, dim, descending ? 1 : 0, $0, $1) }
    }
}

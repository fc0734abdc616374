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

    /// The same along one dimension.
    public func sum(_ dim: Int, keepDims: Bool = false) -> Tensor { sum([dim], keepDims: keepDims) }

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

    /// The same along one dimension.
    public func max(_ dim: Int, keepDims: Bool = false) -> Tensor { max([dim], keepDims: keepDims) }

    /// Smallest elements along dimensions, or of all; the gradient is shared by equals.
    public func min(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("min", [self]) { out in
            reduce(dims) { ct.pointee.amin(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// The same along one dimension.
    public func min(_ dim: Int, keepDims: Bool = false) -> Tensor { min([dim], keepDims: keepDims) }

    /// Whether all elements are true along dimensions, or at all.
    public func all(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("all", [self]) { out in
            reduce(dims) { ct.pointee.all(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// The same along one dimension.
    public func all(_ dim: Int, keepDims: Bool = false) -> Tensor { all([dim], keepDims: keepDims) }

    /// Whether any element is true along dimensions, or at all.
    public func any(_ dims: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        make("any", [self]) { out in
            reduce(dims) { ct.pointee.any(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// The same along one dimension.
    public func any(_ dim: Int, keepDims: Bool = false) -> Tensor { any([dim], keepDims: keepDims) }

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

    /// Logarithms of the sums of exponentials along a dimension.
    public func logSumExp(dim: Int, keepDims: Bool = false) -> Tensor {
        make("logSumExp", [self]) { out in
            reduce([dim]) { ct.pointee.logsumexp(handle, $0, $1, keepDims ? 1 : 0, out) }
        }
    }

    /// Index (int64) of the largest element along a dimension, or of all in row-major order.
    public func argmax(dim: Int? = nil, keepDims: Bool = false) -> Tensor {
        make("argmax", [self]) { out in
            withPointer(to: dim) { ct.pointee.argmax(handle, $0, keepDims ? 1 : 0, out) }
        }
    }

    /// Index (int64) of the smallest element along a dimension, or of all in row-major order.
    public func argmin(dim: Int? = nil, keepDims: Bool = false) -> Tensor {
        make("argmin", [self]) { out in
            withPointer(to: dim) { ct.pointee.argmin(handle, $0, keepDims ? 1 : 0, out) }
        }
    }

    /// Largest elements along a dimension, and their indices (int64).
    public func maxWithIndices(dim: Int, keepDims: Bool = false) -> (values: Tensor, indices: Tensor) {
        makeTwo("maxWithIndices", [self]) { ct.pointee.max_dim(handle, dim, keepDims ? 1 : 0, $0, $1) }
    }

    /// Smallest elements along a dimension, and their indices (int64).
    public func minWithIndices(dim: Int, keepDims: Bool = false) -> (values: Tensor, indices: Tensor) {
        makeTwo("minWithIndices", [self]) { ct.pointee.min_dim(handle, dim, keepDims ? 1 : 0, $0, $1) }
    }

    /// Medians along a dimension, the lower of two, and their indices (int64).
    public func median(dim: Int, keepDims: Bool = false) -> (values: Tensor, indices: Tensor) {
        makeTwo("median", [self]) { ct.pointee.median_dim(handle, dim, keepDims ? 1 : 0, $0, $1) }
    }

    /// Exponentials divided by their sum along a dimension.
    public func softmax(dim: Int) -> Tensor {
        make("softmax", [self]) { ct.pointee.softmax(handle, dim, $0) }
    }

    /// Logarithms of the softmax along a dimension.
    public func logSoftmax(dim: Int) -> Tensor {
        make("logSoftmax", [self]) { ct.pointee.log_softmax(handle, dim, $0) }
    }

    /// Running sums along a dimension.
    public func cumulativeSum(dim: Int) -> Tensor {
        make("cumulativeSum", [self]) { ct.pointee.cumsum(handle, dim, $0) }
    }

    /// The `k` largest (or smallest) elements along a dimension, in order, and their indices (int64).
    public func topK(_ k: Int, dim: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
        makeTwo("topK", [self]) { ct.pointee.topk(handle, k, dim, largest ? 1 : 0, $0, $1) }
    }

    /// The elements in order along a dimension, and their indices (int64); equal ones keep their order.
    public func sorted(dim: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
        makeTwo("sorted", [self]) { ct.pointee.sort(handle, dim, descending ? 1 : 0, $0, $1) }
    }

    /// How often each number from 0 on occurs in a vector of integers, or the sums of its weights.
    public func bincount(weights: Tensor? = nil, minimumLength: Int = 0) -> Tensor {
        make("bincount", [self, weights]) { ct.pointee.bincount(handle, weights?.handle, minimumLength, $0) }
    }

    /// Where each value would be put into ascending boundaries: before equals, or behind them.
    public func searchSorted(in boundaries: Tensor, afterEquals: Bool = false) -> Tensor {
        make("searchSorted", [self, boundaries]) {
            ct.pointee.searchsorted(boundaries.handle, handle, afterEquals ? 1 : 0, $0)
        }
    }
}

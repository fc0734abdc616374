// Matrix products, normalisations and attention.
internal import CTorchAPI

/// Matrix product; dimensions before the last two are batches.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
    make("matmul", [a, b]) { ct.pointee.matmul(a.handle, b.handle, $0) }
}

/// Outer product of two vectors, `[n]` and `[m]` to `[n, m]`.
public func outer(_ a: Tensor, _ b: Tensor) -> Tensor {
    make("outer", [a, b]) { ct.pointee.outer(a.handle, b.handle, $0) }
}

/// Inner product of two vectors.
public func dot(_ a: Tensor, _ b: Tensor) -> Tensor {
    make("dot", [a, b]) { ct.pointee.dot(a.handle, b.handle, $0) }
}

/// The solution x of `a x = b` for a symmetric positive definite `a`, by Cholesky's factorisation: `[n, n]`, `[n, k]` to `[n, k]`.
///
/// A matrix that is not positive definite is an error of the scope.
public func solvePositive(_ a: Tensor, _ b: Tensor) -> Tensor {
    make("solvePositive", [a, b]) { ct.pointee.solve_positive(a.handle, b.handle, $0) }
}

/// `x weight^T + bias`: `[..., inputs]`, `[outputs, inputs]`, `[outputs]` to `[..., outputs]`.
public func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    make("linear", [x, weight, bias]) { ct.pointee.linear(x.handle, weight.handle, bias?.handle, $0) }
}

/// Each vector of the last dimension brought to mean 0 and variance 1, then scaled and shifted.
public func layerNorm(_ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, eps: Double = 1e-5) -> Tensor {
    let size = [x.shape.last ?? 1]
    return make("layerNorm", [x, weight, bias]) {
        ct.pointee.layer_norm(x.handle, size, 1, weight?.handle, bias?.handle, eps, $0)
    }
}

/// Each channel, the second dimension, brought to mean 0 and variance 1, then scaled and shifted (Ioffe and Szegedy 2015).
///
/// In training, mean and variance are those of the batch, and the running ones are moved in place; the variance of the batch is
/// divided by the number of values per channel for the result, by one less for the running variance. Otherwise they are the running
/// ones.
///
/// - Parameters:
///   - x: `[B, C, ...]`.
///   - mean: The running means, `[C]`.
///   - variance: The running variances, `[C]`.
///   - training: Whether the batch is normalised by its own statistics; each channel must then have at least two values.
///   - momentum: The batch's share of the running statistics.
public func batchNorm(
    _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, mean: Tensor, variance: Tensor, training: Bool,
    momentum: Double = 0.1, eps: Double = 1e-5
) -> Tensor {
    make("batchNorm", [x, weight, bias, mean, variance]) {
        ct.pointee.batch_norm(
            x.handle, weight?.handle, bias?.handle, mean.handle, variance.handle, training ? 1 : 0, momentum, eps, $0)
    }
}

/// Each vector of the last dimension divided by its root mean square, then scaled.
public func rmsNorm(_ x: Tensor, _ weight: Tensor?, eps: Double = 1e-5) -> Tensor {
    let size = [x.shape.last ?? 1]
    return make("rmsNorm", [x, weight]) { ct.pointee.rms_norm(x.handle, size, 1, weight?.handle, eps, $0) }
}

/// `softmax(q k^T scale + mask) v` with `[batch, heads, tokens, width]`.
///
/// - Parameters:
///   - mask: Added to the scores, or where boolean, true where a key may be seen.
///   - causal: Whether a query sees only keys up to its own place.
///   - scale: `1 / sqrt(width)` where `nil`.
public func scaledDotProductAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Double? = nil
) -> Tensor {
    make("scaledDotProductAttention", [q, k, v, mask]) { out in
        withPointer(to: scale) {
            ct.pointee.attention(q.handle, k.handle, v.handle, mask?.handle, causal ? 1 : 0, $0, out)
        }
    }
}

/// Rotary position embedding of the last tokens: halves (a, b) of a vector become
/// `(a cos - b sin, b cos + a sin)`.
///
/// - Parameters:
///   - x: `[batch, heads, tokens, width]`, or several of these in a dimension before.
///   - sine: `[positions, width]`; the first `tokens - positions` tokens stay as they are.
///   - cosine: `[positions, width]`.
public func rotaryEmbedding(_ x: Tensor, sine: Tensor, cosine: Tensor) -> Tensor {
    make("rotaryEmbedding", [x, sine, cosine]) { ct.pointee.rope(x.handle, sine.handle, cosine.handle, $0) }
}

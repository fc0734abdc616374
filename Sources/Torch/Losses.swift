// Losses and targets that are one call each.
internal import CTorchAPI

/// Balanced assignments of samples to prototypes by Sinkhorn and Knopp, without gradient (Caron and others, 2020).
///
/// `exp(logits / temperature)` is scaled in turns so that all prototypes share the samples evenly and every
/// sample's row sums to 1; in the log domain, so that no finite logit gives NaN.
///
/// - Parameters:
///   - logits: `[samples, prototypes]`; half precision is raised to float32.
///   - temperature: Above 0; 0.04 to 0.07 in practice.
///   - iterations: Rounds of scaling.
///   - inPlace: Whether the logits may be overwritten, so that there is one matrix of that size and not two.
/// - Returns: `[samples, prototypes]`, rows summing to 1; empty for no samples.
public func sinkhorn(
    _ logits: Tensor, temperature: Double, iterations: Int = 3, inPlace: Bool = false
) -> Tensor {
    make("sinkhorn", [logits]) {
        ct.pointee.sinkhorn(logits.handle, temperature, iterations, inPlace ? 1 : 0, $0)
    }
}

/// The scales of prototypes that balance samples as `sinkhorn` does, without a matrix of all scores.
///
/// Assignments are then `softmax(tokens prototypes^T / temperature + scales)`, row by row, and the same as those of `sinkhorn`. The
/// scores are computed once a round, a chunk of rows at a time.
///
/// - Parameters:
///   - tokens: `[samples, D]`, at least one.
///   - prototypes: `[K, D]`.
///   - temperature: Above 0.
///   - iterations: Rounds of scaling.
///   - rowsAtATime: Rows of scores in memory at a time; `nil` for about 64 MB of them.
/// - Returns: Logarithms, `[K]`.
public func sinkhornScales(
    _ tokens: Tensor, prototypes: Tensor, temperature: Double, iterations: Int = 3, rowsAtATime: Int? = nil
) -> Tensor {
    let count = prototypes.isDefined ? prototypes.shape[0] : 1
    return make("sinkhornScales", [tokens, prototypes]) {
        ct.pointee.sinkhorn_scales(
            tokens.handle, prototypes.handle, temperature, iterations, rowsAtATime ?? rowsOfScores(count), $0)
    }
}

/// Rows of scores that take about 64 MB.
private func rowsOfScores(_ prototypes: Int) -> Int { max(1, (1 << 24) / max(prototypes, 1)) }

/// Teachers' assignments of samples to prototypes.
public enum PrototypeTargets {
    /// All of them, `[T, B, K]`, float32 or float64.
    case whole(Tensor)
    /// What they are made of when some rows are needed: `softmax(tokens prototypes^T / temperature + scales)`.
    ///
    /// Tokens are `[T, B, D]`, prototypes `[K, D]`, scales `[K]`.
    case made(tokens: Tensor, prototypes: Tensor, scales: Tensor, temperature: Double)

    /// Numbers of teachers' crops and of samples; `nil` after a failed operation.
    public var shape: (crops: Int, samples: Int)? {
        let tensor =
            switch self {
            case .whole(let targets): targets
            case .made(let tokens, _, _, _): tokens
            }
        return tensor.isDefined && tensor.rank == 3 ? (tensor.shape[0], tensor.shape[1]) : nil
    }

    /// Number of prototypes; `nil` after a failed operation.
    var prototypes: Int? {
        let tensor =
            switch self {
            case .whole(let targets): targets
            case .made(_, _, let scales, _): scales
            }
        return tensor.isDefined ? tensor.shape[tensor.rank - 1] : nil
    }

    /// The type of the assignments; `nil` after a failed operation.
    public var dtype: DType? {
        let tensor =
            switch self {
            case .whole(let targets): targets
            case .made(_, _, let scales, _): scales
            }
        return tensor.isDefined ? tensor.dtype : nil
    }

    /// The assignments of one crop, some rows at a time: the bits that `prototypeLoss` compares with at its own number of rows.
    ///
    /// - Parameter body: Given the number of the first sample, and rows, `[length, K]`.
    public func forEachChunk(ofCrop crop: Int, _ body: (_ start: Int, _ rows: Tensor) throws -> Void) rethrows {
        guard let shape, let prototypes else { return }
        let chunk = rowsOfScores(prototypes)
        for start in stride(from: 0, to: shape.samples, by: chunk) {
            let length = min(chunk, shape.samples - start)
            switch self {
            case .whole: try body(start, rows(crop: crop, start: start, length: length))
            case .made(let tokens, let prototypes, let scales, let temperature):
                let some = tokens.select(dim: 0, index: crop).narrow(dim: 0, start: start, length: length)
                let scores = matmul(some, prototypes.to(tokens.dtype).transpose(0, 1)).to(scales.dtype)
                try body(start, (scores / temperature + scales).softmax(dim: 1))
            }
        }
    }

    /// The assignments of some samples of one crop, `[length, K]`.
    public func rows(crop: Int, start: Int, length: Int) -> Tensor {
        switch self {
        case .whole(let targets): targets.select(dim: 0, index: crop).narrow(dim: 0, start: start, length: length)
        case .made(let tokens, let prototypes, let scales, let temperature):
            (matmul(
                tokens.select(dim: 0, index: crop).narrow(dim: 0, start: start, length: length),
                prototypes.to(tokens.dtype).transpose(0, 1)
            ).to(scales.dtype) * (1 / temperature) + scales).softmax(dim: 1)
        }
    }
}

/// Cross-entropy of students' tokens against teachers' assignments to prototypes, without a matrix of all scores.
///
///     L = - sum over s, t, b of pairs[s][t] rows[b] <targets[t, b], log softmax(tokens[s, b] prototypes^T / temperature)>
///
/// Scores come a chunk of rows at a time; their gradient is made at once, so that nothing is computed twice. It is given away by the
/// first `backward`: a second one, after `retainGraph`, is an error. There is no second gradient, and none for the targets.
///
/// - Parameters:
///   - tokens: `[S * B, D]`, crop by crop.
///   - prototypes: `[K, D]`.
///   - targets: Assignments of B samples by T teachers' crops.
///   - pairs: S rows of T weights.
///   - rows: A weight for each of the B samples; `nil` for 1.
///   - temperature: Above 0; 0.1 in DINOv3.
///   - rowsAtATime: Rows of scores in memory at a time; `nil` for about 64 MB of them.
/// - Returns: The loss, and its part of each of the S crops without gradient.
public func prototypeLoss(
    _ tokens: Tensor, prototypes: Tensor, targets: PrototypeTargets, pairs: [[Double]], rows: Tensor? = nil,
    temperature: Double,
    rowsAtATime: Int? = nil
) -> (total: Tensor, parts: Tensor) {
    let width = pairs.first?.count ?? 0
    precondition(
        width > 0 && pairs.allSatisfy { $0.count == width }, "pairs are a table of students' and teachers' crops")
    // A failed operation returns a tensor without a shape; the whole call then fails.
    if let shape = targets.shape {
        precondition(shape.crops == width, "pairs name \(width) teachers' crops, the targets are of \(shape.crops)")
    }
    let chunk = rowsAtATime ?? rowsOfScores(prototypes.isDefined ? prototypes.shape[0] : 1)
    let parts: (whole: Tensor?, tokens: Tensor?, prototypes: Tensor?, scales: Tensor?, temperature: Double) =
        switch targets {
        case .whole(let whole): (whole, nil, nil, nil, 1)
        case .made(let tokens, let prototypes, let scales, let temperature):
            (nil, tokens, prototypes, scales, temperature)
        }
    return makeTwo(
        "prototypeLoss", [tokens, prototypes, parts.whole, parts.tokens, parts.prototypes, parts.scales, rows]
    ) { total, losses in
        ct.pointee.prototype_loss(
            tokens.handle, prototypes.handle, parts.whole?.handle, parts.tokens?.handle, parts.prototypes?.handle,
            parts.scales?.handle, parts.temperature, pairs.flatMap(\.self), pairs.count, rows?.handle, temperature,
            chunk,
            total, losses)
    }
}

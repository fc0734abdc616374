// DINO, iBOT and KoLeo: spec 5.1 to 5.4.
package import Torch

/// The teacher's assignments: every prototype used alike, every row summing to one.
///
/// Three rounds of Sinkhorn and Knopp, safe where the reference's `exp(logit / temperature)` overflows.
///
/// - Parameters:
///   - scores: Teacher logits, `[samples, prototypes]`.
///   - temperature: Softmax temperature, above 0; 0.04 to 0.07 in practice.
/// - Returns: Same shape, without gradient.
package func assignments(_ scores: Tensor, temperature: Double) -> Tensor {
    sinkhorn(scores, temperature: temperature, iterations: 3)
}

/// Cross-entropy between the teacher's assignments and the student's softmax over pairs of crops, spec 5.2.
///
///     L = - sum over s, b, t of <q[t, b], log softmax(x[s, b] / temperature)>  /  number of (s, b, t)
///
/// - Parameters:
///   - student: Logits, `[S, B, K]`.
///   - teacher: Assignments, `[T, B, K]`.
///   - ignoreDiagonal: Whether pairs of the same crop (s = t) are left out.
/// - Returns: A number.
package func dinoLoss(
    student: Tensor, teacher: Tensor, temperature: Double, ignoreDiagonal: Bool
) -> Tensor {
    // After a failed operation (out of memory) there is nothing to go on with; the scope throws.
    guard student.isDefined, teacher.isDefined else { return student }
    let (s, b, t) = (student.shape[0], student.shape[1], teacher.shape[0])
    let logs = (student / temperature).logSoftmax(dim: -1)
    let all = (logs * teacher.sum(0)).sum()
    guard ignoreDiagonal else { return all * (-1 / Double(b * s * t)) }
    let same = min(s, t)
    let diagonal = (logs.narrow(dim: 0, start: 0, length: same) * teacher.narrow(dim: 0, start: 0, length: same)).sum()
    return (all - diagonal) * (-1 / Double(b * s * t - b * same))
}

/// Cross-entropy on hidden patches, each image weighing the same, spec 5.3.
///
/// - Parameters:
///   - student: Logits at the hidden patches, `[hidden, K]`.
///   - teacher: Assignments at the same patches, `[hidden, K]`.
///   - weights: 1 over the number of hidden patches in the patch's image, `[hidden]`.
///   - images: Number of images, those without hidden patches included.
/// - Returns: A number.
package func ibotLoss(
    student: Tensor, teacher: Tensor, weights: Tensor, images: Int, temperature: Double
) -> Tensor {
    let logs = (student / temperature).logSoftmax(dim: -1)
    return ((teacher * logs).sum(-1) * weights).sum() * (-1 / Double(images))
}

/// Pushes each sample away from its nearest neighbour in the batch (Kozachenko and Leonenko), spec 5.4, the local form.
///
/// - Parameter tokens: `[B, D]`, B at least 2.
/// - Returns: A number.
package func koleoLoss(_ tokens: Tensor) -> Tensor {
    guard tokens.isDefined else { return tokens }
    let epsilon = 1e-8
    let count = tokens.shape[0]
    precondition(count >= 2, "KoLeo needs neighbours: at least two samples, got \(count)")
    let unit = tokens.to(tokens.dtype == .float64 ? .float64 : .float32).normalized(dim: -1, eps: epsilon)
    let neighbours = withoutGradient {
        // Similarities are at least -1; less on the diagonal keeps a sample from being its own neighbour.
        let diagonal = Tensor.eye(count, dtype: unit.dtype, device: unit.device) * 4
        return (matmul(unit, unit.transpose(0, 1)) - diagonal).argmax(dim: 1)
    }
    let distance = (unit - unit.indexSelect(dim: 0, indices: neighbours) + epsilon).norm(2, dims: [-1])
    return -(distance + epsilon).log().mean()
}

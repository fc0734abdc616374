// DINO, iBOT and KoLeo: spec 5.1 to 5.4.
package import Torch

/// The teacher's assignments: every prototype used alike, every row summing to one.
///
/// Three rounds of Sinkhorn and Knopp, safe where the reference's `exp(logit / temperature)` overflows.
///
/// - Parameters:
///   - scores: Teacher logits, `[samples, prototypes]`; they are overwritten.
///   - temperature: Softmax temperature, above 0; 0.04 to 0.07 in practice.
/// - Returns: Same shape, without gradient.
package func assignments(_ scores: Tensor, temperature: Double) -> Tensor {
    sinkhorn(scores, temperature: temperature, iterations: 3, inPlace: true)
}

/// What each pair of crops counts in DINO, spec 5.2 and 5.6: every pair alike, but for those of local crops if so wished.
///
/// - Parameters:
///   - localCrops: Student crops after the two global ones.
///   - batch: Tiles.
///   - weight: Of DINO in the total.
///   - localWeight: Of the pairs of a local with a global crop.
/// - Returns: For student crops (two global, then local) the weights of the two teacher crops; none for a crop with itself.
package func dinoPairs(localCrops: Int, batch: Int, weight: Double, localWeight: Double = 1) -> [[Double]] {
    let each = weight / (Double(2 + 2 * localCrops) * Double(batch))
    let local = [each * localWeight, each * localWeight]
    return [[0, each], [each, 0]] + [[Double]](repeating: local, count: localCrops)
}

/// Pushes each sample away from its nearest neighbours (Kozachenko and Leonenko), spec 5.4.
///
///     L = - mean over samples i and their neighbours j of log(|u_i - u_j + e| + e),  u of length 1, e = 1e-8
///
/// - Parameters:
///   - tokens: `[B, D]`, B at least 2.
///   - group: Neighbours are looked for among so many consecutive samples, as over the images of some devices; `nil` for all.
///   - neighbours: How many of each sample.
/// - Returns: A number.
package func koleoLoss(_ tokens: Tensor, group: Int? = nil, neighbours: Int = 1) -> Tensor {
    guard tokens.isDefined else { return tokens }
    let epsilon = 1e-8
    let (count, width) = (tokens.shape[0], tokens.shape[1])
    let size = group ?? count
    precondition(
        size >= 2 && count % size == 0 && neighbours >= 1 && neighbours < size,
        "KoLeo needs groups of two samples or more that fill the batch: \(neighbours) neighbours among \(size) of \(count)"
    )
    let unit = tokens.to(tokens.dtype == .float64 ? .float64 : .float32).normalized(dim: -1, eps: epsilon)
    let nearest = withoutGradient {
        let groups = unit.detached().reshaped([count / size, size, width])
        // Similarities are at least -1; less on the diagonal keeps a sample from being its own neighbour.
        let diagonal = Tensor.eye(size, dtype: unit.dtype, device: unit.device) * 4
        let similarity = matmul(groups, groups.transpose(1, 2)) - diagonal
        let starts = Tensor((0..<count / size).map { $0 * size }, shape: [count / size, 1, 1], device: unit.device)
        let within =
            neighbours == 1 ? similarity.argmax(dim: 2, keepDims: true) : similarity.topK(neighbours, dim: 2).indices
        return (within + starts).reshaped([count, neighbours])
    }
    let others = unit.indexSelect(dim: 0, indices: nearest.flattened()).reshaped([count, neighbours, width])
    let distance = (unit.unsqueezed(dim: 1) - others + epsilon).norm(2, dims: [-1])
    return -(distance + epsilon).log().mean()
}

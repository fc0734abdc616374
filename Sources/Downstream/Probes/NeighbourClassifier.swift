// Classification by nearest neighbours: DINOv3's weighted vote by cosine, and the plain majority by distance.
package import Torch

/// The numbers of neighbours that DINOv3's evaluation compares.
package let dinov3Neighbours = [10, 20, 100, 200]

/// Lets the nearest training samples by cosine vote, weighted by softmax(cosine / temperature), as DINOv3's evaluation does.
///
/// The softmax is over the largest number of neighbours; fewer neighbours vote with the same weights, which then do not sum to 1.
/// Similarities are computed in float32, a block of queries at a time. Of equally near samples the one with the lowest index counts as
/// nearer.
///
/// - Parameters:
///   - training: The samples that vote.
///   - queries: Features of the samples that are classified, `[M, D]`.
///   - neighbours: Numbers of neighbours, above 0; larger ones than there are training samples become that number.
///   - temperature: Above 0.
/// - Returns: The votes of each different number of neighbours, rising.
/// - Throws: `DownstreamError` (`badPairs`) for queries with other features; `TorchError`.
package func neighbourVotes(
    training: FeatureMatrix, queries: Tensor, neighbours: [Int] = dinov3Neighbours, temperature: Double = 0.07
) throws -> [NeighbourVotes] {
    precondition(
        !neighbours.isEmpty && neighbours.allSatisfy { $0 > 0 } && temperature > 0,
        "one neighbour or more votes, at a temperature above 0")
    try training.requireWidth(of: queries)
    let counts = Set(neighbours.map { min($0, training.count) }).sorted()
    let most = counts.last ?? 1
    let (electorate, directions) = try catchingTorchErrors {
        withoutGradient { (Electorate(training.truth), training.features.normalized(dim: 1).transpose(0, 1)) }
    }
    let block = electorate.queriesAtOnce(neighbours: most, bytes: 4)
    return try votes(queries, counts: counts, block: block, electorate: electorate) { some in
        let similarities = matmul(some.to(.float32).normalized(dim: 1), directions)
        let nearest = largestOfRows(similarities, columns: training.count, count: most)
        return (nearest.indices, (nearest.values.to(.float64) / temperature).softmax(dim: 1))
    }
}

/// Lets the nearest training samples by Euclidean distance vote, one vote each.
///
/// As scikit-learn's `KNeighborsClassifier` with uniform weights; a tie of votes goes to the lowest class. Of equally near samples the
/// one with the lowest index counts as nearer.
///
/// Squares of distances come from norms and products, which cancel where features are large compared with their differences: in float32,
/// nothing is left of these. Features are therefore moved to about the mean of the training samples, and products computed in float64.
/// The mean is rounded to bfloat16, so that differences of float32 features from it are exact, and equal distances stay equal.
///
/// - Parameters:
///   - training: The samples that vote.
///   - queries: Features of the samples that are classified, `[M, D]`.
///   - neighbours: How many vote, above 0; at most all training samples do.
/// - Throws: `DownstreamError` (`badPairs`) for queries with other features; `TorchError`.
package func majorityVotes(training: FeatureMatrix, queries: Tensor, neighbours: Int = 5) throws -> NeighbourVotes {
    precondition(neighbours > 0, "one neighbour or more votes, got \(neighbours)")
    try training.requireWidth(of: queries)
    let count = min(neighbours, training.count)
    let (electorate, centre, places, halves) = try catchingTorchErrors {
        withoutGradient {
            let centre = training.features.to(.float64).mean(0).to(.bfloat16).to(.float64)
            let centred = training.features.to(.float64) - centre
            return (Electorate(training.truth), centre, centred.transpose(0, 1), centred.square().sum([1]) / 2)
        }
    }
    let block = electorate.queriesAtOnce(neighbours: count, bytes: 8)
    let found = try votes(queries, counts: [count], block: block, electorate: electorate) { some in
        // |q - t|^2 = |q|^2 - 2 (q t - |t|^2 / 2): the nearest has the largest bracket.
        let nearness = matmul(some.to(.float64) - centre, places) - halves
        let nearest = largestOfRows(nearness, columns: training.count, count: count)
        return (nearest.indices, Tensor.ones(nearest.indices.shape, dtype: .float64))
    }
    return found[0]
}

/// Votes of blocks of queries.
///
/// - Parameter nearest: Neighbours of some queries, the nearest first, and their weights, `[m, k]` float64, for the largest k of `counts`.
private func votes(
    _ queries: Tensor, counts: [Int], block: Int, electorate: Electorate,
    nearest: (Tensor) -> (indices: Tensor, weights: Tensor)
) throws -> [NeighbourVotes] {
    let rows = queries.shape[0]
    var scores = [[Double]](repeating: [], count: counts.count)
    var totals = scores
    for start in stride(from: 0, to: rows, by: block) {
        let length = min(block, rows - start)
        let parts: [(scores: [Double], totals: [Double])] = try catchingTorchErrors {
            withoutGradient {
                let some = queries.narrow(dim: 0, start: start, length: length).to(.cpu)
                let (indices, weights) = nearest(some)
                return counts.map { count -> (scores: [Double], totals: [Double]) in
                    let voting = weights.narrow(dim: 1, start: 0, length: count)
                    let cast = electorate.votes(
                        indices.narrow(dim: 1, start: 0, length: count), weights: voting, queries: length,
                        neighbours: count)
                    return (cast.doubles(), voting.sum([1]).doubles())
                }
            }
        }
        for (index, part) in parts.enumerated() {
            scores[index] += part.scores
            totals[index] += part.totals
        }
    }
    return counts.indices.map { index in
        NeighbourVotes(
            neighbours: counts[index], scores: scores[index].map { Float($0) }, totals: totals[index].map { Float($0) },
            predictions: electorate.elected(scores[index], totals: totals[index]))
    }
}

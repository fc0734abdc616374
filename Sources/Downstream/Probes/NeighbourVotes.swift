// What the neighbours of samples vote for.
internal import Torch

/// The votes of the nearest training samples for each class or label of each query.
package struct NeighbourVotes: Sendable, Equatable {
    /// How many neighbours voted.
    package let neighbours: Int
    /// The sum of the weights of the neighbours of each class, or with each label, row by row: `[M, C]`.
    package let scores: [Float]
    /// The sum of the weights of the neighbours of each query, `[M]`.
    package let totals: [Float]
    /// The class with the largest score, of equals the lowest; or the labels with more than half of the weights.
    package let predictions: ProbeLabels

    /// The same as the answer of a probe, with shares of the weights as probabilities.
    package var answer: ProbeAnswer {
        let width = predictions.width
        let shares = scores.indices.map { scores[$0] / totals[$0 / width] }
        return ProbeAnswer(predictions: predictions, probabilities: shares, chosen: Double(neighbours))
    }
}

/// Classes or labels of training samples as tensors, and the votes that come of them.
struct Electorate {
    private let truth: ProbeLabels
    /// Classes `[N]` int64, or labels `[N, L]` float64.
    private let table: Tensor

    /// Takes what is known of the training samples.
    init(_ truth: ProbeLabels) {
        self.truth = truth
        table =
            switch truth {
            case .classes(let classes, _): Tensor(classes)
            case .labels(let values, let width):
                Tensor(values, shape: [truth.count, width]).to(.float64)
            }
    }

    /// How many queries can vote at once with about 64 MB, in addition to a table of `bytes` for each training sample and query.
    func queriesAtOnce(neighbours: Int, bytes: Int) -> Int {
        let limit = 1 << 26
        let similarities = truth.count * bytes
        if case .labels(_, let width) = truth {
            return max(1, min(limit / similarities, limit / (8 * neighbours * width)))
        }
        return max(1, limit / similarities)
    }

    /// Sums of weights by class or label, `[M, C]` float64.
    ///
    /// - Parameters:
    ///   - indices: The neighbours of M queries, `[M, k]`.
    ///   - weights: Their weights, `[M, k]` float64.
    func votes(_ indices: Tensor, weights: Tensor, queries: Int, neighbours: Int) -> Tensor {
        let chosen = table.indexSelect(dim: 0, indices: indices.reshaped([-1]))
        switch truth {
        case .classes(_, let width):
            let zeros = Tensor.zeros([queries, width], dtype: .float64)
            let places = chosen.reshaped([queries, neighbours])
            return evaluated("scatter_add", "", [.tensor(zeros), .int(1), .tensor(places), .tensor(weights)])
        case .labels(_, let width):
            return matmul(weights.unsqueezed(dim: 1), chosen.reshaped([queries, neighbours, width])).squeezed(dim: 1)
        }
    }

    /// What scores `[M, C]`, row by row, elect.
    func elected(_ scores: [Double], totals: [Double]) -> ProbeLabels {
        switch truth {
        case .classes(_, let width): .classes(firstLargest(scores, width: width), classCount: width)
        case .labels(_, let width):
            .labels(scores.indices.map { scores[$0] > totals[$0 / width] / 2 }, labelCount: width)
        }
    }
}

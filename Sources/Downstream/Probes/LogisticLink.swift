// How the sums of a logistic regression become probabilities, and what its loss and curvature are.
package import Torch

/// Softmax over the columns, or a sigmoid of each.
package enum LogisticLink: Sendable, Equatable {
    /// One of several classes: the multinomial model.
    case softmax
    /// Columns that stand each for itself: binomial models side by side.
    case sigmoid

    /// Probabilities of sums `[..., K]`.
    package func probabilities(_ sums: Tensor) -> Tensor {
        switch self {
        case .softmax: sums.softmax(dim: -1)
        case .sigmoid: sums.sigmoid()
        }
    }

    /// The negative logarithm of the likelihood of targets `[N, K]`, zeros and ones, summed over all.
    func loss(_ sums: Tensor, targets: Tensor) -> Double {
        switch self {
        case .softmax: -innerProduct(targets, sums.logSoftmax(dim: -1))
        case .sigmoid:
            evaluated(
                "binary_cross_entropy_with_logits", "",
                [.tensor(sums), .tensor(targets), .none, .none, .int(2)]
            ).item()
        }
    }

    /// The second derivative of the loss with respect to the sums, times a change of them: `diag(p) a - p p^T a` or `p (1 - p) a`.
    func curvature(_ probabilities: Tensor, along change: Tensor) -> Tensor {
        let part = probabilities * change
        return switch self {
        case .softmax: part - probabilities * part.sum([-1], keepDims: true)
        case .sigmoid: part - probabilities * part
        }
    }
}

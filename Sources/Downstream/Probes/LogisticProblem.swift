// The objective of a logistic regression in rotated coordinates, with all that an optimiser asks of it.
package import Torch

/// Logistic regression with a penalty on the squares of the weights: `C sum of losses + 1/2 |W|^2`, intercepts free.
///
/// The objective of scikit-learn's `LogisticRegression`, here divided by C N:
///
///     f(V) = 1/N sum of losses(X V) + r/2 |V without its last row|^2,  r = 1 / (C N scale^2)
///
/// where V `[R + 1, K]` are the weights of the coordinates of `RotatedFeatures`, whose norm is `scale` times that of the weights of
/// features. Its operations fail inside a scope of errors only, and then give numbers that are not numbers.
package struct LogisticProblem {
    /// The samples.
    let rotated: RotatedFeatures
    /// Zeros and ones, `[N, K]` float64.
    let targets: Tensor
    /// How sums become probabilities.
    let link: LogisticLink
    /// Coordinates `[N, R + 1]` in float32, for products with the curvature.
    private let coarse: Tensor
    /// 1 for the coordinates whose weights are penalised, `[R + 1, 1]`.
    private let penalised: Tensor
    private let count: Double

    /// Takes samples, and what is known of them.
    package init(_ rotated: RotatedFeatures, targets: Tensor, link: LogisticLink) {
        self.rotated = rotated
        self.targets = targets
        self.link = link
        coarse = rotated.coordinates.to(.float32)
        penalised = Tensor(
            [Double](repeating: 1, count: rotated.width - 1) + [0], shape: [rotated.width, 1])
        count = Double(rotated.coordinates.shape[0])
    }

    /// The optimum of the intercepts where no feature tells anything.
    var start: Tensor {
        let shares = targets.mean(0, keepDims: true)
        let intercepts =
            switch link {
            case .softmax: shares.log() - shares.log().mean()
            case .sigmoid: shares.log() - (-shares + 1).log()
            }
        return concatenate([Tensor.zeros([rotated.width - 1, targets.shape[1]], dtype: .float64), intercepts])
    }

    /// The penalty r of each coordinate, `[R + 1, 1]`, at a strength C.
    package func penalties(strength: Double) -> Tensor {
        penalised * (1 / (strength * count * rotated.scale * rotated.scale))
    }

    /// `X V`, `[N, K]`.
    package func sums(_ weights: Tensor) -> Tensor { matmul(rotated.coordinates, weights) }

    /// f at weights.
    package func objective(_ weights: Tensor, penalties: Tensor) -> Double {
        link.loss(sums(weights), targets: targets) / count + innerProduct(penalties * weights, weights) / 2
    }

    /// The gradient of f, `[R + 1, K]`.
    package func gradient(_ weights: Tensor, probabilities: Tensor, penalties: Tensor) -> Tensor {
        matmul(rotated.coordinates.transpose(0, 1), probabilities - targets) / count + penalties * weights
    }

    /// The first and second derivative of f along a line.
    ///
    /// - Parameters:
    ///   - sums: `X V` at a point of the line.
    ///   - change: X times the line's direction.
    ///   - penalty: The first and second derivative of the penalty there.
    package func derivatives(
        sums: Tensor, change: Tensor, penalty: (first: Double, second: Double)
    ) -> (first: Double, second: Double) {
        let probabilities = link.probabilities(sums)
        let first = innerProduct(probabilities - targets, change) / count
        let second = innerProduct(link.curvature(probabilities, along: change), change) / count
        return (first + penalty.first, second + penalty.second)
    }

    /// Solves for the Newton step `-H^-1 g` by conjugate gradients.
    ///
    /// Products with the Hessian H are of float32, which makes them twice as fast. That touches only how good a step is, never where
    /// the optimum is: this is where the gradient, of float64, vanishes.
    ///
    /// The preconditioner takes H for diagonal in features: along axis j and in class k the mean of `p (1 - p)` over samples times the
    /// mean square of the axis, plus r. In the eigenbasis of the covariance this is a good approximation. (Boehning's bound of 1992,
    /// which has 1/2 for p (1 - p), is a poor one where the samples are nearly separated.) The softmax does not change when all classes
    /// change alike, so that H is nearly 0 in this direction; steps are therefore kept to where the classes' changes sum to 0.
    func newtonStep(
        gradient: Tensor, probabilities: Tensor, penalties: Tensor, residual: Double, limit: Int
    ) -> ConjugateGradientsResult {
        let spread = (probabilities - probabilities.square()).mean(0, keepDims: true)
        let diagonal = rotated.meanSquares.unsqueezed(dim: 1) * spread + penalties
        // A constant that is certain everywhere has no curvature left.
        let inverse = Tensor(1, dtype: .float64) / diagonal.clamped(min: 1e-14)
        let total = inverse.sum([1], keepDims: true)
        let coarseProbabilities = probabilities.to(.float32)
        return conjugateGradients(
            -gradient, residual: residual, limit: limit,
            product: { direction in
                let change = matmul(coarse, direction.to(.float32))
                let curved = link.curvature(coarseProbabilities, along: change)
                return matmul(coarse.transpose(0, 1), curved).to(.float64) / count + penalties * direction
            },
            precondition: { left in
                let scaled = left * inverse
                guard link == .softmax else { return scaled }
                return scaled - inverse * (scaled.sum([1], keepDims: true) / total)
            })
    }
}

// The optimiser of a logistic regression: Newton's method with inexact steps.
internal import Torch

/// How exactly a logistic regression is solved.
package struct LogisticPrecision: Sendable, Hashable {
    /// The longest last step, as a share of the norm of the weights.
    package var step: Double
    /// The largest change of a sum that the last step makes; less where the sums themselves differ by little.
    package var change: Double
    /// The residual of each step's system, as a share of the gradient.
    package var residual: Double
    /// The largest number of products with the Hessian.
    package var products: Int

    /// Takes the limits.
    package init(step: Double, change: Double, residual: Double, products: Int = 5000) {
        self.step = step
        self.change = change
        self.residual = residual
        self.products = products
    }

    /// Enough to compare strengths: weights are then within about 1e-5 of the largest one.
    package static let comparing = LogisticPrecision(step: 1e-4, change: 1e-3, residual: 0.1)

    /// For the model that is used: weights are then within about 1e-7 of the largest one.
    package static let exact = LogisticPrecision(step: 1e-6, change: 1e-5, residual: 0.01)
}

/// Weights that an optimiser came to.
struct LogisticSolution {
    /// Weights of the coordinates, `[R + 1, K]`.
    var weights: Tensor
    /// Whether the last step was as small as was asked.
    var converged: Bool
    /// How many steps it took.
    var steps: Int
    /// How many products with the Hessian these took.
    var products: Int
}

extension LogisticProblem {
    /// The largest number of Newton steps.
    private static let longest = 100

    /// Minimises the objective from some weights on.
    ///
    /// Each Newton step is found by conjugate gradients and followed to about the minimum along its line. The sums change linearly along
    /// a line, so that this takes no product with the features. A step that changes no sum by more than `precision.change` stays where
    /// the Hessian is the same within `exp(2 change)` (Bach 2010, Self-concordant analysis for logistic regression), so that what is
    /// left after it is a small part of it: the last step is measured, not the gradient, whose size says little where the problem is
    /// badly conditioned.
    ///
    /// - Parameters:
    ///   - start: `[R + 1, K]`.
    ///   - strength: C, above 0.
    func solved(from start: Tensor, strength: Double, precision: LogisticPrecision) -> LogisticSolution {
        let penalties = penalties(strength: strength)
        var answer = LogisticSolution(weights: start, converged: false, steps: 0, products: 0)
        var sums = sums(start)
        while answer.steps < Self.longest {
            let probabilities = link.probabilities(sums)
            let gradient = gradient(answer.weights, probabilities: probabilities, penalties: penalties)
            let found = newtonStep(
                gradient: gradient, probabilities: probabilities, penalties: penalties, residual: precision.residual,
                limit: precision.products - answer.products)
            answer.steps += 1
            answer.products += found.products
            let step = found.solution
            let change = self.sums(step)
            // Where weights are tiny, so are the differences of sums that decide; intercepts must then be as exact.
            let variation = (sums - sums.mean(0)).abs().max().item()
            let largest = min(precision.change, max(10 * precision.step * variation, 1e-12))
            let isSmall =
                weightNorm(step) <= precision.step * weightNorm(answer.weights)
                && change.abs().max().item() <= largest
            if isSmall, answer.products < precision.products {
                answer.weights = answer.weights + step
                answer.converged = true
                return answer
            }
            let slope = innerProduct(gradient, step)
            // Rounding alone is left, or nothing could be computed.
            guard slope < 0 else { return answer }
            let length = lineMinimum(
                sums: sums, change: change, slope: slope,
                penalty: (
                    innerProduct(penalties * answer.weights, step), innerProduct(penalties * step, step)
                ))
            answer.weights = answer.weights + step * length
            sums = sums + change * length
            guard answer.products < precision.products else { return answer }
        }
        return answer
    }

    /// The Euclidean norm of the weights that are penalised.
    private func weightNorm(_ weights: Tensor) -> Double {
        weights.narrow(dim: 0, start: 0, length: rotated.width - 1).norm().item()
    }

    /// How far to go along a line, in units of the step: to where the slope is between -1/2 and 1/10 of what it was.
    ///
    /// By Newton's method in one dimension, kept between points with a slope down and up. The objective is convex, so that a point with
    /// a slope down is lower than the start.
    ///
    /// - Parameters:
    ///   - slope: The first derivative at the start, below 0.
    ///   - penalty: The first and second derivative of the penalty at the start.
    private func lineMinimum(
        sums: Tensor, change: Tensor, slope: Double, penalty: (first: Double, second: Double)
    ) -> Double {
        var low = 0.0
        var high = Double.infinity
        var length = 1.0
        for _ in 0..<30 {
            let there = derivatives(
                sums: sums + change * length, change: change,
                penalty: (penalty.first + length * penalty.second, penalty.second))
            if there.first >= slope / 2, there.first <= -slope / 10 { return length }
            // Not a number after a failed operation.
            guard there.first.isFinite else { return low }
            if there.first > 0 { high = length } else { low = length }
            var next = length - there.first / there.second
            if !(next > low && next < high) { next = high.isFinite ? (low + high) / 2 : 2 * length }
            length = min(next, 10 * length)
        }
        return low
    }
}

// A logistic regression that was fitted at one strength.
package import Torch

/// Weights of features, and what they say.
package struct LogisticModel {
    /// The strength C that it was fitted at.
    package let strength: Double
    /// A column of weights for each class or label that was learnt, `[D, K]` float64; one column for two classes.
    package let weights: Tensor
    /// The constant of each column, `[K]` float64.
    package let intercepts: Tensor
    /// Whether the optimiser came to the optimum.
    package let converged: Bool
    /// How many steps the optimiser took.
    package let steps: Int
    let targets: ProbeTargets
    let link: LogisticLink

    /// Fits a model: `C sum of losses + 1/2 |W|^2`, the intercepts not penalised.
    ///
    /// For three or more classes the multinomial model with all classes' weights, for two the binomial model, for labels a binomial
    /// model each: what scikit-learn's `LogisticRegression` minimises, alone and inside its `OneVsRestClassifier`.
    ///
    /// - Parameters:
    ///   - samples: What it is fitted to.
    ///   - strength: C, above 0; the larger, the less the weights are penalised.
    ///   - earlier: A model of the same features whose weights are near.
    ///   - precision: How exactly it is solved.
    /// - Throws: `DownstreamError` (`badPairs`) where there is nothing to learn; `TorchError`.
    package init(
        fitting samples: FeatureMatrix, strength: Double, startingFrom earlier: LogisticModel? = nil,
        precision: LogisticPrecision = .exact
    ) throws {
        precondition(strength > 0, "a strength is above 0, got \(strength)")
        let targets = try ProbeTargets(samples.truth)
        let rotated = try RotatedFeatures(samples.features)
        let problem = try LogisticProblem(samples, rotated: rotated, targets: targets)
        let near = earlier?.targets == targets ? earlier : nil
        let solution = try catchingTorchErrors {
            withoutGradient {
                let start = near.map { rotated.ofCoordinates(weights: $0.weights, intercepts: $0.intercepts) }
                return problem.solved(from: start ?? problem.start, strength: strength, precision: precision)
            }
        }
        try self.init(solution, of: problem, targets: targets, strength: strength)
    }

    /// Takes a solution of a problem back to features.
    ///
    /// - Throws: `TorchError`.
    init(_ solution: LogisticSolution, of problem: LogisticProblem, targets: ProbeTargets, strength: Double) throws {
        self.strength = strength
        self.targets = targets
        link = problem.link
        converged = solution.converged
        steps = solution.steps
        (weights, intercepts) = try catchingTorchErrors {
            withoutGradient { problem.rotated.ofFeatures(solution.weights) }
        }
    }

    /// What the model says of other samples.
    ///
    /// - Parameter features: `[M, D]`.
    /// - Throws: `TorchError`.
    package func predicted(
        _ features: Tensor
    ) throws -> (predictions: ProbeLabels, probabilities: [Float]) {
        let (sums, probabilities) = try catchingTorchErrors {
            withoutGradient {
                let sums = matmul(features.to(.float64), weights) + intercepts
                return (sums.doubles(), link.probabilities(sums).doubles())
            }
        }
        return (targets.labels(fromDecisions: sums), targets.probabilities(fromColumns: probabilities))
    }
}

extension LogisticProblem {
    /// The problem of samples in rotated coordinates.
    ///
    /// - Throws: `TorchError`.
    init(_ samples: FeatureMatrix, rotated: RotatedFeatures, targets: ProbeTargets) throws {
        self = try catchingTorchErrors {
            withoutGradient {
                LogisticProblem(
                    rotated, targets: targets.values(of: samples.truth),
                    link: targets.form == .oneOfMany ? .softmax : .sigmoid)
            }
        }
    }
}

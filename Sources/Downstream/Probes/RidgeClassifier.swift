// Classification by ridge regression in closed form.
package import Torch

/// Ridge regression of targets -1 and 1, a column for each class, as scikit-learn's `RidgeClassifier` fits it.
package struct RidgeClassifier {
    /// The ridge that it was fitted with.
    package let ridge: Double
    /// A column of weights for each class or label that was learnt, `[D, K]` float64; one column for two classes.
    package let weights: Tensor
    /// The constant of each column, `[K]` float64.
    package let intercepts: Tensor
    let targets: ProbeTargets

    /// Ridges evenly spaced on a logarithmic axis, from 1e-3 to 1e5.
    package static let usualRidges: [Double] = [1e-3, 1e-2, 1e-1, 1, 10, 100, 1e3, 1e4, 1e5]

    /// Fits a model: `sum |Y - X W - c|^2 + ridge |W|^2`, the intercepts c not penalised.
    ///
    /// - Parameters:
    ///   - samples: What it is fitted to.
    ///   - ridge: Above 0.
    /// - Throws: `DownstreamError` (`badPairs`) where there is nothing to learn; `TorchError`.
    package init(fitting samples: FeatureMatrix, ridge: Double) throws {
        precondition(ridge > 0, "a ridge is above 0, got \(ridge)")
        let problem = try RidgeProblem(samples)
        let (weights, intercepts) = try catchingTorchErrors {
            withoutGradient { problem.rotated.ofFeatures(problem.solved(ridge: ridge)) }
        }
        self.ridge = ridge
        self.weights = weights
        self.intercepts = intercepts
        targets = problem.targets
    }

    /// What the model says of other samples, `[M, D]`.
    ///
    /// - Throws: `TorchError`.
    package func predicted(_ features: Tensor) throws -> ProbeLabels {
        let sums = try catchingTorchErrors {
            withoutGradient { (matmul(features.to(.float64), weights) + intercepts).doubles() }
        }
        return targets.labels(fromDecisions: sums)
    }

    /// Chooses the ridge on validation samples, and says what the model predicts.
    ///
    /// Of equally good ridges the largest is chosen.
    ///
    /// - Parameters:
    ///   - ridges: One or more, all above 0.
    ///   - refit: Whether the model of that ridge is fitted again to training and validation samples together.
    ///   - test: Features of the samples that are predicted, `[M, D]`.
    /// - Throws: `DownstreamError` (`badPairs`); `TorchError`.
    package static func answer(
        training: FeatureMatrix, validation: FeatureMatrix, test: Tensor, ridges: [Double] = usualRidges,
        refit: Bool = true
    ) throws -> ProbeAnswer {
        precondition(!ridges.isEmpty && ridges.allSatisfy { $0 > 0 }, "ridges are above 0")
        try training.requireSameKind(validation)
        try training.requireWidth(of: test)
        let problem = try RidgeProblem(training)
        let tested = try catchingTorchErrors {
            withoutGradient { problem.rotated.coordinates(of: validation.features) }
        }
        var best: (ridge: Double, score: Double)?
        for ridge in ridges.sorted(by: >) {
            let sums = try catchingTorchErrors {
                withoutGradient { matmul(tested, problem.solved(ridge: ridge)).doubles() }
            }
            let score = validation.truth.agreement(of: problem.targets.labels(fromDecisions: sums))
            if best.map({ score > $0.score }) ?? true { best = (ridge, score) }
        }
        guard let best else { preconditionFailure("one ridge or more is compared") }
        let model = try RidgeClassifier(
            fitting: refit ? training.followed(by: validation) : training, ridge: best.ridge)
        return ProbeAnswer(
            predictions: try model.predicted(test), probabilities: nil, chosen: best.ridge, validationScore: best.score)
    }
}

/// A ridge regression in the eigenbasis of the features, where each ridge is a division.
private struct RidgeProblem {
    let rotated: RotatedFeatures
    let targets: ProbeTargets
    private let count: Double
    /// The products of coordinates and targets -1 and 1, `[R + 1, K]`.
    private let products: Tensor
    /// 1 for the coordinates whose weights are penalised, `[R + 1]`.
    private let penalised: Tensor

    init(_ samples: FeatureMatrix) throws {
        let targets = try ProbeTargets(samples.truth)
        let rotated = try RotatedFeatures(samples.features)
        (products, penalised) = try catchingTorchErrors {
            withoutGradient {
                let signs = targets.values(of: samples.truth) * 2 - 1
                let penalised = [Double](repeating: 1, count: rotated.width - 1) + [0]
                return (
                    matmul(rotated.coordinates.transpose(0, 1), signs), Tensor(penalised, shape: [rotated.width])
                )
            }
        }
        self.targets = targets
        self.rotated = rotated
        count = Double(samples.count)
    }

    /// The weights of the coordinates, `[R + 1, K]`.
    func solved(ridge: Double) -> Tensor {
        let squares = rotated.meanSquares * count + penalised * (ridge / (rotated.scale * rotated.scale))
        return products / squares.unsqueezed(dim: 1)
    }
}

// The logistic regression probe: strengths compared on validation samples, the best one fitted again to all.
internal import Backbone
package import Torch

/// The logistic regression probe of DINOv3's evaluations.
package struct LogisticRegression: Sendable {
    /// The strengths C that are compared, all above 0.
    package var strengths: [Double]
    /// How exactly models are solved that are compared.
    package var comparing: LogisticPrecision
    /// How exactly the model is solved that is used.
    package var refitting: LogisticPrecision

    /// The 45 strengths of DINOv3, evenly spaced on a logarithmic axis from 1e-6 to 1e5.
    package static let dinov3Strengths: [Double] = (0..<45).map { power(10, -6 + 11 * Double($0) / 44) }

    /// Takes strengths and limits.
    package init(
        strengths: [Double] = LogisticRegression.dinov3Strengths, comparing: LogisticPrecision = .comparing,
        refitting: LogisticPrecision = .exact
    ) {
        precondition(
            !strengths.isEmpty && strengths.allSatisfy { $0 > 0 && $0.isFinite }, "strengths are finite and above 0")
        self.strengths = strengths.sorted()
        self.comparing = comparing
        self.refitting = refitting
    }

    /// How models of rising strength did on validation samples.
    package struct Comparison {
        /// `ProbeLabels.agreement` at each strength, in order.
        package var scores: [Double]
        /// Whether the optimiser came to each optimum.
        package var converged: [Bool]
        /// The best model; of equals the one of the lowest strength.
        package var best: LogisticModel
        /// Its score.
        package var bestScore: Double
    }

    /// Fits a model at every strength and compares them.
    ///
    /// - Parameters:
    ///   - training: What the models are fitted to.
    ///   - validation: What they are compared on.
    ///   - progress: Called after each strength with how many are done; may throw to stop.
    /// - Throws: `DownstreamError` (`badPairs`); `TorchError`; what `progress` throws.
    package func compared(
        training: FeatureMatrix, validation: FeatureMatrix, progress: (Int) throws -> Void = { _ in }
    ) throws -> Comparison {
        try training.requireSameKind(validation)
        let targets = try ProbeTargets(training.truth)
        let rotated = try RotatedFeatures(training.features)
        let problem = try LogisticProblem(training, rotated: rotated, targets: targets)
        let tested = try catchingTorchErrors { withoutGradient { rotated.coordinates(of: validation.features) } }
        var path = LogisticPath(problem, precision: comparing)
        var scores: [Double] = []
        var converged: [Bool] = []
        var best: (solution: LogisticSolution, strength: Double, score: Double)?
        for strength in strengths {
            let (solution, sums) = try catchingTorchErrors {
                withoutGradient {
                    let solution = path.next(strength: strength)
                    return (solution, matmul(tested, solution.weights).doubles())
                }
            }
            let score = validation.truth.agreement(of: targets.labels(fromDecisions: sums))
            scores.append(score)
            converged.append(solution.converged)
            if best.map({ score > $0.score }) ?? true { best = (solution, strength, score) }
            try progress(scores.count)
        }
        guard let best else { preconditionFailure("one strength or more is compared") }
        let model = try LogisticModel(best.solution, of: problem, targets: targets, strength: best.strength)
        return Comparison(scores: scores, converged: converged, best: model, bestScore: best.score)
    }

    /// Chooses the strength on validation samples, and says what the model predicts.
    ///
    /// - Parameters:
    ///   - refit: Whether the model of that strength is fitted again to training and validation samples together.
    ///   - training: What models are fitted to.
    ///   - validation: What they are compared on.
    ///   - test: Features of the samples that are predicted, `[M, D]`.
    ///   - progress: Called after each strength with how many are done; may throw to stop.
    /// - Throws: `DownstreamError` (`badPairs`); `TorchError`; what `progress` throws.
    package func answer(
        training: FeatureMatrix, validation: FeatureMatrix, test: Tensor, refit: Bool = true,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> ProbeAnswer {
        try training.requireWidth(of: test)
        let comparison = try compared(training: training, validation: validation, progress: progress)
        let model =
            try refit
            ? LogisticModel(
                fitting: training.followed(by: validation), strength: comparison.best.strength,
                startingFrom: comparison.best, precision: refitting)
            : comparison.best
        let predicted = try model.predicted(test)
        return ProbeAnswer(
            predictions: predicted.predictions, probabilities: predicted.probabilities,
            validationProbabilities: try comparison.best.predicted(validation.features).probabilities,
            chosen: model.strength, validationScore: comparison.bestScore,
            converged: model.converged && comparison.converged.allSatisfy { $0 })
    }
}

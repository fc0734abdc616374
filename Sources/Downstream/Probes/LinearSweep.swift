// The linear probe: one layer trained by stochastic gradient descent, at many learning rates at once.
internal import Backbone
internal import Telemetry
package import Torch

/// How linear probes are trained; the defaults are those of DINOv3's evaluation.
package struct LinearSweepOptions: Sendable, Hashable {
    /// Learning rates of batches of 256 samples; they are scaled with the batch.
    package var rates: [Double] = [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1]
    /// Samples of a step.
    package var batch = 128
    /// Rounds of `iterations` steps.
    package var epochs = 10
    /// Steps of a round.
    package var iterations = 1250
    /// The share of the last change that is kept in the next one.
    package var momentum = 0.9
    /// The seed of the first weights and of the order of samples.
    package var seed: UInt64 = 0

    /// The defaults.
    package init() {}
}

/// Linear probes on the same features, each trained at its own learning rate.
///
/// Trained on features that were computed once, so without augmentation. Stochastic gradient descent with momentum, no weight decay, and
/// learning rates that fall to 0 along half a cosine. The loss is the cross-entropy; of labels the binary one, averaged over them too.
/// The weights of all rates lie side by side in one matrix, `[D, R K]`, so that a step of all probes takes two matrix products. float32.
package struct LinearSweep {
    /// How they are trained.
    package let options: LinearSweepOptions
    /// Weights `[D, R K]`, rate by rate.
    package let weights: Tensor
    /// Intercepts `[R K]`, rate by rate.
    package let intercepts: Tensor
    /// The classes or labels, K.
    package let columns: Int
    private let link: LogisticLink

    /// Trains a probe at each learning rate.
    ///
    /// - Parameters:
    ///   - samples: What they are trained on. Samples come in a new random order each time that all have been seen.
    ///   - options: How.
    ///   - start: The first weights, `[D, R K]`; normally distributed with a deviation of 0.01 where `nil`.
    ///   - progress: Called after each round with how many are done; may throw to stop.
    /// - Throws: `DownstreamError` (`badRecipe`) for options that cannot be trained with; `TorchError`; what `progress` throws.
    package init(
        training samples: FeatureMatrix, options: LinearSweepOptions = LinearSweepOptions(), start: Tensor? = nil,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        let rates = options.rates
        guard !rates.isEmpty, rates.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw DownstreamError(.badRecipe, "learning rates are \(rates); expected one or more above 0")
        }
        guard options.batch > 0, options.epochs > 0, options.iterations > 0, (0..<1).contains(options.momentum),
            !options.epochs.multipliedReportingOverflow(by: options.iterations).overflow
        else {
            throw DownstreamError(
                .badRecipe, "a linear probe cannot be trained with these settings",
                why: [
                    "batches of \(options.batch), \(options.epochs) rounds of \(options.iterations) steps",
                    "momentum \(options.momentum)",
                ])
        }
        let columns = samples.truth.width
        let link: LogisticLink = if case .classes = samples.truth { .softmax } else { .sigmoid }
        let all = rates.count * columns
        let scale = Double(options.batch) / 256
        let ofColumns: [Double] = rates.flatMap { [Double](repeating: $0 * scale, count: columns) }
        let setting = try catchingTorchErrors {
            withoutGradient {
                SweepSetting(
                    features: samples.features, targets: Self.targets(samples.truth),
                    rates: Tensor(ofColumns, shape: [all]).to(.float32),
                    rateCount: rates.count, columns: columns, link: link, momentum: options.momentum)
            }
        }
        var state = try catchingTorchErrors {
            withoutGradient {
                let generator = Generator(seed: options.seed)
                let first = start?.to(.float32) ?? Tensor.randn([samples.width, all], generator: generator) * 0.01
                return SweepState(weights: first, intercepts: Tensor.zeros([all]))
            }
        }
        var order = SampleOrder(count: samples.count, seed: options.seed)
        let steps = options.epochs * options.iterations
        for epoch in 0..<options.epochs {
            try catchingTorchErrors {
                withoutGradient {
                    for step in epoch * options.iterations..<(epoch + 1) * options.iterations {
                        let share = (1 + cosine(.pi * Double(step) / Double(steps))) / 2
                        state.step(order.next(options.batch), share: share, setting: setting)
                    }
                }
            }
            try progress(epoch + 1)
        }
        self.options = options
        self.columns = columns
        self.link = link
        weights = state.weights
        intercepts = state.intercepts
    }

    /// What the probe of a learning rate says of samples; `nil` where its training diverged.
    ///
    /// - Parameters:
    ///   - features: `[M, D]`.
    ///   - rate: The index of the learning rate.
    /// - Throws: `TorchError`.
    package func predicted(
        _ features: Tensor, rate: Int
    ) throws -> (predictions: ProbeLabels, probabilities: [Float])? {
        let (sums, probabilities, isFinite) = try catchingTorchErrors {
            withoutGradient {
                let own = weights.narrow(dim: 1, start: rate * columns, length: columns)
                let shift = intercepts.narrow(dim: 0, start: rate * columns, length: columns)
                let sums = matmul(features.to(.float32), own) + shift
                return (sums.doubles(), link.probabilities(sums).floats(), sums.isAllFinite)
            }
        }
        guard isFinite else { return nil }
        let labels: ProbeLabels =
            switch link {
            case .softmax: .classes(firstLargest(sums, width: columns), classCount: columns)
            case .sigmoid: .labels(sums.map { $0 > 0 }, labelCount: columns)
            }
        return (labels, probabilities)
    }

    /// Trains the probes, chooses the one that is best on validation samples, and says what it predicts.
    ///
    /// Of equally good learning rates the lowest is chosen; it is reported as given, before it is scaled with the batch.
    ///
    /// - Parameter test: Features of the samples that are predicted, `[M, D]`.
    /// - Throws: `DownstreamError` (`badRecipe`, `badPairs`), (`notFinite`) where training diverged at every learning rate; `TorchError`;
    ///   what `progress` throws.
    package static func answer(
        training: FeatureMatrix, validation: FeatureMatrix, test: Tensor,
        options: LinearSweepOptions = LinearSweepOptions(), progress: (Int) throws -> Void = { _ in }
    ) throws -> ProbeAnswer {
        try training.requireSameKind(validation)
        try training.requireWidth(of: test)
        let sweep = try LinearSweep(training: training, options: options, progress: progress)
        var best: (rate: Int, score: Double, probabilities: [Float])?
        for rate in options.rates.indices.sorted(by: { options.rates[$0] < options.rates[$1] }) {
            guard let said = try sweep.predicted(validation.features, rate: rate) else { continue }
            let score = validation.truth.agreement(of: said.predictions)
            if best.map({ score > $0.score }) ?? true { best = (rate, score, said.probabilities) }
        }
        guard let best, let said = try sweep.predicted(test, rate: best.rate) else {
            throw DownstreamError(
                .notFinite, "the linear probe diverged", why: ["its sums are not finite at any learning rate"],
                try: "give lower learning rates, or scale the features")
        }
        return ProbeAnswer(
            predictions: said.predictions, probabilities: said.probabilities,
            validationProbabilities: best.probabilities, chosen: options.rates[best.rate], validationScore: best.score)
    }

    /// Zeros and ones, `[N, K]` float32.
    private static func targets(_ truth: ProbeLabels) -> Tensor {
        switch truth {
        case .classes(let classes, let count): indicators(classes, width: count, dtype: .float32)
        case .labels(let values, let width): Tensor(values, shape: [truth.count, width]).to(.float32)
        }
    }
}

// Probes of a protocol, run: what a document asks for becomes what Downstream computes.
#if EARTH
    import Benchmarks
    import Downstream
    import Foundation
    import Telemetry
    import Torch

    extension ImageFeatureOptions {
        /// What a protocol says of input and features.
        init(_ input: InputRule, _ features: FeatureRule, batch: Int) {
            let tokens: Tokens =
                switch features.tokens {
                case .cls: .cls
                case .patches: .patches
                case .both: .both
                }
            self.init(
                tokens: tokens, blocks: features.blocks, size: input.size,
                resized: { input.resized(height: $0, width: $1) }, kernel: Interpolation(input.kernel),
                antialias: input.antialias,
                batch: batch)
        }
    }

    extension Interpolation {
        /// The kernel that a protocol names.
        init(_ kernel: InputRule.Kernel) {
            self =
                switch kernel {
                case .nearest: .nearest
                case .bilinear: .bilinear
                case .bicubic: .bicubic
                }
        }
    }

    /// The features of a set by what they are for.
    struct ProbeParts {
        /// What probes are fitted to.
        let training: FeatureMatrix
        /// What hyper-parameters are chosen on; `nil` where nothing is chosen.
        let validation: FeatureMatrix?
        /// What is scored.
        let tested: FeatureMatrix
    }

    extension ProbeRule {
        /// What its answers are called in results.
        ///
        /// - Parameter training: Number of training samples, which no number of neighbours passes.
        func methods(training: Int) -> [String] {
            switch self {
            case .neighbours(let rule): rule.used(training).map { rule.method($0) }
            case .logistic, .linear, .ridge: [kind.rawValue]
            }
        }

        /// Its answers by name.
        ///
        /// - Parameters:
        ///   - refit: Whether what was chosen on validation is fitted again to that too; a linear layer never is.
        ///   - seed: Of first weights and of the order of samples.
        ///   - goOn: Called now and then; may throw to stop.
        func answers(
            _ parts: ProbeParts, refit: Bool, seed: UInt64, goOn: () throws -> Void
        ) throws -> [(method: String, answer: ProbeAnswer)] {
            switch self {
            case .neighbours(let rule):
                let used = rule.used(parts.training.count)
                let votes =
                    switch rule.distance {
                    case .cosine:
                        try neighbourVotes(
                            training: parts.training, queries: parts.tested.features, neighbours: used,
                            temperature: rule.temperature ?? 0.07)
                    case .euclidean:
                        try used.map {
                            try majorityVotes(training: parts.training, queries: parts.tested.features, neighbours: $0)
                        }
                    }
                return votes.map { (rule.method($0.neighbours), $0.answer) }
            case .logistic(let rule):
                let probe = LogisticRegression(strengths: rule.exponents.map { pow(10, $0) })
                return [
                    (
                        kind.rawValue,
                        try probe.answer(
                            training: parts.training, validation: try parts.chosenOn(), test: parts.tested.features,
                            refit: refit, progress: { _ in try goOn() })
                    )
                ]
            case .ridge(let rule):
                try goOn()
                return [
                    (
                        kind.rawValue,
                        try RidgeClassifier.answer(
                            training: parts.training, validation: try parts.chosenOn(), test: parts.tested.features,
                            ridges: rule.exponents.map { pow(10, $0) }, refit: refit)
                    )
                ]
            case .linear(let rule):
                var options = LinearSweepOptions()
                options.rates = rule.rates
                options.batch = rule.batch
                options.momentum = rule.momentum
                // It can be stopped between rounds, which together have the protocol's number of steps.
                options.iterations = (1...min(rule.steps, 100)).last { rule.steps.isMultiple(of: $0) } ?? 1
                options.epochs = rule.steps / options.iterations
                options.seed = seed
                return [
                    (
                        kind.rawValue,
                        try LinearSweep.answer(
                            training: parts.training, validation: try parts.chosenOn(), test: parts.tested.features,
                            options: options, progress: { _ in try goOn() })
                    )
                ]
            }
        }
    }

    extension ProbeParts {
        /// The samples on which a probe is chosen.
        fileprivate func chosenOn() throws -> FeatureMatrix {
            guard let validation else {
                throw CommandError(.badArgument, "there are no samples to choose the probe on")
            }
            return validation
        }
    }

    extension ProbeRule.NeighbourRule {
        /// The numbers of neighbours, none above that of the training samples, each once, rising.
        func used(_ training: Int) -> [Int] {
            Set(k.map { min($0, training) }).sorted()
        }

        /// What votes of so many are called in results.
        func method(_ neighbours: Int) -> String {
            distance == .cosine ? "knn\(neighbours)-softmax" : "knn\(neighbours)"
        }
    }
#endif

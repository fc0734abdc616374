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
            let kernel: Interpolation =
                switch input.kernel {
                case .nearest: .nearest
                case .bilinear: .bilinear
                case .bicubic: .bicubic
                }
            self.init(
                tokens: tokens, blocks: features.blocks, size: input.size,
                resized: { input.resized(height: $0, width: $1) }, kernel: kernel, antialias: input.antialias,
                batch: batch)
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
        /// Whether a hyper-parameter is chosen.
        var needsValidation: Bool {
            if case .logistic = self { true } else { false }
        }

        /// What its answers are called in results.
        ///
        /// - Parameter training: Number of training samples, which no number of neighbours passes.
        func methods(training: Int) -> [String] {
            switch self {
            case .neighbours(let rule): rule.used(training).map { rule.method($0) }
            case .logistic: ["logistic"]
            }
        }

        /// Its answers by name.
        ///
        /// - Parameter goOn: Called now and then; may throw to stop.
        func answers(
            _ parts: ProbeParts, refit: Bool, goOn: () throws -> Void
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
                guard let validation = parts.validation else {
                    throw CommandError(.badArgument, "there are no samples on which the strength could be chosen")
                }
                let probe = LogisticRegression(strengths: rule.exponents.map { pow(10, $0) })
                let test = parts.tested.features
                if refit {
                    return [
                        (
                            "logistic",
                            try probe.answer(
                                training: parts.training, validation: validation, test: test,
                                progress: { _ in try goOn() })
                        )
                    ]
                }
                let compared = try probe.compared(
                    training: parts.training, validation: validation, progress: { _ in try goOn() })
                let predicted = try compared.best.predicted(test)
                let answer = ProbeAnswer(
                    predictions: predicted.predictions, probabilities: predicted.probabilities,
                    chosen: compared.best.strength, validationScore: compared.bestScore,
                    converged: compared.converged.allSatisfy(\.self))
                return [("logistic", answer)]
            }
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

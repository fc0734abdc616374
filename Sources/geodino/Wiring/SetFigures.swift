// From a probe's answer to figures with intervals, and to what is suspicious about them.
#if EARTH
    import Benchmarks
    import Downstream
    import Measures

    /// The figures of one answer.
    struct SetFigures {
        private let answer: ProbeAnswer
        private let truth: ProbeLabels
        private let bootstrap: Bootstrap

        /// Takes an answer and the truth of the same samples.
        init(_ answer: ProbeAnswer, truth: ProbeLabels, interval: ClassificationProtocol.Interval, seed: UInt64) {
            self.answer = answer
            self.truth = truth
            bootstrap = Bootstrap(
                draws: interval.draws, confidence: interval.confidence, method: interval.kind, seed: seed)
        }

        /// A metric with its interval; `nil` where the answer does not allow it.
        func interval(of metric: ClassificationProtocol.Metric) -> BootstrapInterval? {
            imageMetric(metric).map { bootstrap.interval(of: $0) }
        }

        private func imageMetric(_ metric: ClassificationProtocol.Metric) -> ImageMetric? {
            switch (answer.predictions, truth) {
            case (.classes(let predicted, _), .classes(let true_, let count)):
                func confusion(_ value: @escaping (ConfusionTally) -> Double?) -> ImageMetric {
                    .classification(predictions: predicted, truths: true_, classCount: count, metric: value)
                }
                return switch metric {
                case .accuracy: .mean(of: zip(predicted, true_).map { $0 == $1 ? 1 : 0 })
                case .balancedAccuracy: confusion(\.balancedAccuracy)
                case .macroF1: confusion(\.macroF1)
                case .microF1, .meanAveragePrecision: nil
                }
            case (.labels(let predicted, _), .labels(let true_, let count)):
                return switch metric {
                case .microF1: .labels(sums(predicted, true_, count), labelCount: count, metric: \.microF1)
                case .macroF1: .labels(sums(predicted, true_, count), labelCount: count, metric: \.macroF1)
                case .meanAveragePrecision: averagePrecision(true_, count)
                case .accuracy, .balancedAccuracy: nil
                }
            default: return nil
            }
        }

        /// A row of counts for each image.
        private func sums(_ predicted: [Bool], _ truth: [Bool], _ count: Int) -> ImageSums {
            var sums = ImageSums(width: 3 * count + 2)
            for start in stride(from: 0, to: truth.count, by: count) {
                var tally = MultiLabelTally(labelCount: count)
                tally.add(
                    predictions: Array(predicted[start..<start + count]), truths: Array(truth[start..<start + count]))
                sums.add(tally.flattened)
            }
            return sums
        }

        private func averagePrecision(_ truth: [Bool], _ count: Int) -> ImageMetric? {
            guard let probabilities = answer.probabilities else { return nil }
            let images = truth.count / count
            let labels = (0..<count).compactMap { label in
                AveragePrecision(
                    scores: (0..<images).map { probabilities[$0 * count + label] },
                    truths: (0..<images).map { truth[$0 * count + label] })
            }
            return .meanAveragePrecision(labels, imageCount: images)
        }

        /// How well the probe's probabilities match how often it is right; `nil` for several labels and without probabilities.
        ///
        /// - Parameter validation: The truth of the samples on which the probe was chosen; a temperature is fitted to them.
        func calibration(validation: ProbeLabels?) -> CalibrationFigures? {
            guard case .classes(let true_, let count) = truth, let probabilities = answer.probabilities else {
                return nil
            }
            var held: (probabilities: [Float], truths: [Int])?
            if let said = answer.validationProbabilities, case .classes(let truths, _) = validation {
                held = (said, truths)
            }
            return CalibrationFigures(
                probabilities: probabilities, truths: true_, classCount: count, validation: held)
        }

        /// What is suspicious: one class for all images, though the truth has several, or the same answer for all.
        func warning(classes: [String]) -> String? {
            switch (answer.predictions, truth) {
            case (.classes(let predicted, _), .classes(let true_, _)):
                guard let first = predicted.first, predicted.count > 1, Set(predicted).count == 1, Set(true_).count > 1
                else { return nil }
                return "only the class '\(classes[first])' is predicted"
            case (.labels(let predicted, let width), .labels(let true_, _)):
                func rows(_ values: [Bool]) -> Int {
                    Set(stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }).count
                }
                return rows(predicted) == 1 && rows(true_) > 1 ? "all images get the same labels" : nil
            default: return nil
            }
        }
    }
#endif

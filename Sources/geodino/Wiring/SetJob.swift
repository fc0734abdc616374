// A classification set on its way to scores: splits, features, probes, rows.
#if EARTH
    import Backbone
    import Benchmarks
    import Downstream
    import Files
    import Geo
    import Measures
    import Telemetry
    import Torch

    /// The score of one network on one set by one protocol.
    struct SetJob {
        /// All that the scores depend on besides the features.
        let statement: ProtocolStatement
        private let set: SampleSet
        private let source: SampleImages
        private let record: WeightsRecord
        private let model: String
        private let weights: String
        private let training: [Int]
        private let validation: [Int]
        private let tested: [Int]

        /// Divides the set and looks at its files.
        ///
        /// - Parameters:
        ///   - place: Where the set is, for errors.
        ///   - splitting: How samples without a split are divided.
        ///   - bands: Numbers of the bands to read; `nil` chooses by their names.
        ///   - model: What the network is called in results.
        ///   - weights: What names its weights.
        init(
            set: SampleSet, place: String, rule: ClassificationProtocol, splitting: SplitRule, record: WeightsRecord,
            bands: [Int]?, seed: UInt64, model: String, weights: String
        ) throws {
            let isDrawn = set.samples.allSatisfy { $0.split == nil }
            let content = set.hash
            let set = try set.divided(by: splitting, in: place)
            self.set = set
            self.record = record
            self.model = model
            self.weights = weights
            var training = set.indices(of: .train)
            var validation = set.indices(of: .validation)
            let tested = set.indices(of: rule.report)
            self.tested = tested
            for (split, indices) in [("train", training), (rule.report.rawValue, tested)] where indices.isEmpty {
                throw CommandError(
                    .badArgument, "the set has no samples of the split \(split)", in: place,
                    try: isDrawn
                        ? "--validation with a share above 0"
                        : "give a set that has them, or one without splits, which are drawn then")
            }
            var words =
                isDrawn
                ? "drawn: \(percent(splitting.test)) test, \(percent(splitting.validation)) validation"
                : "the set's own"
            if !rule.probes.contains(where: \.needsValidation) {
                // Nothing is chosen, so that nothing needs their features.
                if rule.report != .validation { validation = [] }
            } else if validation.isEmpty {
                // Sets of train and test alone: the reference takes a tenth of the training samples.
                let drawn = Set(
                    SplitRule(test: 0.1, validation: 0, seed: seed).part(
                        of: training.map { set.samples[$0] }, isMultiLabel: set.isMultiLabel))
                guard !drawn.isEmpty else {
                    throw CommandError(
                        .badArgument, "the set has no validation samples, on which C could be chosen", in: place,
                        why: ["the \(counted(training.count, "samples")) of train cannot be divided"],
                        try: "give a set with a split for validation, or more samples or groups to train on")
                }
                validation = training.indices.filter(drawn.contains).map { training[$0] }
                training = training.indices.filter { !drawn.contains($0) }.map { training[$0] }
                words += ", validation a drawn tenth of train"
            }
            if set.samples.contains(where: { $0.group != nil }) { words += ", groups kept together" }
            self.training = training
            self.validation = validation
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: rule.input.size, gsd: nil, stretch: record.stretch)
            source = try SampleImages(set, layout: layout, bands: bands)
            statement = ProtocolStatement(
                rule: rule, benchmark: set.name, classes: set.classes, isMultiLabel: set.isMultiLabel,
                bands: bands.map { numbers in numbers.map { "\($0)" } } ?? record.bands.map(\.name),
                stretch: record.stretch.text,
                normalization: [record.mean, record.std].map { $0.map { "\($0)" }.joined(separator: ",") },
                splits: words, shares: isDrawn ? [splitting.test, splitting.validation] : [], content: content,
                partition: "1.00x", seed: seed)
            guard !metrics.isEmpty else {
                throw CommandError(
                    .badArgument,
                    "the protocol '\(rule.name)' has no metric for \(set.isMultiLabel ? "images with several labels" : "images with one class each")",
                    in: place, why: ["its metrics are \(rule.metrics.map(\.rawValue).joined(separator: ", "))"],
                    try: "give a protocol with \(set.isMultiLabel ? "micro_f1" : "accuracy")")
            }
        }

        /// The features of all images that are needed, `[N, F]`, rows in the order of `order`.
        func features(
            _ store: FeatureStore, batch: Int, network: () throws -> any ImageBackbone,
            note: (any ExplainedError) -> Void,
            progress: @escaping ProgressHandler
        ) throws -> Tensor {
            let rule = statement.rule
            let options = ImageFeatureOptions(rule.input, rule.features, batch: batch)
            let length = options.featureLength(of: record.architecture)
            let parts =
                [
                    // Another number once features of the same input change.
                    "1", weights, source.fingerprint, "\(rule.input)", "\(rule.features)", "\(record.architecture)",
                    record.mean.map { "\($0)" }.joined(separator: ","),
                    record.std.map { "\($0)" }.joined(separator: ","),
                ] + order.map { set.samples[$0].name }
            return try store.features(parts, shape: [order.count, length], note: note) {
                try imageFeatures(
                    try network(), record: record, source: source, indices: order, options: options, progress: progress)
            }.features
        }

        /// The images whose features are needed: those trained on, chosen on, and tested.
        private var order: [Int] {
            let all = training + validation
            return all + (statement.rule.report == .validation ? [] : tested)
        }

        /// The scores of all probes.
        func score(_ features: Tensor, goOn: () throws -> Void) throws -> [ResultRow] {
            let matrix = try FeatureMatrix(features: features, truth: labels(order))
            let parts = try ProbeParts(
                training: matrix.picked(Array(training.indices)),
                validation: validation.isEmpty
                    ? nil : matrix.picked(Array(training.count..<training.count + validation.count)),
                tested: matrix.picked(order.indices.suffix(tested.count)))
            return try statement.rule.probes.flatMap { probe in
                try probe.answers(parts, refit: statement.rule.refit, goOn: goOn).flatMap { method, answer in
                    try goOn()
                    return rows(method, answer, probe, truth: parts.tested.truth, length: matrix.width)
                }
            }
        }

        /// All rows that a score would give, where a table has them.
        func finished(in table: ResultTable) throws -> [ResultRow]? {
            let known = try table.rows()
            var found: [ResultRow] = []
            for probe in statement.rule.probes {
                for method in probe.methods(training: training.count) {
                    for metric in metrics {
                        let wanted = row(method, metric, probe, length: 0).identity
                        guard let row = known.first(where: { $0.identity == wanted }) else { return nil }
                        found.append(row)
                    }
                }
            }
            return found
        }

        /// Whether samples have one class each or any number of labels.
        private func labels(_ indices: [Int]) -> ProbeLabels {
            let count = set.classes.count
            guard set.isMultiLabel else {
                return .classes(indices.map { set.samples[$0].classes[0] }, classCount: count)
            }
            let rows = indices.flatMap { index -> [Bool] in
                var row = [Bool](repeating: false, count: count)
                for label in set.samples[index].classes { row[label] = true }
                return row
            }
            return .labels(rows, labelCount: count)
        }

        /// The metrics of the protocol that such a set has.
        private var metrics: [ClassificationProtocol.Metric] {
            statement.rule.metrics.filter { set.isMultiLabel ? !$0.isOfOneClass : !$0.isOfManyLabels }
        }

        private func rows(
            _ method: String, _ answer: ProbeAnswer, _ probe: ProbeRule, truth: ProbeLabels, length: Int
        ) -> [ResultRow] {
            let figures = SetFigures(answer, truth: truth, interval: statement.rule.interval, seed: statement.seed)
            return metrics.map { metric in
                var row = row(method, metric, probe, length: length)
                let interval = figures.interval(of: metric)
                row.value = interval?.estimate
                row.low = interval?.low
                row.high = interval?.high
                row.calibrationError = figures.calibrationError
                if case .logistic = probe { row.strength = answer.chosen }
                row.warning =
                    figures.warning(classes: set.classes)
                    ?? (answer.converged ? nil : "logistic regression did not converge")
                return row
            }
        }

        private func row(
            _ method: String, _ metric: ClassificationProtocol.Metric, _ probe: ProbeRule, length: Int
        ) -> ResultRow {
            var row = ResultRow(
                benchmark: set.name, task: set.name, split: statement.rule.report.rawValue,
                protocolName: statement.rule.name, protocolHash: statement.hash, metric: metric.rawValue,
                samples: tested.count, seed: statement.seed, method: method, model: model,
                partition: statement.partition, bands: statement.bands.joined(separator: ","),
                classCount: set.classes.count, featureLength: length, trainingSamples: training.count,
                validationSamples: validation.count)
            row.weights = weights
            row.switches = statement.cells(of: probe)
            return row
        }
    }

    /// A share in per cent.
    private func percent(_ share: Double) -> String {
        let percent = (share * 1000).rounded() / 10
        return percent == percent.rounded() ? "\(Int(percent)) %" : "\(percent) %"
    }
#endif

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

    /// Where the features of a set come from.
    enum SetFeatures {
        /// A network looks at pixels.
        ///
        /// - pixels: Makes the pixels of the set, of which the images at some indices are trained on.
        case network(OpenedWeights, pixels: (_ training: [Int]) throws -> SetPixels)
        /// A file that something else made.
        case file(FeatureFile, path: String, name: String)
    }

    /// Which of the training samples are fitted to.
    enum TrainingPart {
        /// All of them, or those of a partition that the set comes with.
        case whole(partition: String)
        /// Some of them, drawn.
        case drawn(FewShot, partition: String)

        /// Its name in results.
        var name: String {
            switch self {
            case .whole(let partition), .drawn(_, let partition): partition
            }
        }
    }

    /// The score of one network on one set by one protocol.
    struct SetJob {
        /// All that the scores depend on besides the features.
        let statement: ProtocolStatement
        private let set: SampleSet
        private let benchmark: String
        private let source: Source
        private let model: String
        private let weights: String
        private let training: [Int]
        private let validation: [Int]
        private let tested: [Int]

        /// Where features come from, ready.
        private enum Source {
            case images(SampleImages, WeightsRecord)
            case file(FeatureFile, path: String)
        }

        /// Divides the set and looks at its files.
        ///
        /// - Parameters:
        ///   - place: Where the set is, for errors.
        ///   - splitting: How samples without a split are divided.
        ///   - benchmark: The benchmark, if the set is one of its tasks.
        ///   - part: The training samples to fit to.
        ///   - features: Where features come from.
        init(
            set: SampleSet, place: String, rule: ClassificationProtocol, splitting: SplitRule,
            benchmark: String? = nil, part: TrainingPart = .whole(partition: "1.00x"), seed: UInt64,
            features: SetFeatures
        ) throws {
            var rule = rule
            // A few samples stay few: those of validation only choose.
            if case .drawn = part { rule.refit = false }
            let isDrawn = set.samples.allSatisfy { $0.split == nil }
            let content = set.hash
            let set = try set.divided(by: splitting, in: place)
            self.set = set
            switch features {
            case .network(let opened, _): (model, weights) = (opened.name, opened.identity)
            case .file(_, let path, let name): (model, weights) = (name, try SHA256.hex(ofFile: path))
            }
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
                ? "drawn: \(percentage(splitting.test)) test, \(percentage(splitting.validation)) validation"
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
                        .badArgument, "the set has no validation samples to choose probes on", in: place,
                        why: ["the \(counted(training.count, "samples")) of train cannot be divided"],
                        try: "give a set with a split for validation, or more samples or groups to train on")
                }
                validation = training.indices.filter(drawn.contains).map { training[$0] }
                training = training.indices.filter { !drawn.contains($0) }.map { training[$0] }
                words += ", validation a drawn tenth of train"
            }
            if set.samples.contains(where: { $0.group != nil }) { words += ", groups kept together" }
            if case .drawn(let few, _) = part {
                training = try few.chosen(from: Self.labels(training, of: set), seed: seed).map { training[$0] }
            }
            self.training = training
            self.validation = validation
            self.benchmark = benchmark ?? set.name
            var statement = ProtocolStatement(
                rule: rule, benchmark: set.name, classes: set.classes, isMultiLabel: set.isMultiLabel,
                splits: words, shares: isDrawn ? [splitting.test, splitting.validation] : [], content: content,
                partition: part.name, seed: seed)
            switch features {
            case .network(let opened, let pixels):
                let pixels = try pixels(training)
                source = .images(try SampleImages(set, pixels: pixels.pixels), opened.record)
                statement.pixels = ProtocolStatement.Pixels(
                    bands: pixels.bands, stretch: pixels.stretch, normalization: pixels.normalization,
                    identity: pixels.identity)
            case .file(let file, let path, _): source = .file(file, path: path)
            }
            self.statement = statement
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
            let (images, record): (SampleImages, WeightsRecord)
            switch source {
            case .file(let file, let path):
                return Tensor(try file.rows(names, in: path), shape: [order.count, file.width])
            case .images(let source, let weights): (images, record) = (source, weights)
            }
            let options = ImageFeatureOptions(rule.input, rule.features, batch: batch)
            let length = options.featureLength(of: record.architecture)
            let parts =
                [
                    // Another number once features of the same input change.
                    "1", weights, images.fingerprint, "\(rule.input)", "\(rule.features)", "\(record.architecture)",
                    record.mean.map { "\($0)" }.joined(separator: ","),
                    record.std.map { "\($0)" }.joined(separator: ","),
                ] + names
            return try store.features(parts, shape: [order.count, length], note: note) {
                try imageFeatures(
                    try network(), record: record, source: images, indices: order, options: options, progress: progress)
            }.features
        }

        /// The names of the images whose features are needed, in the order of the rows.
        var names: [String] { order.map { set.samples[$0].name } }

        /// The images whose features are needed: those trained on, chosen on, and tested.
        private var order: [Int] {
            let all = training + validation
            return all + (statement.rule.report == .validation ? [] : tested)
        }

        /// The scores of all probes.
        ///
        /// - Parameter told: Told of what each probe says of each image.
        func score(
            _ features: Tensor, told: ([ImageRecord]) -> Void = { _ in }, goOn: () throws -> Void
        ) throws -> [ResultRow] {
            let matrix = try FeatureMatrix(features: features, truth: Self.labels(order, of: set))
            let parts = try ProbeParts(
                training: matrix.picked(Array(training.indices)),
                validation: validation.isEmpty
                    ? nil : matrix.picked(Array(training.count..<training.count + validation.count)),
                tested: matrix.picked(order.indices.suffix(tested.count)))
            return try statement.rule.probes.flatMap { probe in
                try probe.answers(parts, refit: statement.rule.refit, seed: statement.seed, goOn: goOn).flatMap {
                    method, answer in
                    try goOn()
                    told(records(method, answer))
                    return rows(method, answer, probe, parts, length: matrix.width)
                }
            }
        }

        /// What a probe says of each image.
        private func records(_ method: String, _ answer: ProbeAnswer) -> [ImageRecord] {
            tested.enumerated().map { place, index in
                let sample = set.samples[index]
                let said: ImageRecord.Answer =
                    switch answer.predictions {
                    case .classes(let classes, _): .oneClass(truth: sample.classes[0], prediction: classes[place])
                    case .labels(let labels, let count):
                        .manyLabels(
                            truth: sample.classes, prediction: (0..<count).filter { labels[place * count + $0] })
                    }
                return ImageRecord(image: sample.name, method: method, answer: said)
            }
        }

        /// Records of all probes as a file holds them.
        func answers(_ records: [ImageRecord]) -> ImageRecords {
            ImageRecords(
                task: set.name, split: statement.rule.report.rawValue, model: model, protocolHash: statement.hash,
                classes: set.classes, records: records)
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
        private static func labels(_ indices: [Int], of set: SampleSet) -> ProbeLabels {
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
            _ method: String, _ answer: ProbeAnswer, _ probe: ProbeRule, _ parts: ProbeParts, length: Int
        ) -> [ResultRow] {
            let figures = SetFigures(
                answer, truth: parts.tested.truth, interval: statement.rule.interval, seed: statement.seed)
            let calibration = figures.calibration(validation: parts.validation?.truth)
            return metrics.map { metric in
                var row = row(method, metric, probe, length: length)
                let interval = figures.interval(of: metric)
                row.value = interval?.estimate
                row.low = interval?.low
                row.high = interval?.high
                row.calibration = calibration
                switch probe {
                case .neighbours: break
                case .logistic: row.strength = answer.chosen
                case .linear: row.rate = answer.chosen
                case .ridge: row.ridge = answer.chosen
                }
                row.warning =
                    figures.warning(classes: set.classes)
                    ?? (answer.converged ? nil : "\(method) did not converge")
                return row
            }
        }

        private func row(
            _ method: String, _ metric: ClassificationProtocol.Metric, _ probe: ProbeRule, length: Int
        ) -> ResultRow {
            var row = ResultRow(
                benchmark: benchmark, task: set.name, split: statement.rule.report.rawValue,
                protocolName: statement.rule.name, protocolHash: statement.hash, metric: metric.rawValue,
                samples: tested.count, seed: statement.seed, method: method, model: model,
                partition: statement.partition, bands: statement.pixels?.bands.joined(separator: ",") ?? "",
                classCount: set.classes.count, featureLength: length, trainingSamples: training.count,
                validationSamples: validation.count)
            row.weights = weights
            row.switches = statement.cells(of: probe)
            return row
        }
    }
#endif

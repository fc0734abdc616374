// A segmentation set on its way to scores: images, a head, predictions, rows.
#if EARTH
    import Backbone
    import Benchmarks
    import Downstream
    import Files
    import Foundation
    import Geo
    import Measures
    import Telemetry
    import Torch

    /// The score of one network on one segmentation set by one protocol.
    struct SegmentationJob {
        /// All that the scores depend on besides the weights.
        let statement: SegmentationStatement<SegmentationTraining>
        private let set: SegmentationSet
        private let rule: SegmentationProtocol<SegmentationTraining>
        private let record: WeightsRecord
        private let model: String
        private let weights: String
        private let seed: UInt64
        private let training: [Int]
        private let validation: [Int]
        private let scored: [Int]
        private let pixels: any BenchmarkPixels
        private let depth: Int
        /// What the user should know of the protocol.
        let notes: [String]

        /// Divides the set.
        ///
        /// - Parameters:
        ///   - place: Where the set is, for errors.
        ///   - opened: The weights.
        ///   - benchmark: The benchmark, if the set is one of its tasks.
        ///   - partition: The share of the training split, where the set comes with partitions.
        ///   - pixels: Makes the pixels of the set, of which the images at some indices are trained on.
        init(
            set: SegmentationSet, place: String, rule: SegmentationProtocol<SegmentationTraining>,
            opened: OpenedWeights,
            benchmark: String? = nil, partition: String = "1.00x", seed: UInt64,
            pixels: (_ training: [Int]) throws -> SetPixels
        ) throws {
            self.set = set
            self.seed = seed
            record = opened.record
            model = opened.name
            weights = opened.identity
            let transformer = try record.transformer(path: opened.contents.path)
            depth = transformer.depth
            let (applied, changes) = rule.fitted(toPatch: transformer.patchSize)
            self.rule = applied
            notes =
                changes.isEmpty
                ? []
                : [
                    "\(changes.joined(separator: ", ")): multiples of the network's patches of \(transformer.patchSize) pixels"
                ]
            let parts = try SegmentationParts(set, rule: applied, seed: seed, place: place)
            (training, validation, scored) = (parts.training, parts.validation, parts.scored)
            let made = try pixels(training)
            self.pixels = made.pixels
            var statement = SegmentationStatement(
                name: rule.name, scoring: rule.scoring, rule: rule, set: set, benchmark: benchmark, bands: made.bands,
                // In the order of the set, which no draw changes.
                content: set.hash((training + validation + scored).sorted()), partition: partition, seed: seed)
            statement.applied = applied
            statement.values = made.words
            statement.identity = made.identity
            statement.splits = parts.words
            self.statement = statement
        }

        /// The switches for people.
        var switches: [(name: String, value: String)] { statement.switches(training: rule.training.switches) }

        /// Trains the head, or continues where an earlier call was interrupted.
        ///
        /// - Parameters:
        ///   - folder: Where it is made.
        ///   - device: Where tensors are.
        /// - Returns: The model; `nil` where it was interrupted.
        func fitted(
            in folder: String, weights path: String, opened: OpenedWeights, options: WeightsOptions, device: Device,
            threads: Int?, quiet: Bool
        ) throws -> LandCoverModel? {
            let side = rule.prediction.window ?? rule.input.size ?? rule.training.crop
            let recipe = rule.training.recipe(depth: depth, window: side, seed: seed)
            try checkingProtocol { try recipe.validate(for: try record.transformer(path: opened.contents.path)) }
            let key = try headKey()
            if !ModelFolder.isModel(folder) {
                var options = FitOptions(weights: options, name: "\(set.name) \(rule.name)")
                options.resume = true
                options.device = device
                options.threads = threads
                options.randomBackbone = opened.randomSeed != nil
                options.referenceBackbone = opened.randomSeed == nil && options.weights.bands == nil
                options.stretch = record.stretch
                options.provenance = ["software": "geodino \(geodinoVersion)", Self.keyName: key]
                let summary = try fitWithLines(
                    LandCoverTask.self, recipe, weights: path, source: try source(), model: folder, options: options,
                    quiet: quiet)
                guard summary.isComplete else { return nil }
            }
            let model = try LandCoverModel.load(from: folder, device: device, allowsNormalized: true)
            guard model.description.provenance[Self.keyName] == key else {
                throw CommandError(
                    .badArgument, "the model is not the head of this score", in: folder,
                    why: ["it was trained on other images, by another protocol, with another seed or on other weights"],
                    try: "--model with another folder, in which the head is trained")
            }
            return model
        }

        /// What names the score in a model's provenance.
        private static let keyName = "score"

        /// What names the head: all that it depends on.
        func headKey() throws -> String {
            let parts = [weights, statement.hash, "\(seed)", try source().fingerprint]
            return String(SHA256.hex(of: Array(parts.joined(separator: "\n").utf8)).prefix(24))
        }

        /// The images that the head is trained and chosen on.
        private func source() throws -> any LabelledSource {
            let images = training + validation
            return PaddedSource(
                resized(
                    try SegmentationImages(
                        set, images: images, heldOut: images.indices.map { $0 >= training.count }, pixels: pixels)),
                side: rule.training.crop)
        }

        private func resized(_ source: any LabelledSource) -> any LabelledSource {
            guard let size = rule.input.size else { return source }
            return ResizedSource(
                source, size: size, kernel: Interpolation(rule.input.kernel), antialias: rule.input.antialias,
                mean: record.mean, std: record.std)
        }

        /// Predicts the scored images, and compares.
        ///
        /// - Parameters:
        ///   - writer: Takes the classes of each image, also of those without labels; `nil` predicts only what is scored.
        ///   - progress: Told of images done; an answer of `false` stops.
        func tally(
            _ model: LandCoverModel, writer: PredictionWriter?, progress: @escaping ProgressHandler
        ) throws -> SegmentationTally {
            let unlabelled = writer == nil ? [] : set.images.indices.filter { !set.images[$0].isLabelled }
            let images = scored + unlabelled
            let source = resized(
                try SegmentationImages(set, images: images, heldOut: images.map { _ in true }, pixels: pixels))
            let predictor = SegmentationPredictor(
                model, window: rule.prediction.window, stride: rule.prediction.stride)
            var tally = SegmentationTally(set)
            for (index, image) in images.enumerated() {
                guard progress(Progress(unit: "images", done: index, total: images.count)) else {
                    throw DownstreamError(.cancelled, "interrupted before all images were predicted")
                }
                let item = try source.item(index)
                let size = set.images[image].isLabelled ? try set.masks.maskSize(image) : try pixels.size(image)
                let file = try writer?.begin(image, width: size.width, height: size.height)
                let isLabelled = set.images[image].isLabelled
                func predict(_ add: (_ predictions: [UInt8], _ truths: [UInt8]) -> Void) throws {
                    for part in predictor.parts(of: item, size: size) {
                        let classes = try predictor.classes(source, index, part: part, size: size)
                        file?.write(classes, part)
                        if isLabelled { add(classes, try set.masks.classes(image, window: part)) }
                    }
                }
                if isLabelled {
                    try tally.addImage { try predict($0) }
                } else {
                    try predict { _, _ in }
                }
                try file?.finish()
            }
            _ = progress(Progress(unit: "images", done: images.count, total: images.count))
            return tally
        }

        /// The rows of a tally.
        func rows(_ tally: SegmentationTally) -> [ResultRow] {
            SegmentationRows(statement, set: set, scored: scored.count).rows(tally) { fill(&$0) }
        }

        /// What was predicted of each image, as a file holds it.
        func answers(_ tally: SegmentationTally) -> ImageRecords {
            SegmentationRows(statement, set: set, scored: scored.count).answers(tally, images: scored) { fill(&$0) }
        }

        /// All rows that a score would give, where a table has them.
        func finished(in table: ResultTable) throws -> [ResultRow]? {
            try SegmentationRows(statement, set: set, scored: scored.count).finished(in: table) { fill(&$0) }
        }

        /// Adds what only a score of weights has.
        private func fill(_ row: inout ResultRow) {
            row.method = "seg_\(rule.training.head.kind?.rawValue ?? "depth")"
            row.model = model
            row.weights = weights
            row.bands = statement.bands.joined(separator: ",")
            row.partition = statement.partition ?? ""
            row.featureLength = record.architecture.tapWidths.last ?? 0
            row.trainingSamples = training.count
            row.validationSamples = validation.count
        }

        /// Runs a check, and names the protocol in its errors.
        private func checkingProtocol(_ check: () throws -> Void) throws {
            do { try check() } catch let error as DownstreamError where error.code == .badRecipe {
                throw CommandError(
                    .badDocument, "the protocol '\(rule.name)' does not fit the backbone", in: rule.name,
                    why: error.causes,
                    try: "copy the protocol and change it: \(error.remedy ?? "")")
            }
        }
    }

    extension FitOptions {
        /// Options of a fit for a score.
        fileprivate init(weights: WeightsOptions, name: String) {
            self.init()
            self.weights = weights
            self.name = name
        }
    }

    /// Which images are trained on, chosen on and scored.
    private struct SegmentationParts {
        let training: [Int]
        let validation: [Int]
        let scored: [Int]
        let words: String

        init(
            _ set: SegmentationSet, rule: SegmentationProtocol<SegmentationTraining>, seed: UInt64, place: String
        ) throws {
            var training = set.indices(of: .train)
            scored = set.indices(of: rule.scoring.report).filter { set.images[$0].isLabelled }
            for (split, indices) in [("train", training), (rule.scoring.report.rawValue, scored)] where indices.isEmpty
            {
                throw CommandError(
                    .badArgument, "the set has no labelled images in the split \(split)", in: place,
                    try: "give a set that has them, or a protocol that scores another split")
            }
            var validation: [Int] = []
            var words = "the set's own"
            if rule.training.needsValidation {
                validation = rule.scoring.report == .validation ? [] : set.indices(of: .validation)
                if validation.isEmpty {
                    let samples = training.map {
                        BenchmarkSample(name: set.images[$0].name, path: set.images[$0].path, classes: [0])
                    }
                    let drawn = Set(
                        SplitRule(test: 0.1, validation: 0, seed: seed).part(of: samples, isMultiLabel: false))
                    validation = training.indices.filter(drawn.contains).map { training[$0] }
                    training = training.indices.filter { !drawn.contains($0) }.map { training[$0] }
                    words += ", validation a drawn tenth of train"
                    guard !validation.isEmpty else {
                        throw CommandError(
                            .badArgument, "the set has no validation images to choose the head on",
                            in: place,
                            try: "give a set with more images, or a protocol that uses the head of the last step")
                    }
                }
            }
            (self.training, self.validation, self.words) = (training, validation, words)
        }
    }
#endif

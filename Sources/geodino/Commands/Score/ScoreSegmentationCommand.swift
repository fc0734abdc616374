// geodino score loveda, isaid: scores a head on frozen features, or predictions that were made elsewhere.
#if EARTH
    import ArgumentParser
    import Backbone
    import Benchmarks
    import Downstream
    import Files
    import Foundation
    import Geo
    import Telemetry
    import Torch

    /// What a segmentation set adds to the command line.
    protocol SegmentationEntry {
        /// The word after `geodino score`.
        static var name: String { get }
        /// What the command does, for the help.
        static var abstract: String { get }
        /// What DATA is, for the help.
        static var data: String { get }
        /// The default protocol.
        static var protocolName: String { get }
        /// Reads the set.
        static func read(_ path: String) throws -> SegmentationSet
    }

    /// LoveDA.
    enum LoveDAEntry: SegmentationEntry {
        static let name = "loveda"
        static let abstract = "Score a backbone, or predictions, on LoveDA."
        static let data = "The folder of LoveDA, as it is unpacked: it holds Train and Val, and perhaps Test."
        static let protocolName = "loveda-512"
        static func read(_ path: String) throws -> SegmentationSet { try .loveDA(path) }
    }

    /// iSAID.
    enum ISAIDEntry: SegmentationEntry {
        static let name = "isaid"
        static let abstract = "Score a backbone, or predictions, on iSAID."
        static let data =
            "The folder of iSAID, as it is unpacked (it holds train and val), or in mmsegmentation's patches (it holds img_dir and ann_dir)."
        static let protocolName = "isaid-896"
        static func read(_ path: String) throws -> SegmentationSet { try .iSAID(path) }
    }

    /// `geodino score BENCHMARK`, for sets whose pixels have classes.
    struct ScoreSegmentationCommand<Entry: SegmentationEntry>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Entry.name, abstract: Entry.abstract,
                discussion: """
                    A head is trained on the features of a frozen backbone, and predicts the class of each pixel. The \
                    protocol says how, and its switches are printed with the scores. With --predictions, rasters that were \
                    predicted elsewhere are scored instead, without a network. Scores with different protocol hashes \
                    are not comparable. Confidence intervals come from bootstrap resampling of the scored images.
                    After an interruption, the same command continues training the head from its last checkpoint.
                    """)
        }

        @Argument(help: ArgumentHelp(Entry.data))
        var data: String

        @OptionGroup var scored: ScoredWeights

        @Option(
            help: ArgumentHelp(
                "Score the rasters in this folder: one for each image, with the same name. Values are classes, counted from 0.",
                valueName: "folder"))
        var predictions: String?

        @Option(
            help: ArgumentHelp(
                "The value of the first class in --predictions: 1 for files that count from 1, as LoveDA's masks do. (default: 0)",
                valueName: "value"))
        var firstClass: Int?

        @Option(
            name: .customLong("protocol"),
            help: ArgumentHelp(
                "How to score: the name of a protocol that comes with geodino, or a YAML document. (default: \(Entry.protocolName))",
                valueName: "name"))
        var protocolName: String?

        @Option(help: "Optimiser steps, in place of the protocol's.")
        var steps: Int?

        @Option(
            help: ArgumentHelp(
                "Write the predicted classes as PNG files, counted from 0 as benchmark servers expect; also for images without masks.",
                valueName: "folder"))
        var writePredictions: String?

        @Option(
            help: ArgumentHelp(
                "Keep the trained head as a model in this folder, or use the one already there.", valueName: "folder")
        )
        var model: String?

        @OptionGroup var table: ScoreTableOptions
        @OptionGroup var device: DeviceOptions
        @OptionGroup var result: ResultOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            switch (scored.weights, predictions) {
            case (nil, nil): throw ValidationError("give --weights, or --predictions")
            case (.some, .some): throw ValidationError("give --weights or --predictions, not both")
            default: break
            }
            if writePredictions != nil { try table.refuseResume("--write-predictions") }
            if predictions != nil {
                let unused = [
                    ("--steps", steps != nil), ("--write-predictions", writePredictions != nil),
                    ("--model", model != nil), ("--bands", scored.bands != nil), ("--stretch", scored.stretch != nil),
                    ("--random-backbone", scored.randomBackbone),
                ].filter(\.1)
                if let first = unused.first {
                    throw ValidationError("\(first.0) cannot be combined with --predictions, which need no network")
                }
            } else if firstClass != nil {
                throw ValidationError("--first-class requires --predictions")
            }
            if let firstClass, !(0...200).contains(firstClass) {
                throw ValidationError("--first-class must be 0 to 200, got \(firstClass)")
            }
            if let steps, !(1...100_000_000).contains(steps) {
                throw ValidationError("--steps must be 1 or more, got \(steps)")
            }
        }

        func run() throws {
            try gdal.apply()
            var rule = try ProtocolDocument(protocolName ?? Entry.protocolName).segmentation()
            if let steps { rule.training.steps = steps }
            try table.check(inputs: [data] + [scored.weights, predictions].compactMap { $0 })
            let set = try Entry.read(data)
            for note in set.notes { printToStandardError("note: \(note)") }
            if let predictions { return try compare(predictions, set, rule) }
            guard let weights = scored.weights else { return }
            let opened = try scored.open(weights, seed: table.seed)
            let job = try SegmentationJob(
                set: set, place: data, rule: rule, opened: opened, seed: table.seed
            ) { training in
                try SetPixels(
                    files: set.images.map(\.path),
                    SetPixels.Request(
                        normalization: rule.input.normalization, record: opened.record,
                        choosesStretch: scored.stretch != nil, bands: scored.bandNumbers,
                        training: training), gsd: set.gsd, in: data)
            }
            for note in job.notes { printToStandardError("note: \(note)") }
            if let rows = try table.finished({ try job.finished(in: $0) }) {
                return try show(rows, job.switches)
            }
            let writer = try writePredictions.map { try PredictionWriter($0, of: set) }
            let kept = try model ?? HeadStore.folder(try job.headKey())
            let device = try Device(named: self.device.device ?? "cpu")
            if let count = self.device.tensorThreads { Torch.setThreads(count) }
            guard
                let head = try job.fitted(
                    in: kept, weights: weights, opened: opened, options: scored.arguments.options, device: device,
                    threads: self.device.tensorThreads, quiet: shared.quiet)
            else { throw ExitCode.interrupted }
            let meter = shared.meter("predictions")
            defer { meter.finish() }
            let tally = try job.tally(head, writer: writer, progress: meter.handler)
            meter.finish()
            let rows = job.rows(tally)
            if let path = table.writeAnswers { try job.answers(tally).write(to: path) }
            try table.add(rows)
            if model == nil { removeIfPresent(kept) }
            try show(rows, job.switches)
        }

        /// Scores rasters that were predicted elsewhere.
        private func compare(
            _ folder: String, _ set: SegmentationSet, _ rule: SegmentationProtocol<SegmentationTraining>
        ) throws {
            let images = set.indices(of: rule.scoring.report).filter { set.images[$0].isLabelled }
            guard !images.isEmpty else {
                throw CommandError(
                    .badArgument, "the set has no labelled images in the split \(rule.scoring.report.rawValue)",
                    in: data,
                    try: "give a set that has them, or --protocol with one that scores another split")
            }
            let predictions = try PredictionFolder(folder, of: set, images: images, firstClass: firstClass ?? 0)
            for note in predictions.notes { printToStandardError("note: \(note)") }
            let statement = SegmentationStatement<SegmentationTraining>(
                name: rule.name, scoring: rule.scoring, rule: nil, set: set, content: set.hash(images), seed: table.seed
            )
            let maker = SegmentationRows(statement, set: set, scored: images.count)
            let content = try predictions.contentHash()
            func fill(_ row: inout ResultRow) {
                row.method = "predictions"
                row.weights = content
                row.model =
                    scored.name ?? URL(fileURLWithPath: predictions.folder).standardizedFileURL.lastPathComponent
            }
            if let rows = try table.finished({ try maker.finished(in: $0, fill: fill) }) {
                return try show(rows, statement.switches())
            }
            let meter = shared.meter("score")
            defer { meter.finish() }
            let tally = try Benchmarks.compare(predictions, with: set, images: images) { done, total in
                meter.report(Progress(unit: "images", done: done, total: total))
            }
            meter.finish()
            let rows = maker.rows(tally, fill: fill)
            if let path = table.writeAnswers {
                try maker.answers(tally, images: images, fill: fill).write(to: path)
            }
            try table.add(rows)
            try show(rows, statement.switches())
        }

        private func show(_ rows: [ResultRow], _ switches: [(name: String, value: String)]) throws {
            try result.show(rows, text: ScoreText(rows, switches, ending: ScoreText.ofImages).text)
        }
    }
#endif

// geodino score BENCHMARK: scores frozen features on a classification set.
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

    /// What a kind of set adds to the command line.
    protocol SetEntry {
        /// The word after `geodino score`.
        static var name: String { get }
        /// What the command does, for the help.
        static var abstract: String { get }
        /// What DATA is, for the help.
        static var data: String { get }
        /// Reads the set.
        static func read(_ path: String) throws -> SampleSet
    }

    /// Images in folders of classes, or a list of them.
    enum FolderEntry: SetEntry {
        static let name = "folder"
        static let abstract = "Score frozen features on your own labelled images."
        static let data =
            "A folder with a folder of images per class, perhaps inside train, val and test; or a list (.csv) with the columns path and label, and split and group if wanted."
        static func read(_ path: String) throws -> SampleSet {
            path.lowercased().hasSuffix(".csv") ? try readSampleTable(path) : try readClassFolders(path)
        }
    }

    /// EuroSAT.
    enum EuroSATEntry: SetEntry {
        static let name = "eurosat"
        static let abstract = "Score frozen features on EuroSAT."
        static let data = "The folder of EuroSAT, RGB or with 13 bands, as it is unpacked."
        static func read(_ path: String) throws -> SampleSet { try KnownSet.eurosat.read(path) }
    }

    /// UC Merced Land Use.
    enum UCMercedEntry: SetEntry {
        static let name = "ucmerced"
        static let abstract = "Score frozen features on UC Merced Land Use."
        static let data = "The folder of UC Merced Land Use, as it is unpacked."
        static func read(_ path: String) throws -> SampleSet { try KnownSet.ucMerced.read(path) }
    }

    /// How samples without a split are divided.
    struct SplitOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Regular expression matched against image names; its first capture group names the image's group. A group is never divided between splits.",
                valueName: "regex"))
        var group: String?

        @Option(
            help: ArgumentHelp(
                "Fraction of images to test on, if the set defines no splits. (default: 0.2)", valueName: "share"))
        var test: Double?

        @Option(
            help: ArgumentHelp(
                "Fraction of images to choose hyper-parameters on, if the set defines no splits. (default: 0.2)",
                valueName: "share"))
        var validation: Double?

        /// The rule.
        func rule(seed: UInt64) -> SplitRule { SplitRule(test: test ?? 0.2, validation: validation ?? 0.2, seed: seed) }

        func validate() throws {
            if let problem = rule(seed: 0).problem { throw ValidationError(problem) }
        }
    }

    /// Which of the training samples probes are fitted to.
    struct PartOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Fit to this many training images of each class, drawn with --seed. Validation images still choose hyper-parameters and are never fitted to.",
                valueName: "count"))
        var shots: Int?

        @Option(
            help: ArgumentHelp(
                "Fit to this share of the training images of each class, such as 0.10x, drawn with --seed.",
                valueName: "share"))
        var partition: String?

        func validate() throws {
            if shots != nil, partition != nil { throw ValidationError("give --shots or --partition, not both") }
            if let shots, !(1...1_000_000).contains(shots) {
                throw ValidationError("--shots must be 1 to 1000000, got \(shots)")
            }
            if let partition, share == nil {
                throw ValidationError(
                    "--partition takes a share above 0 and at most 1, such as 0.10x; got '\(partition)'")
            }
        }

        private var share: Double? {
            partition.flatMap { Double($0.hasSuffix("x") ? String($0.dropLast()) : $0) }.flatMap {
                $0 > 0 && $0 <= 1 ? $0 : nil
            }
        }

        /// The part.
        var part: TrainingPart {
            if let shots { return .drawn(.perClass(shots), partition: "\(shots)-shot") }
            guard let share, share < 1 else { return .whole(partition: "1.00x") }
            // Shares as GEO-Bench writes them: two decimals, or more if needed.
            let short = String(format: "%.2f", share)
            return .drawn(.share(share), partition: (Double(short) == share ? short : "\(share)") + "x")
        }
    }

    /// `geodino score BENCHMARK`, whatever the set.
    struct ScoreSetCommand<Entry: SetEntry>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Entry.name, abstract: Entry.abstract,
                discussion: """
                    A backbone turns each image into a vector, and probes read classes from these: nearest neighbours, \
                    logistic regression, a linear layer, ridge regression. The protocol says how, and its switches are printed with the scores. \
                    Scores with different protocol hashes are not comparable. Confidence intervals come from bootstrap \
                    resampling of the scored images.
                    With --features, vectors that another program made are read instead of a backbone's.
                    With -o, scores are added to a table (CSV) in the columns of torchgeo-bench. Features are kept, so \
                    that a second score of the same images needs no forward pass.
                    """)
        }

        @Argument(help: ArgumentHelp(Entry.data))
        var data: String

        @Option(
            name: .customLong("protocol"),
            help: ArgumentHelp(
                "How to score: the name of a protocol that comes with geodino ('geodino score list' names them), or a YAML document.",
                valueName: "name"))
        var protocolName = "dinov3-logistic"

        @Option(
            help: ArgumentHelp(
                "Features of the images that another program made: a .npz file with the arrays features and images, or a .csv file whose first column is image.",
                valueName: "file"))
        var features: String?

        @Option(
            help: ArgumentHelp("Write the features of all images used to this .npz or .csv file.", valueName: "file"))
        var writeFeatures: String?

        @OptionGroup var kept: FeatureCacheOptions
        @OptionGroup var table: ScoreTableOptions
        @OptionGroup var splits: SplitOptions
        @OptionGroup var training: PartOptions

        @OptionGroup var windows: BatchOptions
        @OptionGroup var scored: ScoredWeights
        @OptionGroup var device: DeviceOptions
        @OptionGroup var result: ResultOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            switch (scored.weights, features) {
            case (nil, nil): throw ValidationError("give --weights, or --features")
            case (.some, .some): throw ValidationError("give --weights or --features, not both")
            default: break
            }
            if writeFeatures != nil { try table.refuseResume("--write-features") }
            if features != nil {
                let unused = [
                    ("--write-features", writeFeatures != nil), ("--random-backbone", scored.randomBackbone),
                    ("--bands", scored.bands != nil), ("--stretch", scored.stretch != nil),
                ].filter(\.1)
                if let first = unused.first {
                    throw ValidationError("\(first.0) cannot be combined with --features, which need no network")
                }
            }
            for path in [features, writeFeatures].compactMap({ $0?.lowercased() })
            where !path.hasSuffix(".npz") && !path.hasSuffix(".csv") {
                throw ValidationError("features must be in a .npz or .csv file; got '\(path)'")
            }
        }

        func run() throws {
            try gdal.apply()
            let rule = try ProtocolDocument(protocolName).classification()
            try table.check(inputs: [data] + [scored.weights, features].compactMap { $0 })
            if let writeFeatures {
                try checkOutputs([writeFeatures], inputs: [data] + [scored.weights].compactMap { $0 }, overwrite: true)
            }
            var set = try Entry.read(data)
            let bandNames = set.bandNames
            if let group = splits.group { set = try set.grouped(by: group, in: data) }
            if splits.test != nil || splits.validation != nil, set.samples.contains(where: { $0.split != nil }) {
                printToStandardError("note: --test and --validation have no effect: the set defines its splits")
            }
            for note in set.notes { printToStandardError("note: \(note)") }
            let opened = try scored.weights.map { try scored.open($0, seed: table.seed) }
            if let count = device.tensorThreads { Torch.setThreads(count) }
            let job = try SetJob(
                set: set, place: data, rule: rule, splitting: splits.rule(seed: table.seed), part: training.part,
                seed: table.seed, features: try source(opened, set, bandNames, rule))
            if let rows = try table.finished({ try job.finished(in: $0) }) { return try show(rows, job.statement) }
            let meter = shared.meter("features")
            defer { meter.finish() }
            let store = kept.store
            let device = try Device(named: device.device ?? "cpu")
            let vectors = try job.features(
                store, batch: windows.batch,
                network: {
                    guard let opened else { throw CommandError(.badArgument, "there are no weights to open") }
                    return try opened.network(on: device)
                },
                note: { printToStandardError($0.warning) }, progress: meter.handler)
            meter.finish()
            if let writeFeatures {
                try FeatureFile(names: job.names, values: vectors.floats(), in: data).write(to: writeFeatures)
            }
            var records: [ImageRecord] = []
            let rows = try job.score(vectors, told: { records += $0 }, goOn: stopIfInterrupted)
            if let path = table.writeAnswers { try job.answers(records).write(to: path) }
            try table.add(rows)
            try show(rows, job.statement)
        }

        /// Where features come from.
        private func source(
            _ opened: OpenedWeights?, _ set: SampleSet, _ bandNames: [String], _ rule: ClassificationProtocol
        ) throws -> SetFeatures {
            guard let opened else {
                let path = features ?? ""
                return .file(
                    try FeatureFile(path), path: path, name: scored.name ?? URL(fileURLWithPath: path).lastPathComponent
                )
            }
            return .network(opened) { training in
                try SetPixels(
                    files: set.samples.map(\.path),
                    SetPixels.Request(
                        normalization: rule.input.normalization, record: opened.record,
                        choosesStretch: scored.stretch != nil, bands: scored.bandNumbers,
                        training: training), bandNames: bandNames, gsd: nil, in: data)
            }
        }

        private func stopIfInterrupted() throws {
            if Interrupt.requested { throw DownstreamError(.cancelled, "interrupted before the scores were complete") }
        }

        private func show(_ rows: [ResultRow], _ statement: ProtocolStatement) throws {
            try result.show(rows, text: ScoreText(rows, statement.switches, ending: ScoreText.ofImages).text)
        }
    }
#endif

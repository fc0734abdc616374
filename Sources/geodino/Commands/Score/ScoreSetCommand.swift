// geodino score BENCHMARK: what frozen features are worth on a classification set.
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

    /// `geodino score BENCHMARK`, whatever the set.
    struct ScoreSetCommand<Entry: SetEntry>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Entry.name, abstract: Entry.abstract,
                discussion: """
                    A backbone turns each image into a vector, and probes read classes from these: nearest neighbours, \
                    logistic regression. The protocol says how, and its switches are printed with the scores. \
                    Scores with different protocol hashes do not compare. Confidence intervals come from bootstrap \
                    resampling of the test images.
                    With -o, scores are added to a table (CSV) in the columns of torchgeo-bench. Features are kept, so \
                    that a second score of the same images needs no forward pass.
                    """)
        }

        @Argument(help: ArgumentHelp(Entry.data))
        var data: String

        @Option(help: "Weights: a file or a folder, in geodino's, the official, Hugging Face's or timm's format.")
        var weights: String

        @Option(
            name: .customLong("protocol"),
            help: ArgumentHelp(
                "How to score: the name of a protocol that comes with geodino (dinov3-paper, dinov3-knn, torchgeo-bench), or a YAML document.",
                valueName: "name"))
        var protocolName = "dinov3-paper"

        @Option(name: .shortAndLong, help: ArgumentHelp("The table to add the scores to (.csv).", valueName: "file"))
        var output: String?

        @Option(help: "What the network is called in results. (default: the name of the weights)")
        var name: String?

        @Flag(help: "Skip the work where the table has all scores already.")
        var resume = false

        @Flag(help: "Use random weights of the same architecture, drawn with --seed.")
        var randomBackbone = false

        @OptionGroup var splits: SplitOptions

        @Option(help: "The seed of splits, of draws and of random weights.")
        var seed: UInt64 = 0

        @Option(
            help: ArgumentHelp(
                "Bands to read, counted from 1, in the order of the weights, such as 4,3,2. (default: by their names)",
                valueName: "numbers"))
        var bands: String?

        @Option(
            help: ArgumentHelp(
                "How values become 8 bits: none, percentile:LOW,HIGH or fixed:LOW,HIGH. (default: the weights' stretch)",
                valueName: "rule"))
        var stretch: String?

        @Option(
            help: ArgumentHelp(
                "Where features are kept. (default: geodino/features in the user's cache)", valueName: "folder"))
        var cache: String?

        @Option(help: ArgumentHelp("The most megabytes of features to keep; 0 keeps none.", valueName: "MB"))
        var cacheMegabytes = 4096

        @OptionGroup var windows: BatchOptions
        @OptionGroup var arguments: WeightsArguments
        @OptionGroup var device: DeviceOptions
        @OptionGroup var result: ResultOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        private var bandNumbers: [Int]? {
            bands?.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        }

        func validate() throws {
            if let numbers = bandNumbers, numbers.contains(where: { $0 < 1 }) {
                throw ValidationError("--bands takes numbers, counted from 1, such as 4,3,2; got '\(bands ?? "")'")
            }
            if let stretch, StretchRule(text: stretch) == nil {
                throw ValidationError("--stretch takes none, percentile:LOW,HIGH or fixed:LOW,HIGH; got '\(stretch)'")
            }
            if let output, !output.lowercased().hasSuffix(".csv") {
                throw ValidationError("-o takes a table, a .csv file; got '\(output)'")
            }
            if resume, output == nil { throw ValidationError("--resume requires -o") }
            if let name, name.contains(where: \.isNewline) || name.isEmpty {
                throw ValidationError("--name takes one line of text")
            }
            guard (0...1_000_000_000).contains(cacheMegabytes) else {
                throw ValidationError("--cache-megabytes must be 0 to 1000000000, got \(cacheMegabytes)")
            }
        }

        func run() throws {
            try gdal.apply()
            let rule = try ProtocolDocument.classification(protocolName)
            if let output { try checkTable(output) }
            var set = try Entry.read(data)
            if let group = splits.group { set = try set.grouped(by: group, in: data) }
            if splits.test != nil || splits.validation != nil, set.samples.contains(where: { $0.split != nil }) {
                printToStandardError("note: --test and --validation have no effect: the set defines its splits")
            }
            for note in set.notes { printToStandardError("note: \(note)") }
            let contents = try WeightsContents.open(weights, options: arguments.options)
            for note in contents.notes { printToStandardError("note: \(note)") }
            var record = contents.record
            if let rule = stretch.flatMap(StretchRule.init(text:)) { record.stretch = rule }
            if let count = device.tensorThreads { Torch.setThreads(count) }
            let job = try SetJob(
                set: set, place: data, rule: rule,
                splitting: splits.rule(seed: seed), record: record,
                bands: bandNumbers, seed: seed,
                model: name ?? URL(fileURLWithPath: weights).standardizedFileURL.lastPathComponent,
                weights: try weightsIdentity(contents))
            if resume, let output, let rows = try job.finished(in: ResultTable(path: output)) {
                printToStandardError("note: \(output) has these scores already")
                return try show(rows, job.statement)
            }
            let meter = shared.meter("features")
            defer { meter.finish() }
            let store = FeatureStore(folder: cache ?? FeatureStore.usual, budget: cacheMegabytes * 1_000_000)
            let device = try Device(named: device.device ?? "cpu")
            let features = try job.features(
                store, batch: windows.batch,
                network: {
                    if randomBackbone {
                        return VisionTransformer(
                            try record.transformer(path: contents.path), generator: Generator(seed: seed),
                            device: device)
                    }
                    return try contents.network(
                        dtype: .float32, device: device, residency: contents.residency(for: .float32, on: device))
                }, note: { printToStandardError($0.warning) }, progress: meter.handler)
            meter.finish()
            let rows = try job.score(features, goOn: stopIfInterrupted)
            for warning in Set(rows.compactMap(\.warning)).sorted() { printToStandardError("warning: \(warning)") }
            if let output {
                let added = try ResultTable(path: output).add(rows, isCancelled: { Interrupt.requested })
                if added.count < rows.count {
                    printToStandardError(
                        "note: \(output) had \(counted(rows.count - added.count, "scores")) of these already; they stay as they are"
                    )
                }
            }
            try show(rows, job.statement)
        }

        /// What names the weights in results: their hash, and what else decides what the network says.
        private func weightsIdentity(_ contents: WeightsContents) throws -> String {
            var name = try contents.sha256()
            if randomBackbone { name = "random \(seed), \(contents.record.architecture)" }
            if let periods = arguments.periods { name += " periods \(try SHA256.hex(ofFile: periods))" }
            return name
        }

        private func stopIfInterrupted() throws {
            if Interrupt.requested { throw DownstreamError(.cancelled, "interrupted before the scores were complete") }
        }

        /// Refuses a table that could not be written, before the work begins.
        private func checkTable(_ path: String) throws {
            try checkOutputs([path], inputs: [data, weights], overwrite: true)
            _ = try ResultTable(path: path).rows()
        }

        private func show(_ rows: [ResultRow], _ statement: ProtocolStatement) throws {
            try result.show(rows, text: SetScoreText(rows, statement).text)
        }
    }

    /// Scores for people: the switches, then a table.
    private struct SetScoreText {
        let text: String

        init(_ rows: [ResultRow], _ statement: ProtocolStatement) {
            var lines = statement.switches.map { name, value in
                name.padding(toLength: 12, withPad: " ", startingAt: 0) + value
            }
            lines.append("")
            let width = (rows.map(\.method.count).max() ?? 0) + 2
            for row in rows {
                let interval = row.low.flatMap { low in row.high.map { " [\(shown(low)), \(shown($0))]" } } ?? ""
                let chosen = row.strength.map { String(format: "  C %.3g", $0) } ?? ""
                lines.append(
                    row.method.padding(toLength: width, withPad: " ", startingAt: 0)
                        + row.metric.padding(toLength: 24, withPad: " ", startingAt: 0) + shown(row.value) + interval
                        + chosen)
            }
            if let first = rows.first {
                let chosen = first.validationSamples > 0 ? ", validated on \(first.validationSamples)" : ""
                lines.append(
                    "\(first.model): tested on \(counted(first.samples, "images")), trained on \(first.trainingSamples)\(chosen)"
                )
            }
            text = lines.joined(separator: "\n")
        }
    }
#endif

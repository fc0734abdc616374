// What all commands that score a backbone on a benchmark take: weights, bands, seed, the table of results.
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

    /// The backbone that is scored.
    struct ScoredWeights: ParsableArguments {
        @Option(help: "Weights: a file or a folder, in geodino's, the official, Hugging Face's or timm's format.")
        var weights: String?

        @Option(help: "Name of the network in results. (default: the last part of the path)")
        var name: String?

        @Flag(help: "Use random weights of the same architecture, drawn with --seed.")
        var randomBackbone = false

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

        @OptionGroup var arguments: WeightsArguments

        /// Numbers of the bands to read; `nil` chooses by their names.
        var bandNumbers: [Int]? {
            bands?.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        }

        func validate() throws {
            if let numbers = bandNumbers, numbers.contains(where: { $0 < 1 }) {
                throw ValidationError("--bands takes numbers, counted from 1, such as 4,3,2; got '\(bands ?? "")'")
            }
            if let stretch, StretchRule(text: stretch) == nil {
                throw ValidationError("--stretch takes none, percentile:LOW,HIGH or fixed:LOW,HIGH; got '\(stretch)'")
            }
            if let name, name.contains(where: \.isNewline) || name.isEmpty {
                throw ValidationError("--name takes one line of text")
            }
        }

        /// Opens the weights, and prints notes about them.
        func open(_ path: String, seed: UInt64) throws -> OpenedWeights {
            let contents = try WeightsContents.open(path, options: arguments.options)
            for note in contents.notes { printToStandardError("note: \(note)") }
            var record = contents.record
            if let rule = stretch.flatMap(StretchRule.init(text:)) { record.stretch = rule }
            // Their hash, and everything else that decides the network's output.
            var identity = try contents.sha256()
            if randomBackbone { identity = "random \(seed), \(record.architecture)" }
            if let periods = arguments.periods { identity += " periods \(try SHA256.hex(ofFile: periods))" }
            return OpenedWeights(
                contents: contents, record: record, identity: identity,
                name: name ?? URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent,
                randomSeed: randomBackbone ? seed : nil)
        }
    }

    /// Weights that a command has opened.
    struct OpenedWeights {
        /// The weights.
        let contents: WeightsContents
        /// Their record, with the stretch that was asked for.
        let record: WeightsRecord
        /// What names them in results.
        let identity: String
        /// Their name in results.
        let name: String
        /// The seed of random weights in their place; `nil` for the weights themselves.
        let randomSeed: UInt64?

        /// The network.
        func network(on device: Device) throws -> any ImageBackbone {
            if let randomSeed {
                return VisionTransformer(
                    try record.transformer(path: contents.path), generator: Generator(seed: randomSeed), device: device)
            }
            return try contents.network(
                dtype: .float32, device: device, residency: contents.residency(for: .float32, on: device))
        }
    }

    /// The cache of features.
    struct FeatureCacheOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The folder of kept features. (default: geodino/features in the user's cache)", valueName: "folder"))
        var cache: String?

        @Option(help: ArgumentHelp("Maximum size of the kept features; 0 keeps none.", valueName: "MB"))
        var cacheMegabytes = 4096

        func validate() throws {
            guard (0...1_000_000_000).contains(cacheMegabytes) else {
                throw ValidationError("--cache-megabytes must be 0 to 1000000000, got \(cacheMegabytes)")
            }
        }

        /// The store.
        var store: FeatureStore {
            FeatureStore(folder: cache ?? FeatureStore.usual, budget: cacheMegabytes * 1_000_000)
        }
    }

    /// The table of results, and the seed.
    struct ScoreTableOptions: ParsableArguments {
        @Option(name: .shortAndLong, help: ArgumentHelp("The table to add the scores to (.csv).", valueName: "file"))
        var output: String?

        @Flag(help: "Skip the work if the table already has all scores.")
        var resume = false

        @Option(
            help: ArgumentHelp(
                "Write the predictions for each image to this file (.csv), for 'geodino score compare'.",
                valueName: "file"))
        var writeAnswers: String?

        @Option(help: "The seed of all that is random: splits, shots, bootstrap draws, weights, probes and heads.")
        var seed: UInt64 = 0

        func validate() throws {
            if let output, !output.lowercased().hasSuffix(".csv") {
                throw ValidationError("-o takes a table, a .csv file; got '\(output)'")
            }
            if resume, output == nil { throw ValidationError("--resume requires -o") }
            if let writeAnswers, !writeAnswers.lowercased().hasSuffix(".csv") {
                throw ValidationError("--write-answers takes a .csv file; got '\(writeAnswers)'")
            }
            if writeAnswers != nil { try refuseResume("--write-answers") }
        }

        /// Refuses --resume together with an option that writes something that only a new score has.
        func refuseResume(_ option: String) throws {
            if resume { throw ValidationError("\(option) cannot be combined with --resume, which may score nothing") }
        }

        /// Refuses a table that could not be written, before the work begins.
        func check(inputs: [String]) throws {
            let outputs = [output, writeAnswers].compactMap { $0 }
            if !outputs.isEmpty { try checkOutputs(outputs, inputs: inputs, overwrite: true) }
            guard let output else { return }
            _ = try ResultTable(path: output).rows()
        }

        /// The rows, if `--resume` was given and the table already has all of them; otherwise `nil`.
        func finished(_ find: (ResultTable) throws -> [ResultRow]?) throws -> [ResultRow]? {
            guard resume, let output, let rows = try find(ResultTable(path: output)) else { return nil }
            printToStandardError("note: \(output) already has these scores")
            return rows
        }

        /// Adds rows to the table, if there is one, and says what is suspicious about them.
        func add(_ rows: [ResultRow]) throws {
            for warning in Set(rows.compactMap(\.warning)).sorted() { printToStandardError("warning: \(warning)") }
            guard let output else { return }
            let added = try ResultTable(path: output).add(rows, isCancelled: { Interrupt.requested })
            if added.count < rows.count {
                printToStandardError(
                    "note: \(output) already had \(rows.count - added.count) of these \(counted(rows.count, "scores")); its rows are unchanged"
                )
            }
        }
    }

    /// Scores for people: the switches, then a table.
    struct ScoreText {
        let text: String

        init(_ rows: [ResultRow], _ switches: [(name: String, value: String)], ending: (ResultRow) -> String) {
            var lines = switches.map { name, value in
                name.padding(toLength: 12, withPad: " ", startingAt: 0) + value
            }
            lines.append("")
            let width = (rows.map(\.method.count).max() ?? 0) + 2
            let metricWidth = max(24, (rows.map(\.metric.count).max() ?? 0) + 2)
            for row in rows {
                let interval = row.low.flatMap { low in row.high.map { " [\(shown(low)), \(shown($0))]" } } ?? ""
                let chosen =
                    row.strength.map { String(format: "  C %.3g", $0) }
                    ?? row.rate.map { String(format: "  learning rate %.3g", $0) }
                    ?? row.ridge.map { String(format: "  ridge %.3g", $0) } ?? ""
                lines.append(
                    row.method.padding(toLength: width, withPad: " ", startingAt: 0)
                        + row.metric.padding(toLength: metricWidth, withPad: " ", startingAt: 0) + shown(row.value)
                        + interval + chosen)
            }
            if let first = rows.first { lines.append(ending(first)) }
            text = lines.joined(separator: "\n")
        }

        /// The last line: how many images were scored, trained on and chosen on.
        static func ofImages(_ row: ResultRow) -> String {
            let trained = row.trainingSamples > 0 ? ", trained on \(row.trainingSamples)" : ""
            let chosen = row.validationSamples > 0 ? ", validated on \(row.validationSamples)" : ""
            return "\(row.model): tested on \(counted(row.samples, "images"))\(trained)\(chosen)"
        }
    }
#endif

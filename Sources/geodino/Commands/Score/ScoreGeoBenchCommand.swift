// geodino score geobench-v1: the twelve tasks of GEO-Bench, from its own files or from a re-pack into shards.
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

    struct ScoreGeoBenchCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "geobench-v1", abstract: "Score a backbone on tasks of GEO-Bench v1.",
            discussion: """
                Tasks of whole images are scored by probes on frozen features, tasks of masks by a head on them; the protocol says \
                how, and its switches are printed with the scores. Reads the HDF5 files as they are published, and the re-pack into \
                WebDataset shards. Scores with different protocol hashes are not comparable.
                Rows are added to the table task by task, so that an interrupted command loses at most one task; \
                --resume skips tasks whose scores the table already has.
                """)

        @Argument(
            help:
                "The folder of GEO-Bench: one that holds classification_v1.0 and segmentation_v1.0, one of these, or a task's."
        )
        var data: String

        @Option(
            help: ArgumentHelp(
                "Tasks to score, separated by commas, such as m-eurosat,m-pv4ger. (default: all)", valueName: "names"))
        var tasks: String?

        @OptionGroup var scored: ScoredWeights

        @Option(
            name: .customLong("protocol"),
            help: ArgumentHelp(
                "How to score: the name of a protocol that comes with geodino, or a YAML document.", valueName: "name"))
        var protocolName = "dinov3-paper"

        @Option(
            help: ArgumentHelp(
                "The share of the training split: 0.01x, 0.02x, 0.05x, 0.10x, 0.20x, 0.50x or 1.00x.",
                valueName: "share"))
        var partition = "1.00x"

        @Flag(help: "Normalise with statistics of the training images, in place of band_stats.json.")
        var measureStatistics = false

        @Option(help: "Optimiser steps of heads, in place of the protocol's.")
        var steps: Int?

        @OptionGroup var kept: FeatureCacheOptions
        @OptionGroup var table: ScoreTableOptions
        @OptionGroup var windows: BatchOptions
        @OptionGroup var device: DeviceOptions
        @OptionGroup var result: ResultOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            guard scored.weights != nil else { throw ValidationError("give --weights") }
            if partition == "default" {
                throw ValidationError("--partition takes a share, such as 0.10x; for all of train, give 1.00x")
            }
            if let steps, !(1...100_000_000).contains(steps) {
                throw ValidationError("--steps must be 1 or more, got \(steps)")
            }
        }

        func run() throws {
            try gdal.apply()
            guard let weights = scored.weights else { return }
            let document = try ProtocolDocument(protocolName)
            try table.check(inputs: [data, weights])
            let folder = try GeoBenchFolder(data)
            for note in folder.notes { printToStandardError("note: \(note)") }
            let wanted = try wantedTasks(folder)
            // Before the first task is scored, so that a protocol without a part for the last task does not fail hours later.
            for name in wanted {
                guard let task = GeoBenchTask.named(name) else { continue }
                if task.kind == .mask { _ = try document.segmentation() } else { _ = try document.classification() }
            }
            guard table.writeAnswers == nil || wanted.count == 1 else {
                throw CommandError(
                    .badArgument, "--write-answers writes the answers of one task; \(wanted.count) are scored",
                    in: data,
                    try: "--tasks with one of \(wanted.joined(separator: ", "))")
            }
            let opened = try scored.open(weights, seed: table.seed)
            if let count = device.tensorThreads { Torch.setThreads(count) }
            let device = try Device(named: self.device.device ?? "cpu")
            // The bands and the units of all tasks are checked before the first is scored, too.
            let jobs = try wanted.map { name in
                let set = try GeoBenchSet(
                    data, task: name, partition: partition == "1.00x" ? "default" : partition,
                    isCancelled: { Interrupt.requested })
                for note in set.notes { printToStandardError("note: \(name): \(note)") }
                return try job(set, document, opened)
            }
            var (rows, texts): ([ResultRow], [String]) = ([], [])
            do {
                for job in jobs {
                    let scored =
                        switch job {
                        case .images(let job, let set): try classified(job, set, opened, device)
                        case .masks(let job, let set): try segmented(job, set, opened, weights, device)
                        }
                    rows += scored.rows
                    texts.append(scored.text)
                }
            } catch {
                // Scores of the tasks before are still shown.
                if !rows.isEmpty { try result.show(rows, text: texts.joined(separator: "\n\n")) }
                throw error
            }
            try result.show(rows, text: texts.joined(separator: "\n\n"))
        }

        /// A task that is ready to be scored.
        private enum TaskJob {
            case images(SetJob, GeoBenchSet)
            case masks(SegmentationJob, GeoBenchSet)
        }

        private func job(
            _ set: GeoBenchSet, _ document: ProtocolDocument, _ opened: OpenedWeights
        ) throws -> TaskJob {
            guard set.task.kind == .mask else {
                let rule = try document.classification()
                let job = try SetJob(
                    set: try set.sampleSet(), place: set.folder, rule: rule, splitting: SplitRule(seed: table.seed),
                    benchmark: "geobench-v1", part: .whole(partition: partition), seed: table.seed,
                    features: .network(opened) {
                        try SetPixels(geoBench: set, request(rule.input.normalization, opened, $0))
                    })
                return .images(job, set)
            }
            var rule = try document.segmentation()
            if let steps { rule.training.steps = steps }
            let job = try SegmentationJob(
                set: try set.segmentationSet(), place: set.folder, rule: rule, opened: opened, benchmark: "geobench-v1",
                partition: partition, seed: table.seed
            ) { try SetPixels(geoBench: set, request(rule.input.normalization, opened, $0)) }
            for note in job.notes { printToStandardError("note: \(set.task.name): \(note)") }
            return .masks(job, set)
        }

        /// The names of the tasks to score, in the order in which they were asked for.
        private func wantedTasks(_ folder: GeoBenchFolder) throws -> [String] {
            guard let tasks else { return folder.tasks.map(\.name) }
            let names = tasks.split(separator: ",").map { String($0).trimmingCharacters(in: .whitespaces) }
            var seen: Set<String> = []
            return try names.filter { !$0.isEmpty && seen.insert($0).inserted }.map { try folder.task($0).name }
        }

        private func request(
            _ normalization: Normalization, _ opened: OpenedWeights, _ training: [Int]
        ) -> SetPixels.Request {
            SetPixels.Request(
                normalization: normalization, record: opened.record, choosesStretch: scored.stretch != nil,
                bands: scored.bandNumbers,
                measuresStatistics: measureStatistics, training: training)
        }

        /// Scores a task of whole images.
        private func classified(
            _ job: SetJob, _ set: GeoBenchSet, _ opened: OpenedWeights, _ device: Device
        ) throws -> (rows: [ResultRow], text: String) {
            func answer(_ rows: [ResultRow]) -> (rows: [ResultRow], text: String) {
                (rows, ScoreText(rows, job.statement.switches, ending: ScoreText.ofImages).text)
            }
            if let rows = try table.finished({ try job.finished(in: $0) }) { return answer(rows) }
            let meter = shared.meter(set.task.name)
            defer { meter.finish() }
            let store = kept.store
            let features = try job.features(
                store, batch: windows.batch, network: { try opened.network(on: device) },
                note: { printToStandardError($0.warning) }, progress: meter.handler)
            meter.finish()
            var records: [ImageRecord] = []
            let rows = try job.score(features, told: { records += $0 }) {
                if Interrupt.requested {
                    throw DownstreamError(.cancelled, "interrupted before the scores were complete")
                }
            }
            if let path = table.writeAnswers { try job.answers(records).write(to: path) }
            try table.add(rows)
            return answer(rows)
        }

        /// Scores a task of masks.
        private func segmented(
            _ job: SegmentationJob, _ set: GeoBenchSet, _ opened: OpenedWeights, _ weights: String, _ device: Device
        ) throws -> (rows: [ResultRow], text: String) {
            func answer(_ rows: [ResultRow]) -> (rows: [ResultRow], text: String) {
                (rows, ScoreText(rows, job.switches, ending: ScoreText.ofImages).text)
            }
            if let rows = try table.finished({ try job.finished(in: $0) }) { return answer(rows) }
            let kept = try HeadStore.folder(try job.headKey())
            guard
                let head = try job.fitted(
                    in: kept, weights: weights, opened: opened, options: scored.arguments.options, device: device,
                    threads: self.device.tensorThreads, quiet: shared.quiet)
            else { throw ExitCode.interrupted }
            let meter = shared.meter(set.task.name)
            defer { meter.finish() }
            let tally = try job.tally(head, writer: nil, progress: meter.handler)
            meter.finish()
            let rows = job.rows(tally)
            if let path = table.writeAnswers { try job.answers(tally).write(to: path) }
            try table.add(rows)
            removeIfPresent(kept)
            return answer(rows)
        }
    }
#endif

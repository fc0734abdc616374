// geodino score inspect, list: what a folder contains before anything is scored, and what can be scored.
#if EARTH
    import ArgumentParser
    import Benchmarks
    import Files
    import Foundation
    import Geo
    import Raster
    import Telemetry

    struct ScoreInspectCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect", abstract: "Show what a set contains: splits, classes, bands, values.",
            discussion:
                "Recognises the folder or list, reads it as a score would, and prints the command that scores it."
        )

        @Argument(help: "A folder of a benchmark, a folder of your own images, or a list (.csv).")
        var data: String

        @Option(help: ArgumentHelp("For GEO-Bench: the task to inspect. (default: all)", valueName: "name"))
        var task: String?

        @OptionGroup var result: ResultOptions
        @OptionGroup var gdal: GDALOptions

        func run() throws {
            try gdal.apply()
            let found = try FoundSet.at(data)
            var parts: [SetDescription] = []
            switch found {
            case .samples(let set, let benchmark): parts = [try SetDescription(set, benchmark: benchmark)]
            case .masks(let set, let benchmark): parts = [try SetDescription(set, benchmark: benchmark)]
            case .geoBench(let folder):
                let names = try task.map { [try folder.task($0).name] } ?? folder.tasks.map(\.name)
                parts = try names.map { try SetDescription(try GeoBenchSet(data, task: $0)) }
            }
            if task != nil, case .geoBench = found {
            } else if task != nil {
                printToStandardError("note: --task has no effect: the set is not GEO-Bench")
            }
            try result.show(parts, text: parts.map { $0.text(data) }.joined(separator: "\n\n"))
        }
    }

    /// What a set holds.
    private struct SetDescription: Encodable {
        /// A class and how many samples of it are in each split.
        struct Class: Encodable {
            let name: String
            let samples: [String: Int]?
        }
        /// A band of the first image.
        struct Band: Encodable {
            let name: String
            let width: Int
            let height: Int
            let type: String
            /// The least value read, or GEO-Bench's percentile 1.
            let low: Double?
            /// The largest value read, or GEO-Bench's percentile 99.
            let high: Double?
        }
        let benchmark: String
        let task: String
        let kind: String
        let splits: [String: Int]
        let classes: [Class]
        var bands: [Band] = []
        let unlabelled: Int
        let notes: [String]

        init(_ set: SampleSet, benchmark: String) throws {
            self.benchmark = benchmark
            task = set.name
            kind = set.isMultiLabel ? "labels" : "classes"
            splits = Self.counts(set.samples.map(\.split))
            classes = Self.classes(set)
            unlabelled = 0
            notes = set.notes
            if let first = set.samples.first { bands = try Self.bands(of: first.path) }
        }

        init(_ set: SegmentationSet, benchmark: String) throws {
            self.benchmark = benchmark
            task = set.name
            kind = "masks"
            splits = Self.counts(set.images.map { $0.split })
            classes = set.classes.map { Class(name: $0, samples: nil) }
            unlabelled = set.images.count { !$0.isLabelled }
            notes = set.notes
            if let first = set.images.first { bands = try Self.bands(of: first.path) }
        }

        init(_ set: GeoBenchSet) throws {
            benchmark = "geobench-v1"
            task = set.task.name
            splits = Self.counts(set.samples.map { $0.split })
            unlabelled = 0
            notes = set.notes
            switch set.task.kind {
            case .mask:
                kind = "masks"
                classes = set.task.classes.map { Class(name: $0, samples: nil) }
            case .oneClass, .manyLabels:
                kind = set.task.kind == .oneClass ? "classes" : "labels"
                classes = Self.classes(try set.sampleSet())
            }
            // In the order in which --bands counts, which can differ from the order in files.
            let order = Dictionary(uniqueKeysWithValues: set.task.bands.enumerated().map { ($1.name, $0) })
            let datasets = set.datasets.filter { !$0.isLabel }.enumerated().sorted {
                (order[$0.element.name] ?? .max, $0.offset) < (order[$1.element.name] ?? .max, $1.offset)
            }
            bands = datasets.map(\.element).map { dataset in
                let known = set.statistics[dataset.name]
                return Band(
                    name: dataset.dataset, width: dataset.shape.count > 1 ? dataset.shape[1] : 0,
                    height: dataset.shape.first ?? 0, type: dataset.type.map(Self.name) ?? "unknown",
                    low: known?.percentile1,
                    high: known?.percentile99)
            }
        }

        /// A type as NumPy calls it.
        private static func name(_ type: ElementType) -> String { "\(type)" }

        /// The name of one of GDAL's types as NumPy calls it.
        private static func name(_ type: String) -> String { type == "Byte" ? "uint8" : type.lowercased() }

        private static func counts(_ splits: [BenchmarkSplit?]) -> [String: Int] {
            splits.reduce(into: [:]) { $0[$1?.rawValue ?? "none", default: 0] += 1 }
        }

        private static func classes(_ set: SampleSet) -> [Class] {
            let parts: [BenchmarkSplit?] = BenchmarkSplit.allCases.filter { !set.indices(of: $0).isEmpty }
            let counts = (parts.isEmpty ? [nil] : parts).map {
                (name: $0?.rawValue ?? "all", counts: set.classCounts($0))
            }
            return set.classes.enumerated().map { index, name in
                Class(name: name, samples: Dictionary(uniqueKeysWithValues: counts.map { ($0.name, $0.counts[index]) }))
            }
        }

        /// The bands of a file, with the range of their values in its first 1,024 rows and columns.
        private static func bands(of path: String) throws -> [Band] {
            let reader = try RasterReader(path: path)
            let (width, height) = (min(reader.grid.width, 1024), min(reader.grid.height, 1024))
            let pixels = try reader.read(PixelWindow(column: 0, row: 0, width: width, height: height))
            let floats = pixels.floats()
            return reader.bands.enumerated().map { index, band in
                let values = floats[index * width * height..<(index + 1) * width * height]
                let valid = values.indices.filter { pixels.validity?[$0 - values.startIndex] ?? true }.map {
                    values[$0]
                }
                return Band(
                    name: band.name, width: reader.grid.width, height: reader.grid.height,
                    type: Self.name(band.storedType),
                    low: valid.min().map(Double.init), high: valid.max().map(Double.init))
            }
        }

        /// The description for people.
        func text(_ data: String) -> String {
            let order = ["train", "validation", "test", "none"]
            var lines = [
                "\(task) (\(benchmark)), \(kind == "masks" ? "a class for each pixel" : kind == "labels" ? "any number of classes per image" : "one class per image")",
                "images      "
                    + order.compactMap { name in
                        splits[name].map { "\($0) \(name == "none" ? "without a split" : name)" }
                    }.joined(separator: ", ") + (unlabelled > 0 ? ", \(unlabelled) of them without a mask" : ""),
            ]
            let width = (classes.map(\.name.count).max() ?? 0) + 2
            lines.append("classes     \(classes.count)")
            for (index, entry) in classes.enumerated() {
                let counts = entry.samples.map { samples in
                    (order.dropLast() + ["all"]).compactMap { name in samples[name].map { "\($0) \(name)" } }
                        .joined(separator: ", ")
                }
                lines.append(
                    "  \(index)  " + entry.name.padding(toLength: width, withPad: " ", startingAt: 0) + (counts ?? ""))
            }
            let ranges =
                benchmark == "geobench-v1"
                ? "sizes of the first image, 1st and 99th percentiles of the task" : "of the first image"
            lines.append("bands       \(bands.count), \(ranges)")
            for (index, band) in bands.enumerated() {
                let range = band.low.flatMap { low in band.high.map { ", \(shown(low)) to \(shown($0))" } } ?? ""
                lines.append("  \(index + 1)  \(band.name): \(band.width) x \(band.height), \(band.type)\(range)")
            }
            lines += notes.map { "note        \($0)" }
            let more = benchmark == "geobench-v1" ? " --tasks \(task)" : ""
            lines.append("score it    geodino score \(benchmark) \(shellQuoted(data))\(more) --weights WEIGHTS")
            return lines.joined(separator: "\n")
        }
    }

    struct ScoreListCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the benchmarks and the protocols that geodino knows.")

        @OptionGroup var result: ResultOptions

        /// A benchmark and what it is.
        private struct Entry: Encodable {
            let benchmark: String
            let scores: String
            let tasks: [String]
            let protocols: [String]
        }

        func run() throws {
            let names = try ProtocolDocument.names()
            let documents = try names.map { (name: $0, document: try ProtocolDocument($0)) }
            let images = documents.filter { (try? $0.document.classification()) != nil }.map(\.name)
            let masks = documents.filter { (try? $0.document.segmentation()) != nil }.map(\.name)
            // The test masks of these are not published.
            let validated = documents.filter {
                (try? $0.document.segmentation())?.scoring.report == .validation
            }.map(\.name)
            func tasks(_ isMask: Bool) -> [String] {
                GeoBenchTask.all.filter { ($0.kind == .mask) == isMask }.map(\.name)
            }
            let entries = [
                Entry(benchmark: "folder", scores: "your own labelled images", tasks: [], protocols: images),
                Entry(benchmark: "eurosat", scores: "EuroSAT, RGB or 13 bands", tasks: [], protocols: images),
                Entry(benchmark: "ucmerced", scores: "UC Merced Land Use", tasks: [], protocols: images),
                Entry(benchmark: "loveda", scores: "LoveDA", tasks: [], protocols: validated),
                Entry(benchmark: "isaid", scores: "iSAID, raw or in patches", tasks: [], protocols: validated),
                Entry(
                    benchmark: "geobench-v1", scores: "GEO-Bench v1, whole images", tasks: tasks(false),
                    protocols: images),
                Entry(benchmark: "geobench-v1", scores: "GEO-Bench v1, masks", tasks: tasks(true), protocols: masks),
            ]
            let text = entries.map { entry in
                let tasks = entry.tasks.isEmpty ? "" : "\n             tasks: \(entry.tasks.joined(separator: ", "))"
                return entry.benchmark.padding(toLength: 13, withPad: " ", startingAt: 0) + entry.scores + tasks
                    + "\n             protocols: \(entry.protocols.joined(separator: ", "))"
            }
            try result.show(entries, text: text.joined(separator: "\n"))
        }
    }
#endif

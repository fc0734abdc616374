// geodino score landcover: a map of classes against the truth, samples of it, and areas by samples.
#if EARTH
    import ArgumentParser
    import Geo
    import Raster
    import Scoring
    import Telemetry

    struct ScoreLandCoverCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "landcover", abstract: "Score a land-cover map, or estimate areas of its classes by samples.",
            discussion: """
                With --truth: IoU, F1, precision and recall of each class, mean IoU, accuracy, kappa, boundary IoU and the \
                confusion matrix, on the grid of a raster truth, or on the map's grid for a vector layer. Pixels of which \
                the map is unsure (254) count as wrong. Classes absent from both are left out of means.
                With --draw-samples: points drawn at random within each class of the map, to look up what is there. With \
                --samples: areas of the classes by such points, with their 95 % limits.
                """)

        @Option(help: "The map of classes; its values are the ids of the legend.")
        var map: String

        @Option(help: "The true classes: a raster, or a vector layer of polygons, lines or points.")
        var truth: String?

        @Option(help: ArgumentHelp("Points whose class on the ground is known: a vector layer.", valueName: "file"))
        var samples: String?

        @Option(help: ArgumentHelp("Draw this many points of the map, and write them to -o.", valueName: "n"))
        var drawSamples: Int?

        @Option(
            help: ArgumentHelp(
                "What the values of both stand for: a YAML document such as recipes/legends/loveda.yaml, the name of one that comes with geodino (loveda), or 'auto' for the names and values of the map.",
                valueName: "file"))
        var legend = "auto"

        @OptionGroup var vector: VectorLabelOptions

        @Option(help: "Score, draw or estimate inside these polygons only.")
        var aoi: String?

        @Option(
            help: ArgumentHelp(
                "With a raster truth: compare borders by the pixels within this distance. (default: 2 % of the truth's diagonal, at most 64)",
                valueName: "pixels"))
        var boundary: Int?

        @Option(
            help: ArgumentHelp(
                "With --draw-samples: the fewest points of a class that the map has. (default: 50, or an equal share)",
                valueName: "n"))
        var minPerClass: Int?

        @Option(help: "With --draw-samples: what the draw begins with.")
        var seed: UInt64 = 0

        @Option(
            name: [.customShort("o"), .customLong("output")],
            help: "With --draw-samples: the GeoPackage (.gpkg) to write.")
        var output: String?

        @Flag(help: "Replace an existing output.")
        var overwrite = false

        @OptionGroup var result: ResultOptions

        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            let tasks = [
                ("--truth", truth != nil), ("--samples", samples != nil), ("--draw-samples", drawSamples != nil),
            ]
            guard tasks.count(where: \.1) == 1 else {
                throw ValidationError("give one of --truth, --samples and --draw-samples")
            }
            if drawSamples == nil {
                let own = [
                    ("--min-per-class", minPerClass != nil), ("--seed", seed != 0), ("-o", output != nil),
                    ("--overwrite", overwrite),
                ]
                if let given = own.first(where: \.1) { throw ValidationError("\(given.0) requires --draw-samples") }
            } else if !(output?.lowercased().hasSuffix(".gpkg") ?? false) {
                throw ValidationError("--draw-samples requires -o FILE.gpkg" + (output.map { ", got '\($0)'" } ?? ""))
            }
            if boundary != nil, truth == nil { throw ValidationError("--boundary requires --truth") }
            for (name, value, least, most) in [
                ("--draw-samples", drawSamples, 1, 1_000_000), ("--min-per-class", minPerClass, 0, 1_000_000),
                ("--boundary", boundary, 1, 1024),
            ] {
                if let value, !(least...most).contains(value) {
                    throw ValidationError("\(name) must be \(least) to \(most), got \(value)")
                }
            }
        }

        func run() throws {
            try gdal.apply()
            let area = try aoi.map { try AreaOfInterest(path: $0) }
            if let output {
                let inputs = [map, aoi, legend == "auto" ? nil : legend].compactMap(\.self)
                try checkOutputs([output], inputs: inputs, overwrite: overwrite)
            }
            let meter = shared.meter("score")
            defer { meter.finish() }
            if let truth { try score(truth, area, meter) }
            if let samples { try estimate(samples, area, meter) }
            if let drawSamples, let output { try draw(drawSamples, to: output, area, meter) }
        }

        /// The legend that was given, else the map's own.
        private func openLegend(_ meter: ProgressMeter) throws -> Legend {
            guard legend == "auto" else { return try LegendDocument.legend(legend) }
            let found = try automaticLegend(ofMap: map, progress: meter.handler)
            meter.finish()
            for note in found.notes { printToStandardError("warning: \(note)") }
            return found.legend
        }

        /// Opens vector labels or a raster of classes.
        private func openLabels(_ path: String) throws -> OpenLabels {
            let labels = try OpenLabels(path, vector)
            for warning in labels.warnings { printToStandardError("warning: \(path): \(warning)") }
            return labels
        }

        private func score(_ truth: String, _ area: AreaOfInterest?, _ meter: ProgressMeter) throws {
            let legend = try openLegend(meter)
            let source: LandCoverTruth =
                switch try openLabels(truth) {
                case .raster(let path, let band): .raster(path: path, band: band)
                case .layer(let layer):
                    .labels(layer, allTouched: vector.labelTouched, lineWidth: vector.lineWidth)
                }
            let score = try explained(legend) { () throws(ScoringError) in
                try scoreLandCover(
                    map: map, truth: source, legend: legend, aoi: area, boundary: boundary, progress: meter.handler)
            }
            meter.finish()
            try result.show(score, text: score.text)
        }

        private func estimate(_ samples: String, _ area: AreaOfInterest?, _ meter: ProgressMeter) throws {
            let legend = try openLegend(meter)
            guard case .layer(let layer) = try openLabels(samples) else {
                throw CommandError(
                    .badArgument, "samples are points, but the file is a raster", in: samples,
                    try: "--truth \(shellQuoted(samples))")
            }
            let areas = try explained(legend) { () throws(ScoringError) in
                try estimateAreas(
                    map: map, samples: layer, legend: legend, aoi: area, progress: meter.handler)
            }
            meter.finish()
            try result.show(areas, text: areas.text)
        }

        private func draw(
            _ count: Int, to output: String, _ area: AreaOfInterest?, _ meter: ProgressMeter
        ) throws {
            let legend = try openLegend(meter)
            let drawn = try explained(legend) { () throws(ScoringError) in
                try Scoring.drawSamples(
                    map: map, legend: legend, aoi: area, total: count, minimum: minPerClass, seed: seed,
                    progress: meter.handler)
            }
            meter.finish()
            try drawn.write(to: output, overwrite: overwrite)
            let summary = DrawSummary(drawn, output: output)
            try result.show(summary, text: summary.text)
        }

        /// Runs work on a legend; where the map's own does not do, a document helps.
        private func explained<Value>(
            _ known: Legend, _ work: () throws(ScoringError) -> Value
        ) throws(ScoringError) -> Value {
            do { return try work() } catch {
                guard error.code == .badLegend, legend == "auto" else { throw error }
                throw ScoringError(
                    error.code, error.what, in: error.place, why: error.causes + ["it is the map's own legend"],
                    try:
                        "write a legend, as in recipes/legends, that says which values stand for the map's classes, and give it with --legend"
                )
            }
        }
    }
#endif

// geodino score: a map against the truth, or features on a benchmark.
#if EARTH
    import ArgumentParser
    import Foundation
    import Geo
    import Raster
    import Scoring
    import Telemetry

    struct ScoreCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "score", abstract: "Score a map against reference data, or frozen features on a benchmark.",
            subcommands: [
                ScoreCanopyCommand.self, ScoreLandCoverCommand.self, ScoreSetCommand<FolderEntry>.self,
                ScoreSetCommand<EuroSATEntry>.self, ScoreSetCommand<UCMercedEntry>.self,
                ScoreSegmentationCommand<LoveDAEntry>.self, ScoreSegmentationCommand<ISAIDEntry>.self,
                ScoreGeoBenchCommand.self, ScoreInspectCommand.self, ScoreListCommand.self, ScoreCompareCommand.self,
                ScoreSummaryCommand.self,
            ])
    }

    struct ScoreCanopyCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "canopy", abstract: "Score a canopy-height map on the grid of the truth.",
            discussion: """
                Prints MAE, RMSE, bias (mean of map minus truth) and R2 over pixels, and block-R2 over means of \
                square blocks (null below 10 blocks).
                """)

        @Option(help: "The map, in metres.")
        var map: String

        @Option(help: "The true heights, in metres.")
        var truth: String

        @Option(help: "Compare inside these polygons only.")
        var aoi: String?

        @Option(help: ArgumentHelp("Side of a block on the ground, such as 30m.", valueName: "metres"))
        var block = "30m"

        @Option(
            help: ArgumentHelp(
                "Also score a constant prediction of this height; 'mean' is the truth's mean.", valueName: "m"))
        var constant: String?

        @Option(
            help: ArgumentHelp(
                "The highest value that counts as a height, in the map and in the truth.", valueName: "metres"))
        var maxHeight = HeightRule.highest

        @OptionGroup var result: ResultOptions

        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        private var blockMetres: Double? {
            Double(block.hasSuffix("m") ? String(block.dropLast()) : block).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
        }

        private var reference: CanopyReference? {
            guard let constant else { return nil }
            return constant == "mean" ? .truthMean : Double(constant).map(CanopyReference.constant)
        }

        func validate() throws {
            guard maxHeight > 0, maxHeight.isFinite else {
                throw ValidationError("--max-height takes metres above 0, got \(maxHeight)")
            }
            if blockMetres == nil { throw ValidationError("--block takes metres such as 30m, got '\(block)'") }
            if let constant, reference == nil {
                throw ValidationError("--constant takes metres or 'mean', got '\(constant)'")
            }
        }

        func run() throws {
            try gdal.apply()
            let meter = shared.meter("score")
            defer { meter.finish() }
            let score = try scoreCanopy(
                map: map, truth: truth, aoi: aoi.map { try AreaOfInterest(path: $0) }, blockMetres: blockMetres ?? 30,
                rule: HeightRule(highest: maxHeight), reference: reference, progress: meter.handler)
            meter.finish()
            try result.show(score, text: score.text)
        }
    }

    extension CanopyScore {
        /// The score for people, a figure per line.
        var text: String {
            var lines = [
                "MAE       \(shown(mae)) m", "RMSE      \(shown(rmse)) m", "bias      \(shown(bias)) m",
                "R2        \(shown(r2))",
                "block-R2  \(shown(blockR2))  (\(blockCount) blocks of \(shown(blockMetres, digits: 1)) m\(blockR2 == nil ? ", too few" : ""))",
                "pixels    \(pixelCount)",
            ]
            if let meanPredictor, let meanPredictorMAE {
                lines.append("always \(shown(meanPredictor, digits: 2)) m: MAE \(shown(meanPredictorMAE)) m")
            }
            let rule = HeightRule(highest: highest)
            for (count, role) in [(rejectedTruth, "truth"), (rejectedMap, "map")] where count > 0 {
                lines.append("excluded  \(counted(count, "pixels")) of the \(role), not heights: \(rule.exclusion)")
            }
            if missingInMap > 0 { lines.append("not mapped  \(counted(missingInMap, "pixels")) with a true height") }
            return lines.joined(separator: "\n")
        }
    }
#endif

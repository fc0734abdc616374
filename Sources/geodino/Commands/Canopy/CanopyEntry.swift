// What geodino fit canopy says, reads and prints.
#if EARTH
    import Backbone
    import Telemetry
    import Downstream
    import Geo
    import Scenes

    /// Canopy height on the command line.
    enum CanopyEntry: FitEntry {
        typealias Task = CanopyTask
        typealias Options = NoOptions

        static let abstract = "Train a canopy-height head from images and heights."
        static let discussion = """
            Pairs may have any CRS and resolution; they are resampled to the weights' GSD. A part of the ground, \
            in blocks, is held out and scored at the end. --resume continues an interrupted fit.
            """

        static let target = "Heights in metres"
        static let targetName = "HEIGHTS"
        static let recipe = "recipes/canopy-dpt.yaml"

        static func input(
            _ entries: [PairEntry], options: NoOptions, recipe: CanopyRecipe, record: WeightsRecord, bands: BandRequest,
            ground: GroundRequest
        ) throws -> LabelledInput {
            let source = try RasterPairs(
                entries, record: record, tileSize: recipe.window, heights: HeightRule(highest: recipe.maxHeight),
                bands: bands, ground: ground)
            return LabelledInput(source: source, warnings: source.warnings) { source.leftOut }
        }

        static func text(_ summary: FitSummary<CanopyValidation>) -> String {
            guard let v = summary.validation else {
                return
                    "\(summary.model): \(counted(summary.steps, "steps")); not validated: no ground with known heights was held out"
            }
            return """
                \(summary.model): \(counted(summary.steps, "steps")); held out \(v.pixels) pixels: MAE \(shown(v.mae, digits: 2)) m, \
                RMSE \(shown(v.rmse, digits: 2)) m, bias \(shown(v.bias, digits: 2)) m \
                (mean predictor \(shown(v.meanPredictorMAE, digits: 2)) m)
                """
        }
    }
#endif

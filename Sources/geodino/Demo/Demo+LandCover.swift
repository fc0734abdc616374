// The land-cover half of the demo: a head on the same backbone, a map of the unseen scene, and what it is compared with.
#if EARTH
    import ArgumentParser
    import Backbone
    import Downstream
    import Geo
    import Mapping
    import Raster
    import Scenes
    import Scoring
    import Synth
    import Telemetry
    import Torch

    extension Demo {
        /// The classes of the synthetic scenes: the numbers and names of LoveDA, the colours of the scenes' own rasters.
        static let legend = Legend(
            LandCover.allCases.map { cover in
                let colour = cover.colour
                return LegendClass(
                    id: cover.rawValue, name: "\(cover)", colour: [colour.red, colour.green, colour.blue])
            }, ignored: [.number(0)], background: LandCover.background.rawValue, name: "loveda")

        /// The true land cover of the scene never seen.
        var unseenCover: String { "\(unseen)/cover.tif" }

        /// Fits a land-cover head.
        ///
        /// - Parameter random: Whether the backbone keeps its architecture but has the weights of its initialisation.
        func fitLandCover(
            _ recipe: LandCoverRecipe, backbone: String, record: WeightsRecord, model: String, random: Bool
        ) throws -> FitSummary<LandCoverValidation> {
            let source = try RasterPairs(
                coverPairs(), record: record, tileSize: recipe.window, bands: BandRequest(), ground: GroundRequest(),
                legend: Self.legend, truth: { .classes(path: $0.target, band: 1, legend: Self.legend) },
                excluded: { "\(counted($0, "pixels")) that labels of two classes claim" })
            var options = FitOptions()
            options.randomBackbone = random
            options.overwrite = true
            options.provenance = ["software": "geodino \(geodinoVersion)"]
            let summary = try fitWithLines(
                LandCoverTask.self, recipe, weights: backbone, source: source, model: model, options: options,
                quiet: quiet)
            guard summary.isComplete else { throw ExitCode.interrupted }
            say(LandCoverEntry.text(summary))
            return summary
        }

        /// Maps the unseen scene with a land-cover model, and scores the map.
        func mapAndScoreLandCover(_ model: String, to map: String) throws -> LandCoverScore {
            let loaded = try LandCoverModel.load(from: model)
            let predictor = HeadPredictor(model: loaded, batch: mapRequest(to: map).batchSize)
            try makeMap(
                MapModel(loaded), predictor: predictor, style: MapStyle(title: "Land cover", unit: ""), to: map,
                named: "landcover")
            return try scoredLandCover(map)
        }

        /// Maps the unseen scene by its colours alone, and scores the map.
        func mapAndScoreColours(to map: String) throws -> LandCoverScore {
            let classifier = try ColourClassifier(
                coverPairs().map { (image: $0.image, cover: $0.target) }, legend: Self.legend)
            try classifier.map("\(unseen)/rgb.tif", to: map)
            return try scoredLandCover(map)
        }

        /// The training scenes with their land cover.
        private func coverPairs() throws -> [PairEntry] {
            try readPairs("training-pairs.csv").map { PairEntry(image: $0.image, target: $0.cover ?? $0.target) }
        }

        private func scoredLandCover(_ map: String) throws -> LandCoverScore {
            let score = try scoreLandCover(
                map: map, truth: .raster(path: unseenCover, band: 1), legend: Self.legend,
                aoi: AreaOfInterest(path: "unseen-region.geojson"))
            say("\(map): mIoU \(shown(score.miou)), accuracy \(shown(score.overallAccuracy))")
            return score
        }
    }

    extension DemoReport {
        /// How well land cover was mapped, and what it is compared with.
        ///
        /// Mean IoU is that of the classes in the truth or the map, as in `geodino score landcover`.
        struct LandCoverFigures: Codable {
            var miou: Double
            /// IoU by class; `nil` for one that is in neither truth nor map.
            var perClass: [String: Double?]
            /// Of the same head on the backbone at initialisation.
            var miouRandomBackbone: Double
            /// Of the classifier of colours.
            var miouColour: Double
            var colourClassifier: String
            var model: String
            var map: String

            enum CodingKeys: String, CodingKey {
                case miou, model, map
                case perClass = "per_class"
                case miouRandomBackbone = "miou_random_backbone"
                case miouColour = "miou_colour"
                case colourClassifier = "colour_classifier"
            }

            /// Reads the scores of three maps of the same scene.
            init(_ score: LandCoverScore, random: LandCoverScore, colour: LandCoverScore, model: String, map: String) {
                miou = score.miou ?? 0
                perClass = Dictionary(score.classes.map { ($0.name, $0.iou) }) { first, _ in first }
                miouRandomBackbone = random.miou ?? 0
                miouColour = colour.miou ?? 0
                colourClassifier = ColourClassifier.name
                self.model = model
                self.map = map
            }
        }
    }
#endif

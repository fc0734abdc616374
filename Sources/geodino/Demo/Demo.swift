// The stages of the demo, one after the other, in one process.
#if EARTH
    import Files
    import ArgumentParser
    import Backbone
    import Corpus
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Pretraining
    import Raster
    import Scenes
    import Scoring
    import Synth
    import Telemetry
    import Torch

    /// One run of the demo in one folder.
    struct Demo {
        let folder: String
        let seed: UInt64
        let threads: Int
        let quiet: Bool

        /// Scenes to learn from; one more is drawn and never seen before it is mapped.
        static let trainingScenes = 4
        static let sceneSize = 1024
        static let blockMetres = 30.0

        var unseen: String { "scenes/scene-\(String(format: "%03d", Self.trainingScenes))" }

        func run() throws -> DemoReport {
            let start = ContinuousClock.now
            var stages: [String: Double] = [:]
            func stage<T>(_ name: String, _ work: () throws -> T) throws -> T {
                let begun = ContinuousClock.now
                say("--- \(name)")
                let value = try work()
                stages[name] = ((ContinuousClock.now - begun) / .seconds(1) * 10).rounded() / 10
                if Interrupt.requested { throw ExitCode.interrupted }
                return value
            }
            // Paths inside are relative to the folder, as its workspace file has them: it can be copied and used elsewhere.
            let documents = try readDocuments()
            let files = FileManager.default
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let home = files.currentDirectoryPath
            guard files.changeCurrentDirectoryPath(folder) else {
                throw CommandError(.failed, "cannot enter the folder", in: folder)
            }
            defer { _ = files.changeCurrentDirectoryPath(home) }
            for (name, text) in documents.texts { try Disk.write(text, to: name) }
            try stage("synth") { try makeScenes() }
            let backbone = try stage("pretrain") { try pretrainBackbone(documents, tile: stage) }
            let record = try VisionTransformer.record(of: backbone)
            let pairs = try RasterPairs(
                readPairs("training-pairs.csv"), record: record, tileSize: documents.head.window,
                heights: HeightRule(highest: documents.head.maxHeight))

            let trained = try stage("fit canopy") {
                try tunedFit(documents.head, backbone: backbone, pairs: pairs, model: "models/canopy", random: false)
            }
            let random = try stage("fit canopy, backbone at initialisation") {
                try tunedFit(
                    documents.head, backbone: backbone, pairs: pairs, model: "models/canopy-random", random: true)
            }
            let probe = try stage("linear probe") { try probes(backbone, record: record) }
            let map = "unseen-canopy.tif"
            let (score, randomScore) = try stage("canopy and score") {
                let constant = trained.summary.validation?.meanHeight ?? 0
                return (
                    try mapAndScore(trained.summary.model, to: map, constant: constant),
                    try mapAndScore(random.summary.model, to: "unseen-canopy-random.tif", constant: constant)
                )
            }
            let cover = try stage("fit landcover") {
                try fitLandCover(
                    documents.cover, backbone: backbone, record: record, model: "models/landcover", random: false)
            }
            let randomCover = try stage("fit landcover, backbone at initialisation") {
                try fitLandCover(
                    documents.cover, backbone: backbone, record: record, model: "models/landcover-random", random: true)
            }
            let coverMap = "unseen-landcover.tif"
            let landCover = try stage("landcover and score") {
                DemoReport.LandCoverFigures(
                    try mapAndScoreLandCover(cover.model, to: coverMap),
                    random: try mapAndScoreLandCover(randomCover.model, to: "unseen-landcover-random.tif"),
                    colour: try mapAndScoreColours(to: "unseen-landcover-colour.tif"),
                    model: "\(folder)/\(cover.model)", map: "\(folder)/\(coverMap)")
            }
            let picture = "picture.png"
            try writeComparison(
                scene: "\(unseen)/rgb.tif", truth: "\(unseen)/height.tif", map: map, to: picture,
                cover: (truth: unseenCover, map: coverMap, legend: Self.legend))

            let report = DemoReport(
                maeM: score.mae, rmseM: score.rmse, biasM: score.bias, blockR2: score.blockR2,
                meanPredictorMaeM: score.meanPredictorMAE ?? .infinity, randomBackboneMaeM: randomScore.mae,
                linearProbeR2: probe.trained.r2, linearProbeRandomR2: probe.random.r2, learningRate: trained.rate,
                randomBackboneLearningRate: random.rate, landcover: landCover, seed: seed,
                seconds: ((ContinuousClock.now - start) / .seconds(1)).rounded(), peakRssMb: Self.peakMegabytes(),
                stages: stages, model: "\(folder)/\(trained.summary.model)", map: "\(folder)/\(map)",
                scene: "\(folder)/\(unseen)/rgb.tif", picture: "\(folder)/\(picture)")
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try Disk.write(encoder.encode(report), to: "report.json")
            return report
        }

        // MARK: Stages

        private struct Documents {
            var profile: TileProfile
            var recipe: PretrainingRecipe
            var recipeText: String
            var head: CanopyRecipe
            var cover: LandCoverRecipe
            var texts: [String: String]
        }

        /// Reads the profile and the recipes; their texts go into the folder, so that it stays complete.
        private func readDocuments() throws -> Documents {
            let profile = try StrictYAML.decode(TileProfile.self, path: shippedDocument("tiles/smoke.yaml"))
            var recipe = try StrictYAML.decode(PretrainingRecipe.self, path: shippedDocument("recipes/demo.yaml"))
            var head = try StrictYAML.decode(CanopyRecipe.self, path: shippedDocument("recipes/demo-canopy.yaml"))
            var cover = try StrictYAML.decode(
                LandCoverRecipe.self, path: shippedDocument("recipes/smoke-landcover.yaml"))
            recipe.value.seed += Int(seed)
            head.value.seed += seed
            cover.value.seed += seed
            return Documents(
                profile: profile.value, recipe: recipe.value, recipeText: recipe.text, head: head.value,
                cover: cover.value,
                texts: [
                    "profile.yaml": profile.text, "recipe.yaml": recipe.text, "canopy.yaml": head.text,
                    "landcover.yaml": cover.text,
                ])
        }

        private func makeScenes() throws {
            let options = LandscapeOptions(scenes: Self.trainingScenes + 1, size: Self.sceneSize, seed: seed)
            let meter = ProgressMeter("synth", style: quiet ? .silent : nil, cancelled: { Interrupt.requested })
            defer { meter.finish() }
            _ = try synthesize(options, into: "scenes", progress: meter.handler)
            meter.finish()
            let names = (0..<Self.trainingScenes).map { "scenes/scene-\(String(format: "%03d", $0))" }
            let list =
                "image,target,cover\n" + names.map { "\($0)/rgb.tif,\($0)/height.tif,\($0)/cover.tif\n" }.joined()
            try Disk.write(list, to: "training-pairs.csv")
            try Workspace(
                scenes: names.map { "\($0)/rgb.tif" }, profile: "profile.yaml", corpus: "corpus", recipe: "recipe.yaml",
                run: "runs/demo", model: "models/canopy", device: nil
            ).write(to: ".")
            // One area on ground that was learnt from, for the short form; one on the scene never seen, for the score.
            try writeArea(in: "\(names[0])/rgb.tif", to: "region.geojson")
            try writeArea(in: "\(unseen)/rgb.tif", to: "unseen-region.geojson")
        }

        /// An irregular polygon over most of a scene.
        private func writeArea(in scene: String, to path: String) throws {
            let grid = try RasterReader(path: scene).grid
            let corners = [(0.06, 0.05), (0.95, 0.08), (0.92, 0.94), (0.5, 0.88), (0.08, 0.95)].map {
                grid.transform.point(column: $0.0 * Double(grid.width), row: $0.1 * Double(grid.height))
            }
            guard let crs = grid.crs else { return }
            let ring = (corners + [corners[0]]).map { "\($0.x) \($0.y)" }.joined(separator: ",")
            let area = try AreaOfInterest(wkt: "POLYGON((\(ring)))", crs: crs)
            try Disk.write(area.geoJSON, to: path)
        }

        private func pretrainBackbone(
            _ documents: Documents, tile stage: (String, () throws -> TileSummary) throws -> TileSummary
        ) throws -> String {
            let corpus = "corpus"
            let scenes = try Workspace.read("geodino.yaml").scenes ?? []
            let cut = try stage("tile") {
                let meter = ProgressMeter("tile", style: quiet ? .silent : nil, cancelled: { Interrupt.requested })
                defer { meter.finish() }
                return try tile(
                    scenes: scenes, profile: documents.profile, into: corpus, aoi: nil,
                    options: TileOptions(threads: threads), progress: meter.handler)
            }
            say("\(cut.tiles) tiles")
            let run = "runs/demo-001"
            var options = PretrainOptions()
            options.threads = threads
            let summary = try runPretraining(
                documents.recipe, recipeText: documents.recipeText, source: CorpusTileSource(corpus), run: run,
                options: options, quiet: quiet)
            guard let backbone = summary.backbone else { throw ExitCode.interrupted }
            return backbone
        }

        /// Fits the head at two learning rates for a tenth of the steps, and in full at the one that errs least on held-out ground.
        private func tunedFit(
            _ recipe: CanopyRecipe, backbone: String, pairs: RasterPairs, model: String, random: Bool
        ) throws -> (summary: FitSummary<CanopyValidation>, rate: Double) {
            var options = FitOptions()
            options.randomBackbone = random
            options.overwrite = true
            options.provenance = ["software": "geodino \(geodinoVersion)"]
            var best = (rate: recipe.optimizer.learningRate, error: Double.infinity)
            for factor in [0.5, 1] {
                var trial = recipe
                trial.optimizer.learningRate *= factor
                trial.steps = max(1, recipe.steps / 10)
                let summary = try fitWithLines(
                    CanopyTask.self, trial, weights: backbone, source: pairs, model: "models/trial", options: options,
                    quiet: true)
                let error = summary.validation?.mae ?? .infinity
                say("learning rate \(trial.optimizer.learningRate): held-out MAE \(shown(error)) m")
                if error < best.error { best = (trial.optimizer.learningRate, error) }
            }
            try? FileManager.default.removeItem(atPath: "models/trial")
            var chosen = recipe
            chosen.optimizer.learningRate = best.rate
            let summary = try fitWithLines(
                CanopyTask.self, chosen, weights: backbone, source: pairs, model: model, options: options, quiet: quiet)
            guard summary.isComplete else { throw ExitCode.interrupted }
            say(CanopyEntry.text(summary))
            return (summary, best.rate)
        }

        /// Probes the trained backbone and the same network at initialisation, on the same patches of the unseen scene too.
        private func probes(_ backbone: String, record: WeightsRecord) throws -> (
            trained: ProbeResult, random: ProbeResult
        ) {
            let entries = try readPairs("training-pairs.csv")
            let architecture = try record.transformer(path: backbone)
            let source = try RasterPairs(entries, record: record, tileSize: architecture.patchSize * 6)
            var options = ProbeOptions()
            options.crop = architecture.patchSize * 16
            options.seed = seed
            let trained = try VisionTransformer.load(from: backbone)
            let random = VisionTransformer(architecture, generator: Generator(seed: seed))
            let result = (
                trained: try linearProbe(trained.network, record: record, source: source, options: options),
                random: try linearProbe(random, record: record, source: source, options: options)
            )
            say("probe R2 \(shown(result.trained.r2)), at initialisation \(shown(result.random.r2))")
            return result
        }

        private func mapAndScore(_ model: String, to map: String, constant: Double) throws -> CanopyScore {
            let loaded = try CanopyModel.load(from: model)
            let predictor = CanopyPredictor(model: loaded, batch: mapRequest(to: map).batchSize)
            try makeMap(MapModel(loaded), predictor: predictor, style: .canopyHeight, to: map, named: "canopy")
            let score = try scoreCanopy(
                map: map, truth: "\(unseen)/height.tif", aoi: AreaOfInterest(path: "unseen-region.geojson"),
                blockMetres: Self.blockMetres, reference: .constant(constant))
            say("\(map): MAE \(shown(score.mae)) m, block-R2 \(shown(score.blockR2))")
            return score
        }

        /// Asks for a map of the unseen scene.
        func mapRequest(to map: String) -> MapRequest {
            var request = MapRequest(scenes: ["\(unseen)/rgb.tif"], aoi: "unseen-region.geojson", output: map)
            request.threads = threads
            request.software = "geodino \(geodinoVersion)"
            request.intraOpThreads = Torch.threads
            return request
        }

        /// Maps the unseen scene.
        func makeMap(
            _ model: MapModel, predictor: any RasterModel, style: MapStyle, to map: String, named name: String
        ) throws {
            var request = mapRequest(to: map)
            request.model = model
            let meter = ProgressMeter(name, style: quiet ? .silent : nil, cancelled: { Interrupt.requested })
            defer { meter.finish() }
            _ = try Mapping.makeMap(request, predictor: predictor, style: style, progress: meter.handler)
            meter.finish()
        }

        // MARK: Small things

        func say(_ text: String) { if !quiet { printToStandardError(text) } }

        /// Peak resident memory of this process, MB.
        static func peakMegabytes() -> Int {
            var usage = rusage()
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Int(usage.ru_maxrss) / 1024
        }
    }
#endif

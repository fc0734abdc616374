// The benchmarks that read and write rasters: cutting tiles, mapping canopy height.
#if EARTH
    import Backbone
    import Corpus
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Scenes
    import Synth
    import Telemetry
    import Torch

    extension Benchmark {
        /// Runs something in a folder that goes away afterwards.
        private func inTemporaryFolder<T>(_ work: (String) throws -> T) throws -> T {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "geodino-bench-\(UUID().uuidString)"
            ).path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            return try work(folder)
        }

        private func scene(in folder: String, size: Int) throws -> String {
            let made = try synthesize(LandscapeOptions(scenes: 1, size: size, seed: 1), into: "\(folder)/scenes")
            return made[0].image
        }

        /// Megapixels per second of cutting a synthetic scene of 2048 x 2048 pixels side by side.
        func tiling() throws -> BenchResult {
            try inTemporaryFolder { folder in
                let scene = try self.scene(in: folder, size: 2048)
                let profile = TileProfile(
                    name: "bench", tileSize: 256, gsd: .native, sampling: TileProfile.Sampling(kind: .grid, stride: 256)
                )
                let options = TileOptions(overwrite: true, threads: command.threads.count)
                let times = try timed {
                    _ = try tile(scenes: [scene], profile: profile, into: "\(folder)/corpus", options: options)
                }
                return BenchResult(
                    name: "tile", setting: "2048 x 2048 px into tiles of 256, deflate, hashed and indexed",
                    unit: "Mpx/s",
                    work: 2048 * 2048 / 1e6, seconds: times)
            }
        }

        /// Megapixels per second of mapping a synthetic scene of 1024 x 1024 pixels with the demo's network and head.
        func mapping() throws -> BenchResult {
            try inTemporaryFolder { folder in
                let scene = try self.scene(in: folder, size: 1024)
                var recipe = try StrictYAML.decode(CanopyRecipe.self, path: shippedDocument("recipes/demo-canopy.yaml"))
                    .value
                recipe.validation.share = 0
                var network = BackboneConfiguration()
                (network.patchSize, network.width, network.depth, network.heads, network.registers) = (8, 96, 4, 3, 2)
                let record = WeightsRecord(
                    architecture: network, mean: [0.43, 0.41, 0.3], std: [0.21, 0.16, 0.14], bands: BandInfo.rgb,
                    gsd: 0.6,
                    stretch: .none, provenance: [:])
                let weights = "\(folder)/backbone.safetensors"
                try VisionTransformer(network, generator: Generator(seed: 0)).save(to: weights, record: record)
                let entry = PairEntry(
                    image: scene, target: scene.replacingOccurrences(of: "rgb.tif", with: "height.tif"))
                let pairs = try RasterPairs(
                    [entry], record: record, tileSize: recipe.window,
                    heights: HeightRule(highest: recipe.maxHeight))
                var options = FitOptions()
                options.steps = 1
                options.overwrite = true
                _ = try fitCanopy(
                    recipe: recipe, weights: weights, source: pairs, model: "\(folder)/model", options: options)
                let model = try CanopyModel.load(from: "\(folder)/model")
                let predictor = CanopyPredictor(model: model, batch: 8)
                var request = MapRequest(scenes: [scene], output: "\(folder)/map.tif")
                request.overwrite = true
                request.threads = command.threads.count
                let times = try timed { _ = try makeMap(request, predictor: predictor, style: .canopyHeight) }
                return BenchResult(
                    name: "canopy",
                    setting:
                        "1024 x 1024 px, ViT 96 x 4 patch 8, DPT head, window \(predictor.windowSize), overlap a quarter",
                    unit: "Mpx/s", work: 1024 * 1024 / 1e6, seconds: times)
            }
        }
    }
#endif

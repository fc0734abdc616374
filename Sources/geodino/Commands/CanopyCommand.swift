// geodino canopy: scenes and an area of interest into a canopy-height map.
#if EARTH
    import ArgumentParser
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Telemetry
    import Torch

    struct CanopyCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "canopy", abstract: "Map canopy height over an area of interest.",
            discussion: """
                Writes a cloud-optimised GeoTIFF in metres (nodata -9999), and next to it a STAC item, a QGIS style \
                and a PNG quick-look. The pixels depend neither on the area of interest nor on the number of threads.
                The model is a folder made by 'geodino fit canopy' (--model), or a backbone with a published head, \
                which needs no training (--weights, --head).
                In a folder with geodino.yaml, 'geodino canopy --aoi region.geojson' finds the scenes in the corpus \
                and writes region-canopy.tif.
                """)

        @Argument(
            help: "Rasters that GDAL can open. The first one sets the grid and takes precedence where they overlap.")
        var scenes: [String] = []

        @Option(help: "A model folder made by 'geodino fit canopy'.")
        var model: String?

        @Option(
            help: "Instead of --model: the backbone's weights, in geodino's, the official or Hugging Face's format.")
        var weights: String?

        @Option(help: "With --weights: a published canopy head (CHMv2), in the official or Hugging Face's format.")
        var head: String?

        @Option(help: ArgumentHelp("With --head: side of a window. (default: 448)", valueName: "pixels"))
        var window: Int?

        @Flag(
            help: ArgumentHelp(
                "With --head: resize odd grids of patches as the published code does, to compare with it."))
        var asPublished = false

        @Option(
            help: ArgumentHelp(
                "Instead of scenes: a safetensors file with 'pixels' [N, 3, H, W] (float32, normalised). The output is a .safetensors file with 'heights' [N, 1, H, W] in metres.",
                valueName: "file"))
        var tensor: String?

        @OptionGroup var weightsArguments: WeightsArguments

        @Option(
            name: .customLong("legend-max"),
            help: ArgumentHelp(
                "Upper end of the legend and of the colours. (default: from the map)", valueName: "metres"))
        var legendMaximum: Double?

        @OptionGroup var map: MapOptions
        @OptionGroup var device: DeviceOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            guard (weights == nil) == (head == nil) else {
                throw ValidationError("--weights and --head go together: a backbone and its head")
            }
            guard model == nil || head == nil else {
                throw ValidationError("give either --model, or --weights and --head")
            }
            guard !asPublished || head != nil else {
                throw ValidationError("--as-published requires --head")
            }
            if tensor != nil {
                guard scenes.isEmpty, map.area.aoi == nil, !map.dryRun else {
                    throw ValidationError("--tensor cannot be combined with scenes, --aoi or --dry-run")
                }
                guard let output = map.output, output.lowercased().hasSuffix(".safetensors") else {
                    throw ValidationError("--tensor needs a .safetensors output: -o heights.safetensors")
                }
                let own = [("--legend-max", legendMaximum != nil), ("--window", window != nil)].filter(\.1).map(\.0)
                if let option = (map.given + own).first {
                    throw ValidationError("\(option) is for maps and cannot be combined with --tensor")
                }
            }
            if let window, !(16...8192).contains(window) {
                throw ValidationError("--window must be 16 to 8192, got \(window)")
            }
            if head == nil, let option = weightsArguments.given.first ?? window.map({ _ in "--window" }) {
                throw ValidationError("\(option) requires --weights and --head: a model folder already defines it")
            }
        }

        func run() throws {
            var workspace = try WorkspaceTaker()
            let modelPath =
                head == nil
                ? try workspace.required(model, \.model, named: "model", option: "--model MODEL") : nil
            let deviceName = workspace.optional(device.device, \.device, named: "device") ?? "cpu"
            try map.gdal.apply()
            let output = try map.outputPath(naming: "canopy")
            let read =
                [tensor, modelPath, weightsArguments.periods].compactMap(\.self)
                + [weights, head].compactMap(\.self).flatMap(WeightsContents.files)
            if tensor != nil { try checkOutputs([output], inputs: read, overwrite: map.overwrite) }
            // A plan needs what the model says of itself, not its weights.
            let model: CanopyModel?
            let description: CanopyModelDescription
            if map.dryRun, let modelPath {
                model = nil
                description = try CanopyModel.description(of: modelPath)
            } else {
                let loaded = try loadedModel(modelPath, device: Device(named: deviceName))
                (model, description) = (loaded, loaded.description)
            }
            if let tensor, let model {
                workspace.announce()
                if let count = device.tensorThreads { Torch.setThreads(count) }
                let meter = shared.meter("canopy")
                defer { meter.finish() }
                let count = try writeHeights(
                    of: tensor, model: model, to: output, batch: map.windows.batch, progress: meter.handler)
                meter.finish()
                print("\(output): heights of \(counted(count, "images"))")
                return
            }
            // A window at the area's edge sees scenes beyond it.
            let sight = Double(description.window) * (description.layout.gsd ?? 0)
            let scenes = try foundScenes(
                scenes, aoi: map.area.aoi, &workspace, sight: sight, command: "geodino canopy")
            workspace.announce()

            var request = try map.request(scenes, output: output)
            if let model { request.model = MapModel(model) }
            request.otherInputs = read
            request.maximum = legendMaximum
            guard let model, !map.dryRun else {
                let plan = try planMap(
                    request, layout: description.layout, windowSize: description.window,
                    blendedBands: description.blendedBands)
                return try map.result.show(plan, text: plan.text)
            }
            let meter = shared.meter("canopy")
            defer { meter.finish() }
            // Not --threads: how many threads share a product may change its last bits, so it is a number of its own.
            if let count = device.tensorThreads { Torch.setThreads(count) }
            request.intraOpThreads = Torch.threads
            let predictor = CanopyPredictor(model: model, batch: map.windows.batch)
            let summary = try makeMap(request, predictor: predictor, style: .canopyHeight, progress: meter.handler)
            meter.finish()
            for warning in summary.warnings { printToStandardError("warning: \(warning)") }
            try map.result.show(summary, text: summary.text)
        }

        /// The model folder, or a backbone and a published head.
        private func loadedModel(_ path: String?, device: Device) throws -> CanopyModel {
            if let path { return try CanopyModel.load(from: path, device: device) }
            guard let weights, let head else {
                throw CommandError(.badArgument, "no model was given", try: "--model MODEL, or --weights W --head H")
            }
            return try CanopyModel.published(
                weights: weights, options: weightsArguments.options, head: head, window: window ?? 448, device: device,
                followsReference: asPublished)
        }
    }

    extension MapModel {
        /// Names a model by its folder and the hash of its description.
        init(_ model: CanopyModel) {
            let d = model.description
            self.init(
                id: URL(fileURLWithPath: model.path).lastPathComponent, path: model.path, sha256: model.sha256,
                summary:
                    "ViT \(d.backbone.architecture.width) x \(d.backbone.architecture.depth), patch \(d.backbone.architecture.patchSize), DPT head"
            )
        }
    }
#endif

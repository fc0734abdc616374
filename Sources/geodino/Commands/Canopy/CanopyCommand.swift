// geodino canopy: scenes and an area of interest into a canopy-height map.
#if EARTH
    import ArgumentParser
    import Backbone
    import Downstream
    import Mapping
    import Telemetry
    import Torch

    struct CanopyCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "canopy", abstract: "Map canopy height over an area of interest.",
            discussion: """
                Writes a cloud-optimised GeoTIFF in metres (nodata -9999), and next to it a STAC item, a QGIS style \
                and a PNG quick-look. The pixels depend neither on the area of interest nor on --threads.
                The model is a folder made by 'geodino fit canopy' (--model), or a backbone with a published head, \
                which needs no training (--weights, --head).
                In a folder with geodino.yaml, 'geodino canopy --aoi region.geojson' finds the scenes in the corpus \
                and writes region-canopy.tif.
                """)

        @Argument(
            help: "Rasters that GDAL can open. The first one sets the grid and takes precedence where they overlap.")
        var scenes: [String] = []

        @OptionGroup var model: MapModelOptions

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
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            guard (weights == nil) == (head == nil) else {
                throw ValidationError("--weights and --head go together: a backbone and its head")
            }
            guard model.model == nil || head == nil else {
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
            let modelPath = head == nil ? try model.path(&workspace) : nil
            let deviceName = model.deviceName(&workspace)
            try map.gdal.apply()
            let output = try map.outputPath(naming: "canopy")
            let read =
                [tensor, modelPath, weightsArguments.periods].compactMap(\.self)
                + [weights, head].compactMap(\.self).flatMap(WeightsContents.files)
            if tensor != nil { try checkOutputs([output], inputs: read, overwrite: map.overwrite) }
            // A plan needs what the model says of itself, not its weights.
            if map.dryRun, let modelPath {
                return try map.plan(
                    scenes, description: CanopyModelDescription.read(from: modelPath), maximum: legendMaximum,
                    read: read, output: output, &workspace)
            }
            let device = try Device(named: deviceName)
            let network = try loadedModel(modelPath, device: device)
            if let tensor {
                workspace.announce()
                if let count = model.device.tensorThreads { Torch.setThreads(count) }
                let meter = shared.meter("canopy")
                defer { meter.finish() }
                let count = try writeHeights(
                    of: tensor, model: network, to: output, batch: map.windows.batch, progress: meter.handler)
                meter.finish()
                return print("\(output): heights of \(counted(count, "images"))")
            }
            if map.dryRun {
                return try map.plan(
                    scenes, description: network.description, maximum: legendMaximum, read: read, output: output,
                    &workspace)
            }
            try map.make(
                scenes, model: network, on: device, arithmetic: asPublished ? "as published" : nil,
                style: .canopyHeight, maximum: legendMaximum, read: read, output: output,
                tensorThreads: model.device.tensorThreads, progress: shared, &workspace)
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
#endif

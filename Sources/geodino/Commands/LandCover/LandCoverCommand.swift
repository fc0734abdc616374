// geodino landcover: scenes and an area of interest into a land-cover map.
#if EARTH
    import ArgumentParser
    import Backbone
    import Downstream
    import Mapping
    import Telemetry
    import Torch

    struct LandCoverCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "landcover", abstract: "Map land cover over an area of interest.",
            discussion: """
                Writes a cloud-optimised GeoTIFF of classes (8 bits, nodata 255) with their colours and names, and next to \
                it a STAC item, a QGIS style and a PNG quick-look. Probabilities are blended where windows overlap, then the \
                most probable class is written. Without --min-area, the pixels depend neither on the area of interest nor \
                on --threads; another value of --tensor-threads may change the last bits of probabilities.
                """)

        @Argument(
            help: "Rasters that GDAL can open. The first one sets the grid and takes precedence where they overlap.")
        var scenes: [String] = []

        @OptionGroup var model: MapModelOptions

        @Flag(
            help:
                "Also write the probability of each class: NAME-probabilities.tif, one band per class, 250 times the probability."
        )
        var probabilities = false

        @Flag(help: "Also write the largest probability: NAME-confidence.tif, 250 times the probability.")
        var confidence = false

        @Option(
            help: ArgumentHelp(
                "Write 254, 'unsure', where the largest probability is below this value.", valueName: "probability"))
        var reject: Double?

        @Option(
            help: ArgumentHelp(
                "Give connected areas smaller than this the class of their surroundings.", valueName: "square metres"))
        var minArea: Double?

        @Option(help: ArgumentHelp("Also write polygons of the classes: a GeoPackage (.gpkg).", valueName: "file"))
        var polygons: String?

        @OptionGroup var map: MapOptions
        @OptionGroup var shared: ProgressOptions

        func run() throws {
            var workspace = try WorkspaceTaker()
            let path = try model.path(&workspace)
            let deviceName = model.deviceName(&workspace)
            try map.gdal.apply()
            let output = try map.outputPath(naming: "landcover")
            let outputs = ClassOutputs(
                probabilities: probabilities, confidence: confidence, rejectBelow: reject, minimumArea: minArea,
                polygons: polygons)
            if map.dryRun {
                return try map.plan(
                    scenes, description: LandCoverModelDescription.read(from: path), maximum: nil, read: [path],
                    output: output, outputs: outputs, &workspace)
            }
            let device = try Device(named: deviceName)
            try map.make(
                scenes, model: LandCoverModel.load(from: path, device: device), on: device,
                style: MapStyle(title: "Land cover", unit: ""), maximum: nil, read: [path], output: output,
                outputs: outputs, tensorThreads: model.device.tensorThreads, progress: shared, &workspace)
        }
    }
#endif

// Files of labels: rasters of classes and vector layers, opened by what they are.
#if EARTH
    import ArgumentParser
    import Geo
    import Raster
    import Telemetry

    /// How vector labels are read.
    struct VectorLabelOptions: ParsableArguments {
        @Option(help: "With vector labels: the layer. (default: the only one)")
        var layer: String?

        @Option(
            help: "With vector labels: the field that says the class. (default: the only one of text or whole numbers)")
        var classField: String?

        @Flag(
            help:
                "With vector labels: a polygon labels every pixel that it touches, not only those whose centre is inside it."
        )
        var labelTouched = false

        @Option(
            help: ArgumentHelp(
                "With vector labels: width of lines on the ground. (default: the pixels that they pass through)",
                valueName: "metres"))
        var lineWidth: Double?

        func validate() throws {
            if let lineWidth, !(lineWidth > 0 && lineWidth < 1e6) {
                throw ValidationError("--line-width must be above 0 and below 1000000, got \(lineWidth)")
            }
        }
    }

    /// A file of labels: a raster where it is one, else a vector layer.
    enum OpenLabels {
        // Not kept open: there may be thousands of them.
        case raster(path: String, band: Int)
        case layer(LabelLayer)

        /// Opens a file; whoever names a layer or a field means vector labels.
        init(_ path: String, _ options: VectorLabelOptions) throws {
            let isVector = [options.layer, options.classField].contains { $0 != nil }
            if isVector, isRaster(path),
                (try? LabelLayer(path: path, layer: options.layer, field: options.classField)) == nil
            {
                throw CommandError(
                    .badArgument, "--layer and --class-field are for vector labels, but the file is a raster", in: path,
                    try: "leave them out")
            }
            if !isVector, isRaster(path) {
                self = .raster(path: path, band: try ClassRaster(path: path).band)
            } else {
                self = .layer(try LabelLayer(path: path, layer: options.layer, field: options.classField))
            }
        }

        /// What it holds; reads all of a raster.
        func content() throws -> LabelContent {
            switch self {
            case .raster(let path, let band):
                let raster = try ClassRaster(path: path, band: band)
                let counts = try raster.histogram(most: 4096).map {
                    (value: LabelValue.number($0.value), count: $0.count)
                }
                return LabelContent(
                    path: path, unit: "pixels", counts: counts, names: raster.names, colours: raster.colours)
            case .layer(let layer): return LabelContent(path: layer.path, unit: "features", counts: layer.values)
            }
        }

        /// What was chosen, mended or left out on reading.
        var warnings: [String] {
            if case .layer(let layer) = self { layer.warnings } else { [] }
        }
    }

    /// Whether GDAL opens a file as a raster; a GeoPackage may hold either, so that the ending does not decide.
    private func isRaster(_ path: String) -> Bool {
        (try? RasterReader(path: path, options: RasterOpenOptions(expandPalette: false))) != nil
    }
#endif

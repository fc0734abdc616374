// Options of every command that makes a map: which ground, which windows, which file.
import ArgumentParser

#if EARTH
    import Foundation
    import Mapping
    import Telemetry
#endif

/// The ground that is mapped.
struct AreaOptions: ParsableArguments {
    @Option(help: "The area of interest: any OGR vector file with polygons.")
    var aoi: String?

    @Flag(
        help:
            "With --aoi: include every pixel that the area touches, not only those whose centre is inside it. (embed: patch)"
    )
    var allTouched = false

    @Flag(help: "With --aoi: fill the area's bounding rectangle instead of clipping to the area.")
    var noClip = false

    /// The options that were given, by name.
    var given: [String] {
        [("--aoi", aoi != nil), ("--all-touched", allTouched), ("--no-clip", noClip)].filter(\.1).map(\.0)
    }

    func validate() throws {
        if aoi == nil, allTouched || noClip {
            throw ValidationError("--all-touched and --no-clip require --aoi")
        }
    }
}

/// Windows or images per forward pass.
struct BatchOptions: ParsableArguments {
    @Option(help: "Windows or images per forward pass.")
    var batch = 8

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be 1 to 4096, got \(batch)") }
    }
}

#if EARTH
    /// The model that makes a map, and where it computes.
    struct MapModelOptions: ParsableArguments {
        @Option(help: "A model folder made by 'geodino fit'.")
        var model: String?

        @OptionGroup var device: DeviceOptions

        /// The model's folder, given or from the workspace.
        func path(_ workspace: inout WorkspaceTaker) throws -> String {
            try workspace.required(model, \.model, named: "model", option: "--model MODEL")
        }

        /// The name of the device, given or from the workspace.
        func deviceName(_ workspace: inout WorkspaceTaker) -> String {
            workspace.optional(device.device, \.device, named: "device") ?? "cpu"
        }
    }

    /// What every map command takes besides its scenes and its model.
    struct MapOptions: ParsableArguments {
        @OptionGroup var area: AreaOptions

        @Option(name: [.customShort("o"), .customLong("output")], help: "The GeoTIFF to write.")
        var output: String?

        @OptionGroup var windows: BatchOptions

        @Option(help: "Pixels by which windows overlap. (default: a quarter of the window)")
        var overlap: Int?

        @OptionGroup var bands: BandOptions

        @Flag(help: "Write one file per UTM zone, or per side of the 180-degree meridian.")
        var split = false

        @Flag(help: "Replace an existing map; rasters of probabilities that came with it are removed.")
        var overwrite = false

        @Flag(
            help:
                "Keep finished rows on disk while the map is made, and continue after those of an interrupted run of the same command."
        )
        var resume = false

        @Flag(help: "Print the plan and write nothing.")
        var dryRun = false

        @OptionGroup var result: ResultOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var threads: ThreadOptions

        /// The options given that mean nothing where no map is made, by name.
        var given: [String] {
            let own = [
                ("--overlap", overlap != nil), ("--bands", bands.text != nil), ("--split", split), ("--resume", resume),
                ("--format json", result.format == .json),
            ]
            return area.given + own.filter(\.1).map(\.0)
        }

        /// The output: as given, else `region-NAME.tif` in the current folder for the area `region.geojson`, also for
        /// `https://host/region.geojson?token=...`.
        ///
        /// - Parameter name: What is mapped: `canopy`.
        func outputPath(naming name: String) throws -> String {
            if let output {
                // Before its ending: a longer name would be refused in turn.
                try checkOutputName(output)
                return output
            }
            guard let aoi = area.aoi else {
                throw CommandError(
                    .badArgument, "no output was given",
                    try: "-o \(name).tif   (default with --aoi region.geojson: region-\(name).tif)")
            }
            return URL(fileURLWithPath: Redaction.fileName(aoi)).deletingPathExtension().lastPathComponent
                + "-\(name).tif"
        }

        /// The map that is asked for; the command adds its model.
        func request(_ scenes: [String], output: String) throws -> MapRequest {
            var request = MapRequest(scenes: scenes, aoi: area.aoi, output: output)
            request.overwrite = overwrite
            request.resume = resume
            request.allTouched = area.allTouched
            request.noClip = area.noClip
            request.split = split
            request.threads = threads.count
            request.batchSize = windows.batch
            request.overlap = overlap
            request.bands = try bands.request(scenes)
            request.software = "geodino \(geodinoVersion)"
            // A resumed map is the same file as one made at once, and so is the item next to it.
            request.commandLine = CommandLine.asTyped(without: resume ? ["--resume"] : [])
            return request
        }
    }
#endif

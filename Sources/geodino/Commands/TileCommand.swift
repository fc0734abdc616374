// geodino tile: scenes into a corpus of training tiles.
#if EARTH
    import ArgumentParser
    import Corpus
    import Foundation
    import Raster
    import Telemetry

    struct TileCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tile", abstract: "Cut scenes into a corpus of training tiles.",
            discussion: """
                A corpus is a folder of WebDataset shards, each with an index next to it, and one GeoPackage of all \
                tiles.
                --resume continues an interrupted run and ends with exactly the same bytes as an uninterrupted run.
                In a folder with geodino.yaml, arguments that are not given default to the ones named there.
                """)

        @Argument(help: "Rasters that GDAL can open.")
        var scenes: [String] = []

        @Option(name: [.customShort("o"), .customLong("output")], help: "The corpus folder.")
        var output: String?

        @Option(help: "The tile profile: a YAML document such as tiles/sat493m.yaml.")
        var profile: String?

        @Option(help: "Keep only tiles whose centre is inside these polygons (any OGR vector file).")
        var aoi: String?

        @Flag(help: "Resume an interrupted run, or start one if there is none.")
        var resume = false

        @Flag(help: "Replace an existing corpus.")
        var overwrite = false

        @Flag(help: "Print what would be cut and write nothing.")
        var dryRun = false

        @OptionGroup var result: ResultOptions

        @OptionGroup var bands: BandOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var threads: ThreadOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            if resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
        }

        func run() throws {
            var workspace = try WorkspaceTaker()
            let scenes = workspace.scenes(self.scenes)
            guard !scenes.isEmpty else { throw workspace.missing("scene", option: "geodino tile SCENE... -o CORPUS") }
            let corpus = try workspace.required(
                output, \.corpus, named: "corpus", option: "geodino tile SCENE... -o CORPUS")
            try checkOutputName(corpus)
            let profilePath = try workspace.required(
                profile, \.profile, named: "profile", option: "--profile tiles/sat493m.yaml")
            workspace.announce()
            let (profile, _) = try StrictYAML.decode(TileProfile.self, path: profilePath)
            try gdal.apply()
            var options = TileOptions(resume: resume, overwrite: overwrite, threads: threads.count, dryRun: dryRun)
            options.bands = try bands.request(scenes)
            let meter = shared.meter("tile")
            defer { meter.finish() }
            let summary = try tile(
                scenes: scenes, profile: profile, into: corpus, aoi: aoi.map { try AreaOfInterest(path: $0) },
                options: options, progress: meter.handler)
            meter.finish()
            for note in summary.notes { printToStandardError("note: \(note)") }
            try result.show(summary, text: summary.text(corpus))
            if Interrupt.requested { throw ExitCode.interrupted }
        }
    }
#endif

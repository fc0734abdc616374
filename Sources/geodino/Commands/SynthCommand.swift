// geodino synth: procedural landscapes with true height and cover, for demos and tests.
#if EARTH
    import ArgumentParser
    import Foundation
    import Synth
    import Telemetry

    /// The data sets whose folders can be written.
    enum SynthesizedForm: String, CaseIterable, ExpressibleByArgument {
        /// Images with masks.
        case loveda
        /// Images of one class each.
        case eurosat
    }

    struct SynthCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "synth", abstract: "Generate synthetic landscapes with true canopy height and land cover.",
            discussion: """
                Writes OUT/scene-000/{rgb,height,cover}.tif and so on, in a UTM zone at 0.6 m; OUT/pairs.csv, which \
                'geodino fit' reads; and a workspace file, OUT/geodino.yaml.

                With --as loveda, writes images and masks without a place instead, in the folders of LoveDA: \
                OUT/Train/Urban/images_png/0.png with OUT/Train/Urban/masks_png/0.png, and the same for Rural and Val. \
                With --as eurosat, writes images of one class each in the folders of EuroSAT: OUT/EuroSAT_RGB/River/River_1.png \
                and so on, with lists of splits.
                """)

        @Argument(help: "The folder to create.")
        var output: String

        @Option(
            name: .customLong("as"),
            help: ArgumentHelp(
                "Write PNG images in the folders of this data set: 'loveda', images with masks, which 'geodino fit landcover --as loveda' and 'geodino score loveda' read; or 'eurosat', images of ten classes, which 'geodino score eurosat' reads.",
                valueName: "form"))
        var form: SynthesizedForm?

        @Option(
            help:
                "Number of scenes; with --as loveda, of each of Train and Val, Urban and Rural; with --as eurosat, of images of each class. (default: 4; with --as eurosat: 40)"
        )
        var scenes: Int?

        @Option(help: "Side of a scene in pixels. (default: 1024; with --as eurosat: 64)")
        var size: Int?

        @Option(help: "Seed of the random numbers.")
        var seed: UInt64 = 0

        @Flag(help: "Add a near-infrared band.")
        var nir = false

        @Flag(help: "Replace a folder made by 'geodino synth'.")
        var overwrite = false

        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            if let form, nir {
                throw ValidationError(
                    "--nir cannot be combined with --as \(form.rawValue), whose images are red, green and blue")
            }
        }

        func run() throws {
            try checkOutputName(output)
            try checkParent(of: output)
            switch form {
            case nil: try makeScenes()
            case .loveda: try makeLoveDA()
            case .eurosat: try makeEuroSAT()
            }
        }

        private func makeEuroSAT() throws {
            let options = EuroSATOptions(scenes: scenes ?? 40, size: size ?? 64, seed: seed)
            let meter = shared.meter("synth")
            defer { meter.finish() }
            let images = try synthesizeEuroSAT(
                options, into: output, overwrite: overwrite, companions: companions, progress: meter.handler)
            meter.finish()
            printToStandardError(
                "\(output): \(images.count) images of \(options.size) x \(options.size) px at \(options.gsd) m, \(options.scenes) for each of \(images.count / options.scenes) classes"
            )
        }

        private func makeLoveDA() throws {
            let options = LoveDAOptions(scenes: scenes ?? 4, size: size ?? 1024, seed: seed)
            let meter = shared.meter("synth")
            defer { meter.finish() }
            let images = try synthesizeLoveDA(
                options, into: output, overwrite: overwrite, companions: companions, progress: meter.handler)
            meter.finish()
            printToStandardError(
                "\(output): \(images.count) images of \(options.size) x \(options.size) px at \(options.gsd) m, \(options.scenes) for each of Train/Rural, Train/Urban, Val/Rural and Val/Urban"
            )
        }

        private func makeScenes() throws {
            let options = LandscapeOptions(scenes: scenes ?? 4, size: size ?? 1024, seed: seed, nir: nir)
            let meter = shared.meter("synth")
            defer { meter.finish() }
            _ = try synthesize(
                options, into: output, overwrite: overwrite, companions: companions, progress: meter.handler)
            meter.finish()
            try Self.workspace(of: options.scenes).write(to: output)
            printToStandardError(
                "\(output): \(counted(options.scenes, "scenes")) of \(options.size) x \(options.size) px at \(options.gsd) m"
            )
        }

        private static func workspace(of scenes: Int) -> Workspace {
            Workspace(
                scenes: (0..<scenes).map { "scene-\(String(format: "%03d", $0))/rgb.tif" }, profile: nil,
                corpus: "corpus", recipe: nil, run: "runs/synth", model: nil, device: nil)
        }

        /// The workspace file in the folder that is there, if it is still as an earlier call wrote it: one that was changed is a
        /// person's, and not given up.
        private var companions: Set<String> {
            let path = URL(fileURLWithPath: output).appendingPathComponent(Workspace.fileName).path
            let names = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
            let written = Self.workspace(of: names.count { $0.hasPrefix("scene-") }).text
            return FileManager.default.contents(atPath: path) == Data(written.utf8) ? [Workspace.fileName] : []
        }
    }
#endif

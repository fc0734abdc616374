// geodino demo: every stage on synthetic scenes, a map of a scene never seen, and honest figures beside it.
#if EARTH
    import Files
    import ArgumentParser
    import Foundation
    import Telemetry
    import Torch

    struct DemoCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "demo", abstract: "Run the whole pipeline, from synthetic scenes to scored maps.",
            discussion: """
                Stages: synth, tile, pretrain, fit canopy, canopy, score, then the same for land cover. For \
                comparison, the same heads are fitted on the untrained backbone, both backbones get a linear \
                probe, and land cover is mapped by the pixels' colours alone.
                Writes OUT/report.json, OUT/picture.png and a workspace file, so that 'geodino tile', 'geodino \
                pretrain' and 'geodino canopy --aoi region.geojson' work inside OUT.
                """)

        @Option(name: [.customShort("o"), .customLong("output")], help: "The folder to create.")
        var output = "demo"

        @Option(help: "Seeds, such as 1,2,3: one run per seed, in OUT/seed-N if there are several.")
        var seeds = "0"

        @Option(help: "Append a dated table of the runs to this Markdown file.")
        var log: String?

        @Flag(help: "Replace a folder made by 'geodino demo'.")
        var overwrite = false

        @OptionGroup var threads: ThreadOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            guard let list = seedList, !list.isEmpty else {
                throw ValidationError("--seeds takes whole numbers such as 1,2,3; got '\(seeds)'")
            }
            if let large = list.first(where: { $0 > UInt64(Int32.max) }) {
                throw ValidationError("--seeds takes numbers up to \(Int32.max); got \(large)")
            }
            guard Set(list).count == list.count else { throw ValidationError("--seeds names a seed twice: '\(seeds)'") }
        }

        private var seedList: [UInt64]? {
            let parts = seeds.split(separator: ",", omittingEmptySubsequences: false).map { UInt64($0) }
            return parts.contains(nil) ? nil : parts.compactMap(\.self)
        }

        func run() throws {
            try checkOutputName(output)
            Interrupt.catchSignals()
            try Torch.load()
            let list = seedList ?? []
            try prepareFolder()
            var reports: [DemoReport] = []
            for seed in list {
                let folder = list.count == 1 ? output : "\(output)/seed-\(seed)"
                let demo = Demo(folder: folder, seed: seed, threads: threads.count, quiet: shared.quiet)
                let report = try demo.run()
                try printJSON(report)
                reports.append(report)
            }
            if let log { try DemoReport.append(reports, seeds: list, to: log) }
            let failures = reports.flatMap(\.failures)
            guard failures.isEmpty else {
                throw CommandError(.failed, "the demo's results are worse than expected", in: output, why: failures)
            }
        }

        /// Makes the folder; replaces only what a demo made.
        private func prepareFolder() throws {
            let files = FileManager.default
            let marker = "\(output)/.geodino-demo"
            if files.fileExists(atPath: output), let names = try? files.contentsOfDirectory(atPath: output),
                !names.isEmpty
            {
                guard files.fileExists(atPath: marker) else {
                    throw CommandError(
                        .badArgument, "the folder exists already, and 'geodino demo' did not make it", in: output,
                        try: "choose another folder: -o OUT")
                }
                guard overwrite else {
                    throw CommandError(.badArgument, "the folder exists already", in: output, try: "--overwrite")
                }
                let aside = "\(output).replaced-\(ProcessInfo.processInfo.processIdentifier)"
                try files.moveItem(atPath: output, toPath: aside)
                try files.createDirectory(atPath: output, withIntermediateDirectories: true)
                try files.removeItem(atPath: aside)
            }
            try files.createDirectory(atPath: output, withIntermediateDirectories: true)
            try Disk.write("made by geodino demo; may be replaced by it\n", to: marker)
        }
    }
#endif

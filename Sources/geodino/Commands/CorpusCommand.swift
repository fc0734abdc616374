// geodino corpus: what a corpus holds, whether it is whole, and what can be made from it.
#if EARTH
    import ArgumentParser
    import Files
    import Corpus
    import Foundation
    import Geo
    import Pretraining
    import Raster
    import Telemetry

    struct CorpusCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "corpus", abstract: "Inspect, verify, reindex or pack a corpus.",
            subcommands: [Info.self, Verify.self, Reindex.self, Pack.self])

        struct Info: ParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Show what a corpus contains.")
            @Argument(help: "The corpus folder.")
            var corpus: String
            @OptionGroup var result: ResultOptions

            func run() throws {
                let info = try corpusInfo(corpus)
                try result.show(info, text: info.text)
            }
        }

        struct Verify: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Read every byte of a corpus or a pack and report damage.")
            @Argument(help: "The folder of a corpus or a pack.")
            var corpus: String
            @OptionGroup var shared: ProgressOptions

            func run() throws {
                if FileManager.default.fileExists(atPath: "\(corpus)/pack.json") {
                    let pack = try PackedTileSource(folder: corpus)
                    try pack.verify()
                    print("\(corpus): a pack of \(counted(pack.tileCount, "tiles")), no damage")
                    return
                }
                let meter = shared.meter("verify")
                defer { meter.finish() }
                let summary = try verifyCorpus(
                    corpus, report: { printToStandardError("damage: \($0)") }, progress: meter.handler)
                meter.finish()
                print("\(corpus): \(counted(summary.tiles, "tiles")), \(summary.bytes) bytes read, no damage")
            }
        }

        struct Reindex: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Rebuild the indexes and corpus.gpkg from the shards.")
            @Argument(help: "The corpus folder.")
            var corpus: String
            @OptionGroup var shared: ProgressOptions

            func run() throws {
                let meter = shared.meter("reindex")
                defer { meter.finish() }
                let summary = try reindexCorpus(corpus, progress: meter.handler)
                meter.finish()
                for note in summary.notes { printToStandardError("note: \(note)") }
                print(
                    "\(corpus): \(counted(summary.tiles, "tiles")) in \(counted(summary.shards, "shards")); \(summary.rebuilt.count == 1 ? "1 shard index" : "\(summary.rebuilt.count) shard indexes") rebuilt"
                )
            }
        }

        struct Pack: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Write the tiles as plain tensors for machines without GDAL.")
            @Argument(help: "The corpus folder.")
            var corpus: String
            @Option(name: [.customShort("o"), .customLong("output")], help: "The pack folder to create.")
            var output: String
            @Flag(help: "Replace an existing pack.")
            var overwrite = false
            @OptionGroup var shared: ProgressOptions

            func run() throws {
                let meter = shared.meter("pack")
                defer { meter.finish() }
                try checkOutputName(output)
                let pack = try packCorpus(
                    corpus, into: output, options: PackOptions(overwrite: overwrite), progress: meter.handler)
                meter.finish()
                print("\(output): \(counted(pack.tileCount, "tiles")) in \(counted(pack.files.count, "files"))")
            }
        }
    }

    extension CorpusInfo {
        /// The corpus for people.
        var text: String {
            let bands = layout.bands.map(\.name).joined(separator: " ")
            let metres =
                gsd.first == gsd.last
                ? shown(gsd.first, digits: 2) : gsd.map { shown($0, digits: 2) }.joined(separator: " to ")
            let parts = splits.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return """
                \(path): \(complete ? "complete" : "unfinished; resume with geodino tile --resume")
                  tiles        \(tiles) of \(layout.tileSize) x \(layout.tileSize) px (\(parts))
                  bands        \(bands), \(layout.sampleType.rawValue), stretch \(layout.stretch.text)
                  GSD          \(metres) m
                  area         \(shown(squareKilometres, digits: 3)) km2
                  scenes       \(scenes)
                  shards       \(shards), \(bytes) bytes
                  CRS          \(systems.map { $0.count > 40 ? String($0.prefix(40)) + "..." : $0 }.joined(separator: ", "))
                  profile      \(profile)
                  fingerprint  \(fingerprint ?? "none yet")
                """
        }
    }

    extension TileSummary {
        /// The summary for people.
        func text(_ corpus: String) -> String {
            if upToDate { return "\(corpus): up to date, \(counted(tiles, "tiles")) in \(counted(shards, "shards"))" }
            if dryRun {
                return
                    "\(corpus): \(counted(places, "places")) to try in \(counted(scenes, "scenes")), at most \(bytes) bytes before compression"
            }
            let parts = splits.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return """
                \(corpus): \(counted(tiles, "tiles")) (\(parts)), \(newTiles) cut now, in \(counted(shards, "shards")) of \(bytes) bytes
                  \(counted(tried, "places")) tried: \(tooFewValid) with too few valid pixels, \(outsideAOI) outside the area; \
                \(shown(squareKilometres, digits: 3)) km2 of tiles, overlaps counted in each tile
                """
        }
    }

    /// Scenes of a corpus whose footprints meet an area or come within `sight` metres of it, as paths that exist from here or from
    /// the corpus's folder.
    ///
    /// The corpus's first scene leads the list whatever the area, because the first scene decides a map's grid; empty where no
    /// scene meets the area.
    ///
    /// - Parameter listed: Addresses with their secrets, which a corpus does not keep.
    func scenePaths(
        ofCorpus corpus: String, meeting area: AreaOfInterest, sight: Double, listed: [String]
    ) throws -> [String] {
        let degrees = try area.transformed(to: .wgs84)
        let beside = URL(fileURLWithPath: corpus).deletingLastPathComponent().path
        let scenes = try corpusScenes(corpus)
        func meeting(within metres: Double) -> [CorpusScene] {
            scenes.filter { scene in
                scene.places.contains { place in
                    var around = place
                    let north = metres / 111_000
                    let east = north / max(cos(max(abs(around.minY), abs(around.maxY)) * .pi / 180), 0.05)
                    around.minX -= east
                    around.maxX += east
                    around.minY -= north
                    around.maxY += north
                    return degrees.intersects(around)
                }
            }
        }
        guard !meeting(within: 0).isEmpty else { return [] }
        let near = meeting(within: sight)
        return try (scenes.prefix(1) + near.filter { $0.index != scenes[0].index }).map { scene in
            if Redaction.isRedacted(scene.path) {
                let identity = Redaction.identity(of: scene.path)
                let candidates = Set(listed.filter { Redaction.identity(of: $0) == identity })
                guard candidates.count < 2 else {
                    throw CommandError(
                        .badArgument,
                        "\(candidates.count) scenes of \(Workspace.fileName) differ only in their parameters, and any of them may be this one",
                        in: scene.path, try: "give the scenes with their tokens: geodino canopy SCENE...")
                }
                guard let whole = candidates.first else {
                    throw CommandError(
                        .badArgument, "the corpus stores the scene's address without its token", in: scene.path,
                        try:
                            "give the scenes with their tokens: geodino canopy SCENE..., or under 'scenes:' in \(Workspace.fileName)"
                    )
                }
                return whole
            }
            let files = FileManager.default
            if files.fileExists(atPath: scene.path) { return scene.path }
            let moved = "\(beside)/\(scene.path)"
            return files.fileExists(atPath: moved) ? moved : scene.path
        }
    }
#endif

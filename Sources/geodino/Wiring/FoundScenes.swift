// The scenes of a map: those given, else those of the corpus that meet the area, else the workspace's.
#if EARTH
    import Corpus
    import Foundation
    import Raster
    import Telemetry

    /// The scenes given; else those of the workspace's corpus whose footprints meet the area; else the workspace's.
    ///
    /// - Parameters:
    ///   - sight: Metres around the area that a window may see.
    ///   - command: The command line without scenes, for advice: `geodino canopy`.
    func foundScenes(
        _ given: [String], aoi: String?, _ workspace: inout WorkspaceTaker, sight: Double, command: String
    ) throws -> [String] {
        if !given.isEmpty { return given }
        // A workspace may name a corpus that is not cut yet.
        if let aoi, let corpus = workspace.optional(nil, \.corpus, named: "corpus"), isCorpus(corpus) {
            let area = try AreaOfInterest(path: aoi)
            var asking = workspace
            let found = try scenePaths(ofCorpus: corpus, meeting: area, sight: sight, listed: asking.scenes([]))
            if !found.isEmpty {
                printToStandardError("scenes of the corpus that overlap \(aoi): \(found.joined(separator: " "))")
                return found
            }
            let listed = workspace.scenes([])
            guard listed.isEmpty else { return listed }
            throw CommandError(
                .badArgument, "no scene of the corpus overlaps the area of interest", in: aoi,
                try: "\(command) SCENE... --aoi \(shellQuoted(aoi))")
        }
        let listed = workspace.scenes([])
        guard !listed.isEmpty else { throw workspace.missing("scene", option: "\(command) SCENE... --aoi AOI") }
        return listed
    }
#endif

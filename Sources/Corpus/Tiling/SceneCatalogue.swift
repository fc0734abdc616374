// From paths to scenes that can be cut: what each is, and on which lattice its tiles lie.
internal import Files
internal import Foundation
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

/// Opens scenes and decides how each is cut.
enum SceneCatalogue {
    /// Describes every scene, in the order given.
    ///
    /// - Throws: `CorpusError` (`badScene`), naming the scene, its numbers and the profile's.
    static func describe(
        _ paths: [String], profile: TileProfile, bands: BandRequest, open: OpenScenes,
        progress: ProgressHandler? = nil
    ) throws(CorpusError) -> (scenes: [CorpusScene], notes: [String]) {
        var scenes: [CorpusScene] = []
        var read: [SceneBands] = []
        var notes: [String] = []
        var seen: Set<String> = []
        var contents: [String: String] = [:]
        for path in paths {
            try report(scenes.count, of: paths.count, "scenes opened", progress)
            guard seen.insert(path).inserted else {
                throw CorpusError(.badScene, "the scene is listed twice", in: path, try: "list it once")
            }
            do {
                let reader = try open.reader(path)
                let facts = try Scene(reader)
                let chosen = try facts.chosen(profile.bands.wanted, asked: bands[path], by: "the profile")
                let scene = try describe(reader, facts, chosen, index: scenes.count, profile: profile)
                // With another token it is the same one.
                let identity = Redaction.identity(ofService: path)
                guard contents.updateValue(scene.fingerprint, forKey: identity) != scene.fingerprint else {
                    throw CorpusError(
                        .badScene, "the scene is listed twice, under two addresses", in: path, try: "list it once")
                }
                scenes.append(scene)
                // Numbers in a profile were not chosen for these scenes; names and colours are each file's own word.
                let isNumbered = if case .numbers = profile.bands { true } else { false }
                read.append(
                    facts.read(
                        chosen.map(\.index),
                        asked: bands[path] == nil && isNumbered ? .byProfile : bands.asked(path)))
                if let warning = facts.alphaWarning { notes.append(warning) }
                if bands[path] == nil, !isNumbered,
                    let assumption = reader.bands.assumption(chosen, as: [], in: path)
                {
                    notes.append(assumption)
                }
            } catch let error as CorpusError {
                throw error
            } catch let error as any ExplainedError {
                throw CorpusError(
                    error.isCancellation ? .cancelled : .badScene, error.what, in: path, why: error.causes,
                    try: error.remedy)
            } catch {
                throw CorpusError(.badScene, "cannot describe the scene", in: path, why: causes(of: error))
            }
        }
        do throws(SceneError) { try checkAgreement(read, stretch: profile.stretch) } catch {
            throw CorpusError(.badScene, error.what, in: error.place, why: error.causes, try: error.remedy)
        }
        // A place is called by what any scene says of it: the first one may say nothing.
        for index in scenes.indices {
            for place in scenes[index].bandNames.indices where read[index].bands[place].identity == nil {
                let said = read.first { $0.bands.indices.contains(place) && $0.bands[place].identity != nil }
                if let said { scenes[index].bandNames[place] = bandName(said.bands[place]) }
            }
        }
        return (scenes, notes)
    }

    private static func describe(
        _ reader: RasterReader, _ facts: Scene, _ chosen: [RasterBand], index: Int, profile: TileProfile
    ) throws -> CorpusScene {
        let path = reader.path
        var grid = reader.grid
        grid.crs = facts.crs.spelledPlainly
        let bytes = Fingerprint.size(path)
        let named = try Fingerprint(reader)
        try checkClaim(reader, bytes: bytes)
        let type = try sampleType(of: chosen, profile: profile, path: path)
        let tiles = try SceneTiles(facts, own: grid, profile: profile)
        let metadata = facts.metadata
        return CorpusScene(
            index: index, path: Redaction.address(path), fingerprint: named.value, bytes: bytes, grid: grid,
            gsd: facts.gsd, bandNumbers: chosen.map(\.index), bandNames: chosen.map { bandName($0) }, sampleType: type,
            stretch: nil, lattice: tiles.grid, tileGSD: tiles.gsd, isExact: tiles.isExact,
            resampling: tiles.resampling,
            squareKilometres: Double(grid.width) * Double(grid.height) * facts.gsd * facts.gsd / 1e6,
            footprint: try reader.footprint().map { ring in ring.map { [rounded($0.x), rounded($0.y)] } },
            acquired: metadata.acquired, platform: metadata.platform, licence: metadata.licence,
            attribution: metadata.attribution, sunElevation: metadata.sunElevation,
            sunAzimuth: metadata.sunAzimuth, offNadir: metadata.offNadir, cloudCover: metadata.cloudCover,
            formerly: named.former)
    }

    /// Adds what the stretch rule gives for each scene; reads a fixed part of its pixels.
    ///
    /// A scene without a valid pixel gets none, and so no tile: it stops the others no more than a cloud would. One in
    /// which some of the bands are empty is a mistake in the profile or the scene.
    ///
    /// - Parameter paths: Where the scenes are read, with their secrets.
    /// - Returns: What a person should know about a fixed stretch of them.
    /// - Throws: `CorpusError` (`badScene`), also where every scene is empty; `cancelled` while it waits.
    static func stretch(
        _ scenes: inout [CorpusScene], from paths: [String], rule: StretchRule, open: OpenScenes,
        progress: ProgressHandler? = nil
    ) throws(CorpusError) -> [String] {
        guard rule != .none else { return [] }
        var notes: [String] = []
        for index in scenes.indices {
            try report(index, of: scenes.count, "scenes stretched", progress)
            do throws(RasterError) {
                let reader = try open.reader(paths[index])
                let bands = scenes[index].bandNumbers
                scenes[index].stretch = try parameters(reader, bands, rule, progress)
                if case .fixed(let low, let high) = rule {
                    notes += try reader.fixedStretchNotes(
                        low: low, high: high, bands: bands, progress: progress ?? { _ in true })
                }
            } catch {
                guard error.code != .cancelled else { throw stopped(scenes[index].path) }
                throw CorpusError(.badScene, error.what, in: scenes[index].path, why: error.causes, try: error.remedy)
            }
        }
        guard scenes.contains(where: { $0.stretch != nil }) else {
            throw CorpusError(
                .badScene,
                scenes.count == 1
                    ? "no valid pixel was found in the scene"
                    : "no valid pixel was found in any of \(scenes.count) scenes",
                in: scenes[0].path,
                try: "check its nodata value and mask with gdalinfo -stats \(shellQuoted(scenes[0].path))")
        }
        return notes
    }

    private static func report(
        _ done: Int, of total: Int, _ unit: String, _ progress: ProgressHandler?
    ) throws(CorpusError) {
        guard progress?(Progress(unit: unit, done: done, total: total)) ?? true else { throw stopped("") }
    }

    private static func stopped(_ path: String) -> CorpusError {
        CorpusError(.cancelled, "stopped before the first tile was cut; nothing was kept", in: path)
    }

    /// The stretch of one scene; `nil` where it has no valid pixel.
    private static func parameters(
        _ reader: RasterReader, _ bands: [Int], _ rule: StretchRule, _ progress: ProgressHandler?
    ) throws(RasterError) -> StretchParameters? {
        do throws(RasterError) {
            return try reader.stretchParameters(rule, bands: bands, progress: progress ?? { _ in true })
        } catch {
            guard error.code == .noPixels, try !reader.hasValidPixels(bands: bands) else { throw error }
            return nil
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1e8).rounded() / 1e8 }

    private static func bandName(_ band: RasterBand) -> String {
        band.commonName.flatMap { ["red", "green", "blue", "nir"].contains($0) ? $0 : nil } ?? band.name
    }

    private static func sampleType(of bands: [RasterBand], profile: TileProfile, path: String) throws -> SampleType {
        let types = Set(bands.map(\.sampleType))
        guard types.count == 1, let type = types.first else {
            throw CorpusError(
                .badScene, "the bands have different types: \(bands.map(\.storedType).joined(separator: ", "))",
                in: path, try: "choose bands of one type in the profile")
        }
        if profile.pixels == .raw, type != .uint8, type != .uint16 {
            throw CorpusError(
                .badScene, "the scene holds \(type.rawValue) values; raw tiles must be uint8 or uint16", in: path,
                try: "use a profile with pixels: stretched and a stretch rule")
        }
        if profile.pixels == .stretched, profile.stretch == .none, type != .uint8 {
            throw CorpusError(
                .badScene,
                "the scene holds \(type.rawValue) values, but the profile's stretch is none, which takes only 8-bit values",
                in: path, try: "set stretch: percentile:2,98 or stretch: fixed:LOW,HIGH in the profile")
        }
        return type
    }

    /// Refuses a header that claims a million times more than its file could hold: no codec does that, and going
    /// through such a scene would not end.
    private static func checkClaim(_ reader: RasterReader, bytes: Int?) throws {
        guard let bytes, let type = reader.bands.first?.sampleType, reader.dataIsInFile else { return }
        let claimed =
            Double(reader.grid.width) * Double(reader.grid.height) * Double(reader.bands.count) * Double(type.byteCount)
        guard claimed > 1e6 * (Double(bytes) + 4096) else { return }
        throw CorpusError(
            .badScene,
            "the header claims \(reader.grid.width) x \(reader.grid.height) pixels, but the file has \(bytes) bytes",
            in: reader.path, try: "get the file again; it is damaged or malicious")
    }
}

extension RasterReader {
    /// Whether the pixels lie in the file itself; a VRT is small because it names others.
    fileprivate var dataIsInFile: Bool { path.lowercased().hasSuffix(".tif") || path.lowercased().hasSuffix(".tiff") }
}

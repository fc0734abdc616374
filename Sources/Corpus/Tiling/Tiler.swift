// geodino tile: scenes become a corpus.
internal import Files
internal import Foundation
internal import Geo
public import Raster
internal import Scenes
public import Telemetry

/// Cuts scenes into a corpus.
///
/// The places tried are a function of scenes, profile and area alone; tiles, shards and indexes are the same bytes at
/// any number of threads, and after any break and `resume`. A tile counts when its centre is in the area of
/// interest and enough of its pixels are valid. Tiles are windows of their scene's own grid where the profile's
/// pixels are the scene's, else of a north-up grid at the profile's GSD, in the scene's CRS or its UTM zone.
///
/// - Parameters:
///   - scenes: Paths that GDAL opens, in an order that matters.
///   - profile: How to cut.
///   - corpus: The folder to make, or to resume.
///   - aoi: Where tiles count; `nil` for everywhere.
///   - options: Resume, overwrite, threads, dry run.
///   - progress: Told of every place tried; `false` stops the run so that it can be resumed.
/// - Throws: `CorpusError`, `RasterError`.
@discardableResult
public func tile(
    scenes: [String], profile: TileProfile, into corpus: String, aoi: AreaOfInterest? = nil,
    options: TileOptions = TileOptions(), progress: ProgressHandler? = nil
) throws -> TileSummary {
    try profile.validate()
    guard !scenes.isEmpty else {
        throw CorpusError(
            .badScene, "no scenes were given", in: corpus, try: "\(UserAction.cutCorpus(output: corpus))")
    }
    guard !(options.resume && options.overwrite) else {
        throw CorpusError(
            .exists, "\(Setting.resume) and \(Setting.overwrite) exclude each other", in: corpus, try: "choose one")
    }
    let open = OpenScenes()
    let (described, notes) = try SceneCatalogue.describe(
        scenes, profile: profile, bands: options.bands, open: open, progress: progress)
    do {
        var summary = try tile(
            scenes, described, open, profile, into: corpus, aoi: aoi, options: options, progress: progress)
        summary.notes = notes + summary.notes
        return summary
    } catch let error as CorpusError where error.code == .nothingCut {
        // What was noticed of the scenes, such as a band that is taken for a mask, may be the reason.
        throw CorpusError(error.code, error.what, in: error.place, why: error.causes + notes, try: error.remedy)
    }
}

/// Cuts scenes that are known already.
private func tile(
    _ scenes: [String], _ found: [CorpusScene], _ open: OpenScenes, _ profile: TileProfile, into corpus: String,
    aoi: AreaOfInterest?,
    options: TileOptions, progress: ProgressHandler?
) throws -> TileSummary {
    var described = found
    if !options.overwrite { keepGrids(ofCorpus: corpus, in: &described) }
    let layout = try commonLayout(described, profile)
    let digest = try aoi.map { SHA256.hex(of: Array(try $0.geoJSON.utf8)) }
    let plan = try makePlan(described, profile, aoi)
    let wanted = CorpusMarker(
        formatVersion: CorpusMarker.currentVersion, profile: profile, layout: layout, scenes: described, aoi: digest)
    if options.dryRun { return dryRun(wanted, plan) }

    let target = try TileTarget(corpus, wanted: wanted, options: options)
    switch target.state {
    case .complete(let folder):
        try target.hold()
        let summary = try upToDate(folder, plan)
        try target.keep()
        return summary
    case .resumable(let folder):
        try target.hold()
        return try run(folder, plan, scenes, aoi, target, options, progress, isFresh: false)
    case .fresh:
        try explainEmptyPlan(plan, described, profile, corpus)
        let notes = try SceneCatalogue.stretch(
            &described, from: scenes, rule: profile.stretch, open: open, progress: progress)
        // Each thread that cuts opens them for itself.
        open.close()
        var marker = wanted
        marker.scenes = described
        try options.reached?(.folderInspected)
        let folder = try target.begin(marker, reached: options.reached)
        var summary = try run(folder, plan, scenes, aoi, target, options, progress, isFresh: true)
        summary.notes = notes + summary.notes
        return summary
    }
}

/// Takes over the grids of the scenes of a corpus that is there already: one that was begun by an earlier version of the rule is
/// finished by it.
private func keepGrids(ofCorpus corpus: String, in scenes: inout [CorpusScene]) {
    guard CorpusFolder.bearsMarker(corpus), let marker = try? CorpusFolder(corpus).marker,
        marker.scenes.count == scenes.count
    else { return }
    for (index, before) in marker.scenes.enumerated() where scenes[index].hasContent(of: before) {
        scenes[index].lattice = before.lattice
        scenes[index].tileGSD = before.tileGSD
        scenes[index].isExact = before.isExact
        scenes[index].resampling = before.resampling
    }
}

/// Cuts; a run that leaves no tile leaves nothing, nor does one that meets a damaged scene before its first shard is done.
private func run(
    _ folder: CorpusFolder, _ plan: TilePlan, _ paths: [String], _ aoi: AreaOfInterest?, _ target: TileTarget,
    _ options: TileOptions, _ progress: ProgressHandler?, isFresh: Bool
) throws -> TileSummary {
    let job = TileJob(marker: folder.marker, paths: paths, plan: plan, aoi: aoi)
    do {
        let summary = try TileRun(job, folder: folder, options: options, progress: progress).run()
        try target.keep()
        return summary
    } catch let error as CorpusError where error.code == .nothingCut {
        try target.abandon()
        throw error
    } catch let error as RasterError where error.isCancellation {
        throw CorpusError(
            .cancelled, error.what, in: folder.path, why: [error.place],
            try: "to continue, \(UserAction.resumeSameCommand)")
    } catch let error as RasterError {
        let isEmpty = try folder.listing().indexes.isEmpty
        if isFresh, isEmpty { try target.abandon() }
        let isRemote = namesAddress(error.place)
        throw CorpusError(
            .badScene, error.what, in: error.place, why: error.causes,
            try: isRemote
                ? "check that its addresses answer and that their tokens are still good, then run again with \(Setting.resume)"
                : isFresh && isEmpty
                    ? "get the scene again, or leave it out"
                    : "once the scene can be read again, resume with \(Setting.resume); otherwise leave it out and cut again with \(Setting.overwrite)"
        )
    }
}

/// What a complete corpus says; its index is rebuilt where it was lost.
private func upToDate(_ folder: CorpusFolder, _ plan: TilePlan) throws -> TileSummary {
    let shards = try folder.finishedShards(try folder.journal())
    let (database, made) = try openDatabase(folder, shards)
    let tiles = shards.reduce(0) { $0 + $1.index.count }
    try database.finish(tiles: tiles)
    var summary = TileSummary(upToDate: true, tiles: tiles, scenes: folder.marker.scenes.count, places: plan.placeCount)
    if made { summary.notes.append("corpus.gpkg was missing and has been rebuilt from the shards") }
    summary.count(shards, folder.marker)
    return summary
}

/// The layout that all scenes share.
private func commonLayout(_ scenes: [CorpusScene], _ profile: TileProfile) throws -> PixelLayout {
    let first = scenes[0]
    let isRaw = profile.pixels == .raw && profile.stretch == .none
    for scene in scenes {
        if scene.bandNumbers.count != first.bandNumbers.count {
            throw CorpusError(
                .badScene,
                "the scene has \(scene.bandNumbers.count) bands, but the first scene, \(first.path), has \(first.bandNumbers.count)",
                in: scene.path, try: "select bands in the profile that every scene has")
        }
        if profile.pixels == .raw, scene.sampleType != first.sampleType {
            throw CorpusError(
                .badScene,
                "the scene holds \(scene.sampleType.rawValue) values, but the first scene, \(first.path), holds \(first.sampleType.rawValue)",
                in: scene.path, try: "cut them into two corpora, or use a profile with pixels: stretched")
        }
    }
    return PixelLayout(
        bands: first.bandNames.map { BandInfo(name: $0) }, sampleType: isRaw ? first.sampleType : .uint8,
        tileSize: profile.tileSize, gsd: profile.gsd.metres, stretch: profile.stretch)
}

private func makePlan(_ scenes: [CorpusScene], _ profile: TileProfile, _ aoi: AreaOfInterest?) throws -> TilePlan {
    let rooms = try scenes.map { scene -> TilePlan.Room in
        var room = TilePlan.Room(width: scene.lattice.width, height: scene.lattice.height, gsd: scene.tileGSD)
        guard let aoi, let crs = scene.lattice.crs else { return room }
        let degrees = try aoi.transformed(to: .wgs84)
        guard scene.places.contains(where: degrees.intersects) else {
            room.centres = (-1e18 ... -1e18, -1e18 ... -1e18)
            return room
        }
        let bounds = try aoi.near(scene.places).transformed(to: crs).bounds
        let corners = [
            (bounds.minX, bounds.minY), (bounds.minX, bounds.maxY), (bounds.maxX, bounds.minY),
            (bounds.maxX, bounds.maxY),
        ].compactMap { scene.lattice.transform.pixel(x: $0.0, y: $0.1) }
        guard let box = Bounds(points: corners.map { (x: $0.column, y: $0.row) }) else { return room }
        room.centres = (box.minX...box.maxX, box.minY...box.maxY)
        return room
    }
    return TilePlan(rooms: rooms, profile: profile)
}

private func dryRun(_ marker: CorpusMarker, _ plan: TilePlan) -> TileSummary {
    let most = plan.parts.reduce(0) { $0 + ($1.wanted ?? $1.placeCount) }
    let side = marker.profile.tileSize
    let sample = marker.profile.pixels == .raw ? marker.scenes[0].sampleType : .uint8
    var summary = TileSummary(dryRun: true, scenes: marker.scenes.count, places: most)
    // As a Double: what a plan asks for may be more bytes than there are numbers.
    let bytes = Double(most) * Double(side) * Double(side) * Double(marker.layout.bands.count * sample.byteCount)
    summary.bytes = Int(exactly: bytes.rounded()) ?? .max
    for (part, scene) in zip(plan.parts, marker.scenes) {
        let metres = Double(side) * scene.tileGSD
        summary.squareKilometres += Double(part.wanted ?? part.placeCount) * metres * metres / 1e6
        summary.notes.append(
            "\(scene.path): \(counted(part.wanted ?? part.placeCount, "tiles")) at most, \(significant(scene.gsd)) m pixels, "
                + (scene.isExact
                    ? "cut without resampling"
                    : "resampled to \(significant(scene.tileGSD)) m (\(scene.resampling.rawValue))")
        )
        if let reason = emptyReason(part, scene, marker.profile) { summary.notes.append("\(scene.path): \(reason)") }
    }
    return summary
}

extension TileSummary {
    /// Fills in what the shards say.
    mutating func count(_ finished: [FinishedShard], _ marker: CorpusMarker) {
        shards = finished.count
        bytes = finished.reduce(0) { $0 + $1.index.shardLength }
        for shard in finished {
            for (split, number) in zip(Split.allCases, shard.index.splitCounts) where number > 0 {
                splits[split.rawValue, default: 0] += number
            }
        }
        squareKilometres = coveredArea(finished, marker)
    }
}

/// Area of all tiles in km2, overlaps counted as often as they are covered.
func coveredArea(_ shards: [FinishedShard], _ marker: CorpusMarker) -> Double {
    let side = Double(marker.profile.tileSize)
    let areas = marker.scenes.map { side * side * $0.tileGSD * $0.tileGSD / 1e6 }
    // Where all tiles have one GSD, nothing has to be read.
    if let first = areas.first, areas.allSatisfy({ $0 == first }) {
        return first * Double(shards.reduce(0) { $0 + $1.index.count })
    }
    return shards.reduce(0) { sum, shard in
        sum
            + (0..<shard.index.count).reduce(0) { part, position in
                let scene = shard.index.scene(position)
                return part + (areas.indices.contains(scene) ? areas[scene] : 0)
            }
    }
}

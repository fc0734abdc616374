// From a request to files: the whole way, once.
internal import Files
public import Geo
internal import Raster
internal import Scenes
public import Telemetry

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif
#if canImport(Glibc)
    internal import Glibc
#endif

/// Makes a map: a GeoTIFF (cloud optimized with up to four bands), a STAC item, and a QGIS style and a quick-look where it can be shown.
///
/// Values are float32 with nodata -9999, pictures uint8 with nodata 0, classes uint8 with nodata 255, a palette and overviews by mode. A
/// map of classes can have more files (see `ClassOutputs`). After an error none of the files remains. If the request says `resume`, finished
/// rows remain instead, in a folder next to the output, and the same request continues after them. While there are such rows, a request that
/// says neither `resume` nor `overwrite` is refused.
///
/// A map that replaces another removes the rasters of probabilities that came with that one, once it is complete itself. The
/// summary's warnings name them.
///
/// Pixels do not depend on the area, on the blocks or on `threads`. The one exception is a sieve, which keeps components at the edge of the
/// area. Peak memory does not depend on the size of scenes or map.
///
/// - Parameters:
///   - request: What is asked for.
///   - predictor: Called on this thread only, always with `batchSize` windows of `layout.sampleType` and with their validity; pixels
///     that no scene covers hold the window's mean. An empty place has the id `paddingID`.
///   - style: How the values are shown. A map of classes uses its title, and is shown in the colours of its legend unless the rendering is
///     `.none`.
///   - polygons: Makes the writer of the polygons that the request asks for.
///   - notice: Told how many windows were kept, if the map is resumed, and which part's rows are computed again nevertheless.
///   - progress: Told `windows`, then `parts of the GeoTIFF` while that is made cloud optimized. In between, maps of classes report
///     `rows sieved`, `rows written` and `rows traced` if they have these steps. An answer of `false` stops with `cancelled` and leaves
///     nothing but the rows above.
/// - Throws: `MappingError`, also `locked` where another process makes the same map with `resume`, and `changed` where the kept rows belong
///   to another map; and what reading, predicting and writing throw.
public func makeMap(
    _ request: MapRequest, predictor: any RasterModel, style: MapStyle, polygons: PolygonSinkMaker? = nil,
    notice: (String) -> Void = { _ in }, progress: @escaping ProgressHandler = { _ in true }
) throws -> MapSummary {
    precondition(
        request.classOutputs.polygons == nil || polygons != nil,
        "the request asks for polygons, but makeMap got no writer for them")
    try request.validateOutput()
    // Left by a run that was killed when its map was finished.
    if request.resume { JournalFolder.discard(of: request.output, evenWithRows: false) }
    let writing = WrittenProduct(
        predictor.product, blended: predictor.blendedBands, outputs: request.classOutputs)
    let job = try MapJob(
        request, layout: predictor.layout, windowSize: predictor.windowSize, cellSize: predictor.cellSize,
        writing: writing, progress: progress)
    removeLeftovers(of: job.plan.parts.flatMap(\.files))
    try checkRoom(for: job.plan, kept: request.resume ? JournalFolder.bytes(of: request.output) : 0)
    let journal = request.resume ? try MapJournal(job, writing: writing) : nil
    if let text = journal?.notice { notice(text) }
    // Files of this map that a run before it was killed has made.
    var made = journal.map { $0.published.filter(fileExists) } ?? []
    do {
        var summary = MapSummary(parts: [], warnings: job.plan.warnings)
        var done = 0
        for (number, (part, area)) in zip(job.plan.parts, job.areas).enumerated() {
            var maker = PartMaker(
                job: job, part: part, area: area, writing: writing, style: style, polygons: polygons,
                kept: journal.map { (journal: $0, log: $0.logs[number]) }, before: done, progress: progress)
            let result = try maker.make(predictor, made: &made, notice: notice)
            done += result.windows
            summary.warnings += maker.warnings
            if result.statistics.validPixels == 0 {
                summary.warnings.append(
                    "\(part.output): no pixel has a value, because no scene has valid pixels in the area")
            }
            summary.parts.append(result)
        }
        _ = progress(Progress(unit: "windows", done: done, total: done))
        if request.overwrite {
            for path in job.plan.parts.flatMap(removeStaleRasters) {
                summary.warnings.append("\(path): removed, because it came with the map that was replaced")
            }
        }
        if let journal {
            journal.remove()
        } else {
            JournalFolder.discard(of: request.output, evenWithRows: request.overwrite)
        }
        return summary
    } catch {
        // A set of parts or a map without its item is nothing half-written that should stay.
        for path in made { unlink(path) }
        if let journal { throw journal.close(after: error) }
        if let error = error as? RasterError, error.code == .cancelled { throw stoppedMap(in: request.output) }
        throw error
    }
}

/// Removes the rasters of probabilities that came with a map of this name and were not asked for this time: they would contradict it.
///
/// Only those that geodino made are removed.
///
/// - Returns: The paths of these.
private func removeStaleRasters(of part: MapPlan.Part) -> [String] {
    var removed: [String] = []
    let all = sidecars(of: part.output, outputs: ClassOutputs(probabilities: true, confidence: true))
    for path in all.asked where !part.files.contains(path) && fileExists(path) {
        guard let tags = try? RasterReader(path: path).metadata(), tags["GEODINO_PROBABILITY"] != nil,
            tags["TIFFTAG_SOFTWARE"] != nil
        else { continue }
        if unlink(path) == 0 { removed.append(path) }
        // The statistics that a viewer may have put there are of that raster.
        unlink(path + ".aux.xml")
    }
    return removed
}

/// Refuses to begin what the folder or the disk cannot hold.
///
/// - Parameter kept: Bytes of rows that an earlier run has kept, which need no room any more.
/// - Throws: `MappingError` (`writeFailed`, `diskFull`).
public func checkRoom(for plan: MapPlan, kept: Int = 0) throws {
    guard let output = plan.parts.first?.output else { return }
    let folder = parentFolder(output)
    var space = statvfs()
    guard statvfs(folder, &space) == 0 else {
        throw MappingError(
            .writeFailed, "cannot write into the folder '\(folder)'", in: output,
            why: [String(cString: strerror(errno))], try: folderRemedy(folder))
    }
    let free = Double(space.f_bavail) * Double(space.f_frsize)
    let needed = max(0, plan.diskBytes - kept)
    guard Double(needed) <= free else {
        throw MappingError(
            .diskFull,
            "the map may need \(megabytes(needed)) on disk, but only \(megabytes(Int(saturating: free))) are free",
            in: folder,
            try:
                "free some space, write elsewhere (\(Setting.output)), or map a smaller area (\(Setting.areaOfInterest))"
        )
    }
}

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
/// Values are float32 with nodata -9999, pictures uint8 with nodata 0, classes uint8 with nodata 255, a palette and overviews by mode.
///
/// Pixels do not depend on the area, on the blocks or on `threads`. Peak memory does not depend on the size of scenes or map.
///
/// - Parameters:
///   - request: What is asked for.
///   - predictor: Called on this thread only, always with `batchSize` windows of `layout.sampleType` and with their validity; pixels
///     that no scene covers hold the window's mean. An empty place has the id `paddingID`.
///   - style: How the values are shown; `.none` for classes, whose colours are in the file.
///   - progress: Told `windows`, then `parts of the GeoTIFF` while that is made cloud optimized; an answer of `false` stops with `cancelled` and leaves nothing.
/// - Throws: `MappingError`, and what reading, predicting and writing throw.
public func makeMap(
    _ request: MapRequest, predictor: any RasterModel, style: MapStyle,
    progress: @escaping ProgressHandler = { _ in true }
) throws -> MapSummary {
    try request.validateOutput()
    let writing = WrittenProduct(predictor.product, blended: predictor.blendedBands)
    precondition(
        writing.palette == nil || style.rendering == .none, "a map of classes is shown by the palette in its file")
    let job = try MapJob(
        request, layout: predictor.layout, windowSize: predictor.windowSize, cellSize: predictor.cellSize,
        writing: writing, progress: progress)
    try checkRoom(for: job.plan)
    var made: [String] = []
    do {
        var summary = MapSummary(parts: [], warnings: job.plan.warnings)
        var done = 0
        for (part, area) in zip(job.plan.parts, job.areas) {
            var maker = PartMaker(
                job: job, part: part, area: area, writing: writing, style: style, before: done, progress: progress)
            let result = try maker.make(predictor, made: &made)
            done += result.windows
            summary.warnings += maker.warnings
            if result.statistics.validPixels == 0 {
                summary.warnings.append(
                    "\(part.output): no pixel has a value, because no scene has valid pixels in the area")
            }
            summary.parts.append(result)
        }
        _ = progress(Progress(unit: "windows", done: done, total: done))
        return summary
    } catch {
        // A set of parts or a map without its item is nothing half-written that should stay.
        for path in made { unlink(path) }
        if let error = error as? RasterError, error.code == .cancelled {
            throw MappingError(
                .cancelled, "stopped before the map was finished; nothing was kept", in: request.output)
        }
        throw error
    }
}

/// Refuses to begin what the folder or the disk cannot hold.
///
/// - Throws: `MappingError` (`writeFailed`, `diskFull`).
public func checkRoom(for plan: MapPlan) throws {
    guard let output = plan.parts.first?.output else { return }
    let folder = parentFolder(output)
    var space = statvfs()
    guard statvfs(folder, &space) == 0 else {
        throw MappingError(
            .writeFailed, "cannot write into the folder '\(folder)'", in: output,
            why: [String(cString: strerror(errno))], try: folderRemedy(folder))
    }
    let free = Double(space.f_bavail) * Double(space.f_frsize)
    guard Double(plan.diskBytes) <= free else {
        throw MappingError(
            .diskFull,
            "the map may need \(megabytes(plan.diskBytes)) on disk, but only \(megabytes(Int(saturating: free))) are free",
            in: folder,
            try:
                "free some space, write elsewhere (\(Setting.output)), or map a smaller area (\(Setting.areaOfInterest))"
        )
    }
}

/// Makes one file and what is next to it.
private struct PartMaker {
    let job: MapJob
    var part: MapPlan.Part
    let area: LatticeArea
    let writing: WrittenProduct
    let style: MapStyle
    /// Windows of the parts before.
    let before: Int
    let progress: ProgressHandler
    /// What the user should know.
    var warnings: [String] = []

    init(
        job: MapJob, part: MapPlan.Part, area: LatticeArea, writing: WrittenProduct, style: MapStyle, before: Int,
        progress: @escaping ProgressHandler
    ) {
        self.job = job
        self.part = part
        self.area = area
        self.writing = writing
        self.style = style
        self.before = before
        self.progress = progress
    }

    mutating func make(_ predictor: any RasterModel, made: inout [String]) throws -> MapSummary.Part {
        let request = job.request
        let total = job.plan.windowCount
        let report = { [before, progress] (done: Int) -> Bool in
            progress(Progress(unit: "windows", done: before + done, total: max(total, before + done)))
        }
        guard report(0) else { throw MappingError(.cancelled, "stopped before the map was started", in: part.output) }
        let (stretches, without) = try part.stretchScenes(layout: job.layout, open: job.open, progress: progress)
        warnings += without
        let shape = writing.shape
        let format = RasterFormat(
            sampleType: writing.sampleType, nodata: Double(writing.nodata), bands: writing.bands,
            tags: tags(), palette: writing.palette, overviews: writing.overviews, blockSize: shape.fileBlock,
            interleave: shape.isCloudOptimized ? .pixel : .band)
        let writer = try RasterWriter(
            path: part.output, grid: part.grid, format: format, overwrite: request.overwrite)
        let sink = MapSink(writer: writer, product: writing.product, shownBands: style.rendering == .picture ? 3 : 1)
        let mapper = BlockMapper(
            part: part, area: area, stretches: stretches, predictor: predictor, batchSize: request.batchSize,
            threads: request.threads, sink: sink, report: report)
        try mapper.run()

        let existed = FileManager.default.fileExists(atPath: part.output)
        try writer.finish(
            cloudOptimized: shape.isCloudOptimized, threads: request.threads,
            progress: { [progress] event in
                progress(Progress(unit: "parts of the GeoTIFF", done: event.done, total: event.total))
            })
        if !existed { made += [part.output] + (writing.palette == nil ? [] : [part.output + ".aux.xml"]) }
        let beside = sidecars(of: part.output)
        let paths = style.rendering == .none ? [beside.stac] : beside.all
        for path in paths where !FileManager.default.fileExists(atPath: path) { made.append(path) }
        let metres = try part.grid.groundSampleDistance().metres
        let statistics = sink.statistics
        if style.rendering == .none {
            // Those of an older map would show this one in its colours.
            for path in [beside.style, beside.quickLook] { unlink(path) }
        } else {
            let scale = style.scale(request: request, preview: sink.preview)
            try writeText(qgisStyle(style, maximum: scale), to: beside.style)
            try writeQuickLook(
                sink.preview, style: style, maximum: scale, metresPerPixel: metres, to: beside.quickLook)
        }
        try writeText(
            stacItem(
                part: part, area: area, job: job, style: style, statistics: statistics, preview: sink.preview,
                writing: writing, beside: beside), to: beside.stac)
        return MapSummary.Part(
            output: part.output, stac: beside.stac, style: style.rendering == .none ? nil : beside.style,
            quickLook: style.rendering == .none ? nil : beside.quickLook, grid: part.grid,
            statistics: statistics, squareKilometres: Double(statistics.validPixels) * metres * metres / 1e6,
            windows: mapper.windows, calls: mapper.calls)
    }

    /// What the TIFF says about itself.
    ///
    /// Nothing here may depend on the clock.
    private func tags() -> [String: String] {
        let request = job.request
        var tags = request.tags
        tags["TIFFTAG_SOFTWARE"] = request.software
        tags["GEODINO_MODEL"] = request.model.id
        if !request.model.sha256.isEmpty { tags["GEODINO_MODEL_SHA256"] = request.model.sha256 }
        tags["GEODINO_INPUTS"] = part.scenes.map { Redaction.address($0.path) }.joined(separator: "\n")
        if let aoi = request.aoi { tags["GEODINO_AOI"] = Redaction.address(aoi) }
        tags["GEODINO_GRID"] =
            "origin at whole multiples of \(number(part.lattice.pixelSize)); first pixel \(part.window.column) \(part.window.row)"
        tags["GEODINO_WINDOW"] = "\(part.windows.windowSize * part.cellSize)"
        tags["GEODINO_OVERLAP"] = "\((part.windows.windowSize - part.windows.stride) * part.cellSize)"
        tags["GEODINO_BATCH"] = "\(request.batchSize)"
        tags["GEODINO_STRETCH"] = job.layout.stretch.text
        if let threads = request.intraOpThreads { tags["GEODINO_INTRAOP_THREADS"] = "\(threads)" }
        return tags
    }
}

/// Writes a small file whole or not at all.
func writeText(_ text: String, to path: String) throws(MappingError) {
    try Disk<MappingFailure>.write(text, to: path, temporary: Disk<MappingFailure>.ofProcess)
}

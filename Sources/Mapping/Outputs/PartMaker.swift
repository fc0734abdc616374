// Makes one part of a map: its raster, and the files next to it.
internal import Files
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif
#if canImport(Glibc)
    internal import Glibc
#endif

/// Makes one file and what is next to it.
struct PartMaker {
    private let job: MapJob
    private var part: MapPlan.Part
    private let area: LatticeArea
    private let writing: WrittenProduct
    private let style: MapStyle
    private let look: MapLook
    private let polygons: PolygonSinkMaker?
    /// The kept rows of the map, and those of this part; `nil` if none are kept.
    private let journal: MapJournal?
    private let log: RowLog?
    /// Windows of the parts before.
    private let before: Int
    private let progress: ProgressHandler
    /// What the user should know.
    private(set) var warnings: [String] = []

    init(
        job: MapJob, part: MapPlan.Part, area: LatticeArea, writing: WrittenProduct, style: MapStyle,
        polygons: PolygonSinkMaker?, kept: (journal: MapJournal, log: RowLog)?, before: Int,
        progress: @escaping ProgressHandler
    ) {
        self.job = job
        self.part = part
        self.area = area
        self.writing = writing
        self.style = style
        look = MapLook(style, classes: writing.classes)
        self.polygons = polygons
        journal = kept?.journal
        log = kept?.log
        self.before = before
        self.progress = progress
    }

    /// Makes the files.
    ///
    /// - Parameters:
    ///   - made: Receives the paths of the files that did not exist before, so that the caller can remove them after an error.
    ///   - notice: Told if the kept rows are of no use.
    mutating func make(
        _ predictor: any RasterModel, made: inout [String], notice: (String) -> Void
    ) throws -> MapSummary.Part {
        let total = job.plan.windowCount
        let report = { [before, progress] (done: Int) -> Bool in
            progress(Progress(unit: "windows", done: before + done, total: max(total, before + done)))
        }
        guard report(0) else { throw MappingError(.cancelled, "stopped before the map was started", in: part.output) }
        let (stretches, without) = try part.stretchScenes(layout: job.layout, open: job.open, progress: progress)
        warnings += without
        if try log?.open(origin: stretchOrigin(part, stretches)) == .rowsDiscarded {
            notice("\(part.output): the scenes changed; the rows that were kept are computed again")
        }
        let beside = sidecars(of: part.output, outputs: writing.outputs, polygons: part.polygons)
        let metres = try part.grid.groundSampleDistance().metres
        let files = try open(beside, metres: metres)
        let sink: any PartSink =
            writing.legend == nil
            ? MapSink(
                writer: files.map, isPicture: writing.product == .picture, shownBands: look == .picture ? 3 : 1)
            : try ClassSink(files, part: part, writing: writing)
        let walked = try walk(predictor, stretches: stretches, sink: sink, report: report)
        try sink.complete(progress)
        try journal?.beginPublishing(part)

        let statistics = sink.statistics
        let counts = statistics.classes.map { Dictionary($0.map { ($0.id, $0.pixels) }) { first, _ in first } }
        try publish(files.map, shape: writing.shape, counts: counts, made: &made)
        for raster in [files.probabilities, files.confidence] {
            guard let raster else { continue }
            let bands = raster.format.bands.count
            try publish(raster, shape: BlockShape(blended: bands, written: bands), made: &made)
        }
        if let polygons = files.polygons, let path = beside.polygons {
            let existed = isReplaced(path)
            try polygons.finish()
            if !existed { made.append(path) }
        }
        for path in look == .none ? [beside.stac] : [beside.stac] + beside.pictures where !isReplaced(path) {
            made.append(path)
        }
        try show(sink.preview, statistics: statistics, metres: metres, beside)
        try writeText(
            stacItem(
                part: part, area: area, job: job, style: style, statistics: statistics, preview: sink.preview,
                writing: writing, sidecars: beside), to: beside.stac)
        return MapSummary.Part(
            output: part.output, stac: beside.stac, style: look == .none ? nil : beside.style,
            quickLook: look == .none ? nil : beside.quickLook, probabilities: beside.probabilities,
            confidence: beside.confidence, polygons: beside.polygons, grid: part.grid, statistics: statistics,
            squareKilometres: Double(statistics.validPixels) * metres * metres / 1e6, windows: walked.windows,
            calls: walked.calls)
    }

    /// Computes all blocks.
    ///
    /// What that needs is released before the files are completed, which needs memory of its own.
    private func walk(
        _ predictor: any RasterModel, stretches: [StretchParameters?], sink: any PartSink,
        report: @escaping (Int) -> Bool
    ) throws -> (windows: Int, calls: Int) {
        let mapper = BlockMapper(
            part: part, area: area, stretches: stretches, predictor: predictor, batchSize: job.request.batchSize,
            threads: job.request.threads, sink: sink, log: log, report: report)
        try mapper.run()
        return (mapper.windows, mapper.calls)
    }

    /// Whether a file was there before the map was begun, so that it stays after an error.
    private func isReplaced(_ path: String) -> Bool { job.request.overwrite && fileExists(path) }

    /// Whether an existing file may be replaced: on request, or because an earlier run of this map has made it.
    private func mayReplace(_ path: String) -> Bool {
        job.request.overwrite || journal?.published.contains(path) ?? false
    }

    /// Starts the rasters and the polygons.
    private func open(_ beside: Sidecars, metres: Double) throws -> ClassSink.Files {
        let tags = tags()
        func raster(
            _ path: String, _ type: SampleType, nodata: Double, _ bands: [BandInfo], _ shape: BlockShape,
            palette: [RasterFormat.PaletteEntry]? = nil, overviews: RasterFormat.Overviews = .average,
            more: [String: String] = [:]
        ) throws -> RasterWriter {
            let format = RasterFormat(
                sampleType: type, nodata: nodata, bands: bands, tags: tags.merging(more) { $1 }, palette: palette,
                overviews: overviews, blockSize: shape.fileBlock,
                interleave: shape.isCloudOptimized ? .pixel : .band)
            return try RasterWriter(path: path, grid: part.grid, format: format, overwrite: mayReplace(path))
        }
        func probabilities(_ path: String?, _ bands: [BandInfo]?) throws -> RasterWriter? {
            guard let path, let bands else { return nil }
            return try raster(
                path, .uint8, nodata: Double(Legend.nodataID), bands,
                BlockShape(blended: bands.count, written: bands.count),
                more: ["GEODINO_PROBABILITY": "value / \(number(WrittenProduct.probabilityScale))"])
        }
        return ClassSink.Files(
            map: try raster(
                part.output, writing.sampleType, nodata: Double(writing.nodata), writing.bands, writing.shape,
                palette: writing.palette, overviews: writing.overviews),
            probabilities: try probabilities(beside.probabilities, writing.probabilityBands),
            confidence: try probabilities(beside.confidence, writing.confidenceBands),
            polygons: try beside.polygons.flatMap { path in
                try polygons.map { maker in
                    try PolygonFeed(
                        PolygonLayer(
                            path: path, name: fileName(stem(part.output)), crs: part.lattice.crs,
                            classes: writing.classes, overwrite: mayReplace(path)),
                        grid: part.grid, metres: metres, maker: maker)
                }
            })
    }

    /// Completes a raster and gives it its name.
    ///
    /// - Parameter counts: The number of pixels of each class of a map of classes.
    private func publish(
        _ raster: RasterWriter, shape: BlockShape, counts: [Int: Int]? = nil, made: inout [String]
    ) throws {
        let existed = isReplaced(raster.path)
        try raster.finish(
            cloudOptimized: shape.isCloudOptimized, threads: job.request.threads, counts: counts,
            progress: { [progress] event in
                progress(Progress(unit: "parts of the GeoTIFF", done: event.done, total: event.total))
            })
        // The names of classes are in a file of their own.
        if !existed { made += [raster.path] + (counts == nil ? [] : [raster.path + ".aux.xml"]) }
    }

    /// Writes the style and the quick-look.
    private func show(
        _ preview: MapPreview, statistics: MapStatistics, metres: Double, _ beside: Sidecars
    ) throws {
        switch look {
        case .none:
            // Those of an older map would show this one in its colours.
            for path in beside.pictures { unlink(path) }
        case .ramp, .picture:
            let scale = style.scale(request: job.request, preview: preview)
            try writeText(qgisStyle(style, maximum: scale), to: beside.style)
            try writePicture(
                quickLook(preview, style: style, maximum: scale, metresPerPixel: metres), to: beside.quickLook)
        case .classes(let classes):
            try writeText(qgisStyle(classes: classes), to: beside.style)
            try writePicture(
                classQuickLook(
                    preview, title: style.title, classes: classes,
                    pixels: statistics.classes?.map(\.pixels) ?? classes.map { _ in 0 }, metresPerPixel: metres),
                to: beside.quickLook)
        }
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
        if let below = writing.outputs.rejectBelow { tags["GEODINO_UNSURE_BELOW"] = number(below) }
        if let minimum = writing.outputs.minimumArea { tags["GEODINO_MINIMUM_AREA"] = "\(number(minimum)) m2" }
        return tags
    }
}

/// Writes a small file whole or not at all.
func writeText(_ text: String, to path: String) throws(MappingError) {
    try Disk<MappingFailure>.write(text, to: path, temporary: Disk<MappingFailure>.ofProcess)
}

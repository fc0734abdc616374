// Rasters written whole or not at all: a temporary file beside the target, renamed at the end.
internal import CGDAL
internal import Files
public import Geo
public import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// Writes a GeoTIFF window by window, in any order, with flat memory.
///
/// The file grows under a temporary name next to the target and takes its place in `finish()`. Without `finish()`
/// nothing remains, and a file that was there stays as it was.
public final class RasterWriter {
    /// The target.
    public let path: String
    /// Where the pixels lie.
    public let grid: Grid
    /// How they are written.
    public let format: RasterFormat

    private let temporary: String
    private let optimized: String
    private let place: OutputPlace
    private var file: GeoTIFF?
    private var finished = false

    /// Starts a raster; windows that are never written are invalid.
    ///
    /// - Parameters:
    ///   - path: The target, a plain file.
    ///   - grid: Place and size of the whole.
    ///   - format: Type, nodata, bands; without nodata the file gets a mask band.
    ///   - overwrite: Whether a file of that name may be replaced.
    /// - Throws: `exists`, `writeFailed`, `badGrid`, `badRange`, `badCRS`, `unsupported` for a missing codec.
    public convenience init(
        path: String, grid: Grid, format: RasterFormat, overwrite: Bool = false
    ) throws(RasterError) {
        try self.init(path: path, grid: grid, format: format, overwrite: overwrite, masked: format.nodata == nil)
    }

    init(
        path: String, grid: Grid, format: RasterFormat, overwrite: Bool, masked: Bool
    ) throws(RasterError) {
        place = try OutputPlace(path, overwrite: overwrite)
        try format.check(in: path)
        self.path = path
        self.grid = grid
        self.format = format
        temporary = place.temporary(".tif")
        optimized = place.temporary("-cog.tif")
        file = nil
        Self.remove(temporary)
        Self.remove(optimized)
        do {
            file = try GeoTIFF(
                name: temporary, place: path, grid: grid, format: format, masked: masked,
                options: format.creationOptions)
        } catch {
            throw explained(error)
        }
    }

    deinit {
        guard !finished else { return }
        file = nil
        Self.remove(temporary)
        Self.remove(optimized)
    }

    /// Writes pixels; invalid ones become nodata, or 0 under a mask.
    ///
    /// - Parameters:
    ///   - buffer: All bands, in the format's sample type.
    ///   - column: Column of the grid where the buffer's first column goes.
    ///   - row: Row of the grid where its first row goes; the buffer is entirely inside the grid.
    /// - Throws: `writeFailed`, `diskFull`, `badGrid`.
    public func write(_ buffer: PixelBuffer, column: Int, row: Int) throws(RasterError) {
        guard let file else { throw RasterError(.writeFailed, "the raster is finished already", in: path) }
        do { try file.write(buffer, column: column, row: row) } catch { throw explained(error) }
    }

    /// Writes what is still in memory of the windows so far.
    ///
    /// GDAL has one cache for all rasters of a process. What it drops first depends on all that is read and written meanwhile, and tiles
    /// lie in the file in the order in which they leave it. After a call for every row of tiles, a file has the same bytes each time.
    ///
    /// - Throws: `writeFailed`, `diskFull`.
    public func flush() throws(RasterError) {
        guard let file else { throw RasterError(.writeFailed, "the raster is finished already", in: path) }
        do { try file.flush() } catch { throw explained(error) }
    }

    /// Completes the file, syncs it to the disk and gives it its name.
    ///
    /// - Parameters:
    ///   - cloudOptimized: Whether it is rewritten as a cloud optimized GeoTIFF with overviews.
    ///   - threads: Threads that compress then; the bytes do not depend on them.
    ///   - counts: Pixels of each value of the palette, for the attribute table; `nil` leaves that column out.
    ///   - progress: Told the percentage done of that rewriting; an answer of `false` stops it.
    /// - Throws: `writeFailed`, `diskFull`, `cancelled`; then nothing remains of the new file.
    public func finish(
        cloudOptimized: Bool = true, threads: Int = 1, counts: [Int: Int]? = nil, progress: ProgressHandler? = nil
    ) throws(RasterError) {
        guard let file else { throw RasterError(.writeFailed, "the raster is finished already", in: path) }
        do {
            if !cloudOptimized { file.describeClasses(counts) }
            try file.close()
            self.file = nil
            if cloudOptimized { try optimize(threads, counts, progress) }
            try publish(cloudOptimized ? optimized : temporary)
        } catch {
            self.file = nil
            Self.remove(temporary)
            Self.remove(optimized)
            // The file that is written has another name meanwhile, which nobody has to know.
            throw explained(RasterError(error.code, error.what, in: path, why: error.causes, try: error.remedy))
        }
        finished = true
        Self.remove(temporary)
        Self.remove(optimized)
    }

    /// Copies the temporary file to a cloud optimized one.
    private func optimize(
        _ threads: Int, _ counts: [Int: Int]?, _ progress: ProgressHandler?
    ) throws(RasterError) {
        let source = try Dataset.open(temporary, RasterOpenOptions(allowedDrivers: ["GTiff"]))
        let gdal = source.gdal
        var options = [
            "BLOCKSIZE=\(format.blockSize)", "BIGTIFF=IF_SAFER", "SPARSE_OK=TRUE",
            "COMPRESS=\(format.compression.rawValue.uppercased())", "NUM_THREADS=\(threads)",
            "OVERVIEWS=\(format.overviews == .none ? "NONE" : "AUTO")",
        ]
        if format.compression != .none { options.append("PREDICTOR=YES") }
        if format.overviews != .none {
            options.append("OVERVIEW_RESAMPLING=\(format.overviews.rawValue.uppercased())")
        }
        if let palette = format.palette {
            try ClassTable(palette: palette, counts: counts).describe(source.band(1), gdal)
        }
        let relay = progress.map(ProgressRelay.init)
        let (copy, messages) = withStringList(options, gdal) { list in
            gdal.collect { gdal -> GDALDatasetH? in
                guard let driver = gdal.GDALGetDriverByName("COG") else { return nil }
                let context = relay.map { Unmanaged.passUnretained($0).toOpaque() }
                return BlockCache.whileCopying(gdal) {
                    gdal.GDALCreateCopy(
                        driver, optimized, source.handle, 0, list,
                        relay == nil ? nil : ProgressRelay.callback, context)
                }
            }
        }
        if let copy { _ = gdal.collect { discard($0.GDALClose(copy)) } }
        if relay?.stopped == true {
            throw RasterError(.cancelled, "stopped before the raster was finished", in: path)
        }
        guard copy != nil, messages.errors.isEmpty else {
            throw RasterError(
                .writeFailed, "cannot make the raster cloud-optimised", in: path, why: messages.all)
        }
    }

    /// Syncs a finished file and gives it the target's name, with the file of names and tables that may lie next to it.
    private func publish(_ finished: String) throws(RasterError) {
        try place.prepare(finished)
        let names = finished + ".aux.xml"
        if FileManager.default.fileExists(atPath: names) {
            try Disk<RasterFailure>.rename(names, to: path + ".aux.xml")
        } else {
            // What lay beside the old file does not describe the new one.
            unlink(path + ".aux.xml")
        }
        try Disk<RasterFailure>.rename(finished, to: path)
    }

    /// Tells a full disk from other failures.
    private func explained(_ error: RasterError) -> RasterError {
        place.explained(error, writing: "the raster")
    }

    /// Removes a temporary file and what GDAL put next to it.
    private static func remove(_ file: String) {
        for ending in ["", ".aux.xml", ".msk", ".ovr", ".ovr.tmp", ".msk.ovr.tmp", ".warped.tif.tmp"] {
            unlink(file + ending)
        }
    }
}

/// Carries a progress handler through GDAL's C callback.
private final class ProgressRelay {
    private let handler: ProgressHandler
    private(set) var stopped = false

    init(_ handler: @escaping ProgressHandler) { self.handler = handler }

    static let callback: GDALProgressFunc = { fraction, _, context in
        guard let context else { return 1 }
        let relay = Unmanaged<ProgressRelay>.fromOpaque(context).takeUnretainedValue()
        let percent = fraction.isFinite ? Int(min(1, max(0, fraction)) * 100) : 0
        if !relay.handler(Progress(unit: "percent", done: percent, total: 100)) { relay.stopped = true }
        return relay.stopped ? 0 : 1
    }
}

/// Writes a buffer as one GeoTIFF; the grid comes from the buffer.
///
/// - Parameters:
///   - buffer: Pixels, bands and samples as the format says.
///   - path: The target.
///   - format: How it is written.
///   - cloudOptimized: Whether it becomes a cloud optimized GeoTIFF with overviews.
///   - overwrite: Whether a file of that name may be replaced.
/// - Throws: `exists`, `writeFailed`, `diskFull`, `badGrid`, `badRange`.
public func writeRaster(
    _ buffer: PixelBuffer, to path: String, format: RasterFormat, cloudOptimized: Bool = false,
    overwrite: Bool = false
) throws(RasterError) {
    let grid = buffer.grid ?? .unplaced(width: buffer.width, height: buffer.height)
    let masked = format.nodata == nil && buffer.validity?.contains(false) == true
    let writer = try RasterWriter(path: path, grid: grid, format: format, overwrite: overwrite, masked: masked)
    try writer.write(buffer, column: 0, row: 0)
    try writer.finish(cloudOptimized: cloudOptimized)
}

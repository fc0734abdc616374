// A GeoTIFF in the making: created, described and filled through GDAL.
internal import CGDAL
import Geo
internal import Telemetry

/// A tiled, sparse GeoTIFF open for writing.
final class GeoTIFF {
    let gdal: GDALFunctions
    let place: String
    let format: RasterFormat
    let width: Int
    let height: Int
    private var handle: GDALDatasetH?
    private var mask: GDALRasterBandH?

    /// Creates the file.
    ///
    /// - Parameters:
    ///   - name: Where GDAL writes.
    ///   - place: The name for messages.
    ///   - masked: Whether invalid pixels get a mask band; only without nodata.
    init(
        name: String, place: String, grid: Grid, format: RasterFormat, masked: Bool, options: [String]
    ) throws(RasterError) {
        let gdal = try GDAL.api()
        self.gdal = gdal
        self.place = place
        self.format = format
        width = grid.width
        height = grid.height
        guard let columns = Int32(exactly: grid.width), let rows = Int32(exactly: grid.height), columns > 0,
            rows > 0, let bands = Int32(exactly: format.bands.count), bands > 0, bands <= 65535
        else {
            throw RasterError(
                .badGrid, "\(grid.width) x \(grid.height) pixels and \(format.bands.count) bands do not make a raster",
                in: place)
        }
        let crs = try grid.crs.map { crs throws(RasterError) in try SpatialReference(crs) }
        let type =
            switch format.sampleType {
            case .uint8: GDT_Byte
            case .uint16: GDT_UInt16
            case .int16: GDT_Int16
            case .float32: GDT_Float32
            }
        let (made, messages) = withStringList(options, gdal) { list in
            gdal.collect { gdal in
                gdal.GDALGetDriverByName("GTiff").flatMap {
                    gdal.GDALCreate($0, name, columns, rows, bands, type, list)
                }
            }
        }
        guard let made else {
            throw RasterError(
                .writeFailed, "cannot create the raster", in: place, why: messages.all,
                try: "check that the folder exists and is writable")
        }
        handle = made
        try describe(grid, crs)
        if masked { try addMask() }
    }

    deinit {
        if let handle { _ = gdal.collect { discard($0.GDALClose(handle)) } }
    }

    private func describe(_ grid: Grid, _ crs: SpatialReference?) throws(RasterError) {
        let handle = try open()
        var numbers = grid.transform.coefficients
        let (failed, messages) = gdal.collect { gdal -> Bool in
            var failed = false
            // A grid without CRS and with the transform of plain pixels is an image without a place.
            let plain = GeoTransform(originX: 0, originY: 0, pixelSize: 1)
            if grid.crs != nil || grid.transform != plain {
                failed = gdal.GDALSetGeoTransform(handle, &numbers) != CE_None
            }
            if let crs { failed = gdal.GDALSetSpatialRef(handle, crs.handle) != CE_None || failed }
            for (name, value) in format.tags.sorted(by: { $0.key < $1.key }) {
                failed = gdal.GDALSetMetadataItem(handle, name, value, nil) != CE_None || failed
            }
            for (index, info) in format.bands.enumerated() {
                guard let band = gdal.GDALGetRasterBand(handle, Int32(index + 1)) else { return true }
                gdal.GDALSetDescription(band, info.name)
                if let unit = info.unit { failed = gdal.GDALSetRasterUnitType(band, unit) != CE_None || failed }
                if let nodata = format.nodata {
                    failed = gdal.GDALSetRasterNoDataValue(band, nodata) != CE_None || failed
                }
            }
            if let palette = format.palette, let band = gdal.GDALGetRasterBand(handle, 1) {
                failed = setPalette(palette, on: band, gdal) || failed
            }
            return failed
        }
        guard !failed else {
            throw RasterError(.writeFailed, "cannot write the raster's metadata", in: place, why: messages.all)
        }
    }

    private func setPalette(
        _ palette: [RasterFormat.PaletteEntry], on band: GDALRasterBandH, _ gdal: cgdal_api
    ) -> Bool {
        guard let table = gdal.GDALCreateColorTable(GPI_RGB) else { return true }
        defer { gdal.GDALDestroyColorTable(table) }
        // Entries that nobody sets would show as opaque black.
        for index in 0..<256 {
            var empty = GDALColorEntry(c1: 0, c2: 0, c3: 0, c4: 0)
            gdal.GDALSetColorEntry(table, Int32(index), &empty)
        }
        for entry in palette where (0..<256).contains(entry.index) {
            let c = entry.colour.map { Int16($0) }
            var colour = GDALColorEntry(c1: c[0], c2: c[1], c3: c[2], c4: c[3])
            gdal.GDALSetColorEntry(table, Int32(entry.index), &colour)
        }
        return gdal.GDALSetRasterColorTable(band, table) != CE_None
    }

    /// Names, colours and, where they are known, counts of classes, in a file next to the raster.
    func describeClasses(_ counts: [Int: Int]?) {
        guard let palette = format.palette, let handle, let band = gdal.pointee.GDALGetRasterBand(handle, 1) else {
            return
        }
        ClassTable(palette: palette, counts: counts).describe(band, gdal)
    }

    private func addMask() throws(RasterError) {
        let handle = try open()
        let (made, messages) = gdal.collect { gdal -> GDALRasterBandH? in
            gdal.CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
            defer { gdal.CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", nil) }
            guard gdal.GDALCreateDatasetMaskBand(handle, GMF_PER_DATASET) == CE_None else { return nil }
            return gdal.GDALGetRasterBand(handle, 1).flatMap { gdal.GDALGetMaskBand($0) }
        }
        guard let made else {
            throw RasterError(.writeFailed, "cannot add a mask band", in: place, why: messages.all)
        }
        mask = made
    }

    func open() throws(RasterError) -> GDALDatasetH {
        guard let handle else { throw RasterError(.writeFailed, "the raster is closed already", in: place) }
        return handle
    }

    /// Writes pixels at a place inside the grid; invalid ones as nodata, or as 0 with the mask at 0.
    func write(_ buffer: PixelBuffer, column: Int, row: Int) throws(RasterError) {
        guard buffer.bands == format.bands.count else {
            throw RasterError(
                .writeFailed, "got \(buffer.bands) bands for a raster of \(format.bands.count)", in: place)
        }
        guard buffer.sampleType == format.sampleType else {
            throw RasterError(
                .writeFailed, "got \(buffer.sampleType.rawValue) samples for a raster of \(format.sampleType.rawValue)",
                in: place)
        }
        let window = PixelWindow(column: column, row: row, width: buffer.width, height: buffer.height)
        guard column >= 0, row >= 0, column <= width - buffer.width, row <= height - buffer.height else {
            throw RasterError(
                .badGrid,
                "the window \(column),\(row) \(buffer.width)x\(buffer.height) is not inside "
                    + "\(width) x \(height) pixels", in: place)
        }
        guard !window.isEmpty else { return }
        switch buffer.samples {
        case .uint8(let samples): try put(samples, GDT_Byte, buffer, window)
        case .uint16(let samples): try put(samples, GDT_UInt16, buffer, window)
        case .int16(let samples): try put(samples, GDT_Int16, buffer, window)
        case .float32(let samples): try put(samples, GDT_Float32, buffer, window)
        }
        if let mask {
            let flags =
                buffer.validity?.map { $0 ? UInt8(255) : 0 }
                ?? [UInt8](repeating: 255, count: buffer.width * buffer.height)
            try io(flags, 0, mask, GDT_Byte, window)
        }
    }

    private func put<S: Sample>(
        _ samples: [S], _ type: GDALDataType, _ buffer: PixelBuffer, _ window: PixelWindow
    ) throws(RasterError) {
        let handle = try open()
        var samples = samples
        let count = buffer.width * buffer.height
        if let validity = buffer.validity {
            // NaN is a fine nodata value for floats; otherwise what the type cannot hold was refused at creation.
            let absent = format.nodata.map { S(rounding: $0) } ?? S.zero
            for plane in 0..<buffer.bands {
                for i in 0..<count where !validity[i] { samples[plane * count + i] = absent }
            }
        }
        for plane in 0..<buffer.bands {
            guard let band = gdal.pointee.GDALGetRasterBand(handle, Int32(plane + 1)) else { continue }
            try io(samples, plane * count, band, type, window)
        }
    }

    private func io<S>(
        _ samples: [S], _ base: Int, _ band: GDALRasterBandH, _ type: GDALDataType, _ window: PixelWindow
    ) throws(RasterError) {
        let (status, messages) = samples.withUnsafeBufferPointer { buffer in
            gdal.collect {
                $0.GDALRasterIOEx(
                    band, GF_Write, Int32(window.column), Int32(window.row), Int32(window.width),
                    Int32(window.height), buffer.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + base) },
                    Int32(window.width), Int32(window.height), type, 0, 0, nil)
            }
        }
        // Blocks leave the cache at any later call: an error message counts even where the status is good.
        guard status == CE_None, messages.errors.isEmpty else {
            throw RasterError(
                .writeFailed,
                "cannot write window \(window.column),\(window.row) \(window.width)x\(window.height)", in: place,
                why: messages.all)
        }
    }

    /// Writes what the block cache holds of this file, band by band.
    func flush() throws(RasterError) {
        let handle = try open()
        let (_, messages) = gdal.collect { gdal in
            for number in 0..<format.bands.count {
                guard let band = gdal.GDALGetRasterBand(handle, Int32(number + 1)) else { continue }
                discard(gdal.GDALFlushRasterCache(band))
            }
        }
        guard messages.errors.isEmpty else {
            throw RasterError(.writeFailed, "cannot write the raster", in: place, why: messages.all)
        }
    }

    /// Writes what is still in memory and closes the file.
    func close() throws(RasterError) {
        guard let handle else { return }
        self.handle = nil
        mask = nil
        let (_, messages) = gdal.collect { gdal in
            discard(gdal.GDALFlushCache(handle))
            discard(gdal.GDALClose(handle))
        }
        guard messages.errors.isEmpty else {
            throw RasterError(.writeFailed, "cannot finish the raster", in: place, why: messages.errors)
        }
    }
}

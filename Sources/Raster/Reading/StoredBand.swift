// What the file says about one stored band: type, nodata, masks, palette.
internal import CGDAL
import Geo
internal import Telemetry

/// A stored band and how the validity of its pixels is found.
struct StoredBand {
    /// How the validity of one band is found.
    enum Absence {
        /// All pixels count.
        case never
        /// A value, comparable in the type that is read.
        case value(Double)
        /// GDAL's mask band of this band.
        case mask
    }

    let handle: GDALRasterBandH
    let info: RasterBand
    let absence: Absence
    /// Whether nothing but the nodata value decides, so that blocks that were never written hold no valid pixel.
    let isAbsentByNodata: Bool
    /// Bytes that stand for -128 to 127, as GDAL before 3.7 has it.
    let signedByte: Bool
    /// The sample that stands for black where 0 stands for white (TIFF's WhiteIsZero); `nil` where 0 is black.
    let black: Double?

    /// Reads what the file says about a band, from 1.
    init(_ dataset: Dataset, _ index: Int, isPicture: Bool) throws(RasterError) {
        let gdal = dataset.gdal
        let handle = try dataset.band(index)
        self.handle = handle
        let type = gdal.pointee.GDALGetRasterDataType(handle)
        let typeName = gdal.pointee.GDALGetDataTypeName(type).map { String(cString: $0) } ?? "Unknown"
        guard gdal.pointee.GDALDataTypeIsComplex(type) == 0, type != GDT_Unknown else {
            throw RasterError(
                .unsupported, "band \(index) holds \(typeName) values, which geodino does not support",
                in: dataset.path,
                try:
                    "take its magnitude: gdal_calc.py -A \(dataset.quotedName) --allBands=A --calc='abs(A)' --type=Float32 --outfile=magnitude.tif"
            )
        }
        signedByte =
            type == GDT_Byte
            && dataset.metadataItem("PIXELTYPE", "IMAGE_STRUCTURE", of: handle) == "SIGNEDBYTE"
        let sampleType: SampleType =
            switch type {
            case GDT_Byte: signedByte ? .float32 : .uint8
            case GDT_UInt16: .uint16
            case GDT_Int16: .int16
            default: .float32
            }
        let colour = Self.colourName(gdal.pointee.GDALGetRasterColorInterpretation(handle))
        let described = gdal.pointee.GDALGetDescription(handle).map { String(cString: $0) } ?? ""
        var found: Int32 = 0
        let nodata = gdal.collect { $0.GDALGetRasterNoDataValue(handle, &found) }.0
        let hasNodata = found != 0
        let scale = gdal.collect { $0.GDALGetRasterScale(handle, &found) }.0
        let hasScale = found != 0
        let offset = gdal.collect { $0.GDALGetRasterOffset(handle, &found) }.0
        let hasOffset = found != 0
        let unit = gdal.pointee.GDALGetRasterUnitType(handle).map { String(cString: $0) } ?? ""
        let bits = dataset.metadataItem("NBITS", "IMAGE_STRUCTURE", of: handle).flatMap { Int($0) }
        let significantBits = bits.flatMap { (1...16).contains($0) && $0 != sampleType.byteCount * 8 ? $0 : nil }
        let flags = gdal.collect { $0.GDALGetMaskFlags(handle) }.0
        let ownMask = flags & (GMF_ALL_VALID | GMF_PER_DATASET | GMF_ALPHA | GMF_NODATA) == 0
        // As in GDAL, a mask of the whole file decides alone: nodata says nothing beside it.
        let sharedMask = flags & GMF_PER_DATASET != 0 && flags & GMF_ALPHA == 0
        // Types that are read as float32 may not tell their nodata value from its neighbours after that.
        let exact = type == GDT_Byte || type == GDT_UInt16 || type == GDT_Int16 || type == GDT_Float32
        isAbsentByNodata =
            hasNodata && !sharedMask && flags & GMF_NODATA != 0 && !signedByte && Self.holds(nodata, type)
        absence =
            ownMask || (hasNodata && !exact && flags & GMF_NODATA != 0)
            ? .mask : (hasNodata && !sharedMask ? .value(nodata) : .never)
        black =
            !isPicture
            ? nil : try Self.black(dataset, index, colour: colour, sampleType: sampleType, bits: significantBits)
        info = RasterBand(
            index: index,
            name: !described.isEmpty ? described : colour == "undefined" ? "band \(index)" : colour,
            colour: colour, sampleType: sampleType, storedType: signedByte ? "Int8" : typeName,
            nodata: hasNodata ? nodata : nil, unit: unit.isEmpty ? nil : unit,
            scale: hasScale && scale.isFinite && scale != 0 ? scale : 1,
            offset: hasOffset && offset.isFinite ? offset : 0,
            commonName: BandNames.commonName(
                description: described, metadata: dataset.metadata("", of: handle), colour: colour),
            significantBits: significantBits)
    }

    /// Whether 0 stands for white; a virtual raster hands its sources' samples over without a word about it.
    private static func isWhiteZero(_ dataset: Dataset) throws(RasterError) -> Bool {
        if dataset.metadataItem("MINISWHITE", "IMAGE_STRUCTURE") == "YES" { return true }
        guard dataset.path.lowercased().hasSuffix(".vrt") else { return false }
        // Of a mosaic of thousands the first ones speak for all.
        let sources = dataset.files.filter { $0 != dataset.path && !$0.lowercased().hasSuffix(".vrt") }.prefix(8)
        var answers: Set<Bool> = []
        for source in sources {
            guard let opened = try? Dataset.open(source, RasterOpenOptions()) else { continue }
            answers.insert(opened.metadataItem("MINISWHITE", "IMAGE_STRUCTURE") == "YES")
        }
        guard answers.count < 2 else {
            throw RasterError(
                .unsupported, "in some of its sources 0 is white, in others black", in: dataset.path,
                try:
                    "invert those in which 0 is white: gdal_translate -co PHOTOMETRIC=MINISBLACK -scale 0 255 255 0 SOURCE positive.tif"
            )
        }
        return answers.first ?? false
    }

    /// Whether a band's type can hold a nodata value, so that blocks that were never written read as it.
    private static func holds(_ nodata: Double, _ type: GDALDataType) -> Bool {
        switch type {
        case GDT_Byte: UInt8(exactly: nodata) != nil
        case GDT_UInt16: UInt16(exactly: nodata) != nil
        case GDT_Int16: Int16(exactly: nodata) != nil
        case GDT_Float32, GDT_Float64: true
        default: false
        }
    }

    /// The sample that stands for black in a picture whose 0 is white; `nil` in every other.
    ///
    /// GDAL hands the samples over as stored, so the picture would be its own negative.
    private static func black(
        _ dataset: Dataset, _ index: Int, colour: String, sampleType: SampleType, bits: Int?
    ) throws(RasterError) -> Double? {
        guard colour != "palette", try isWhiteZero(dataset) else { return nil }
        switch sampleType {
        case .uint8: return Double((1 << min(bits ?? 8, 8)) - 1)
        case .uint16: return Double((1 << min(bits ?? 16, 16)) - 1)
        case .int16, .float32:
            throw RasterError(
                .unsupported,
                "its photometric interpretation is white-is-zero, and band \(index) holds \(sampleType.rawValue) values, whose black level is unknown",
                in: dataset.path,
                try:
                    // A copy by gdal_translate would keep the palette that GDAL makes up for such files.
                    "invert it: gdal_calc.py -A \(dataset.quotedName) --allBands=A --calc='LOW+HIGH-1.0*A' --type=Float32 --outfile=positive.tif"
            )
        }
    }

    private static func colourName(_ value: GDALColorInterp) -> String {
        switch value {
        case GCI_RedBand: "red"
        case GCI_GreenBand: "green"
        case GCI_BlueBand: "blue"
        case GCI_AlphaBand: "alpha"
        case GCI_PaletteIndex: "palette"
        case GCI_GrayIndex: "gray"
        default: "undefined"
        }
    }

    /// Checks what a header claims, since GDAL allocates a whole block before it reads, and gives strips room in its cache.
    static func checkBlocks(of dataset: Dataset) throws(RasterError) {
        let gdal = dataset.gdal
        let interleaved = dataset.metadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "PIXEL"
        let handle = try dataset.band(1)
        var columns: Int32 = 0
        var rows: Int32 = 0
        gdal.pointee.GDALGetBlockSize(handle, &columns, &rows)
        let sample = Int(gdal.pointee.GDALGetDataTypeSizeBytes(gdal.pointee.GDALGetRasterDataType(handle)))
        var bytes = Int(columns).multipliedReportingOverflow(by: Int(rows))
        if !bytes.overflow { bytes = bytes.partialValue.multipliedReportingOverflow(by: max(1, sample)) }
        if !bytes.overflow, interleaved {
            bytes = bytes.partialValue.multipliedReportingOverflow(by: dataset.bandCount)
        }
        guard !bytes.overflow, bytes.partialValue <= GDAL.largestBlock else {
            throw RasterError(
                .unsupported,
                "its blocks of \(columns) x \(rows) pixels are too large: the limit is 512 MB per block",
                in: dataset.path,
                try: "rewrite it in tiles: gdal_translate -co TILED=YES \(dataset.quotedName) tiled.tif")
        }
        if Int(columns) >= dataset.width {
            BlockCache.makeRoom(
                forStripsOf: dataset.width * dataset.bandCount * sample, rowsOfStrip: Int(rows), height: dataset.height,
                gdal.pointee)
        }
    }

    /// The colours of a band's palette: red, green, blue, alpha; `nil` without one.
    static func palette(_ band: GDALRasterBandH, _ gdal: GDALFunctions) -> [[UInt8]]? {
        guard let table = gdal.pointee.GDALGetRasterColorTable(band) else { return nil }
        var colours: [[UInt8]] = []
        for index in 0..<max(0, min(65536, gdal.pointee.GDALGetColorEntryCount(table))) {
            var entry = GDALColorEntry()
            guard gdal.pointee.GDALGetColorEntryAsRGB(table, index, &entry) != 0 else { return nil }
            colours.append([entry.c1, entry.c2, entry.c3, entry.c4].map { UInt8(clamping: $0) })
        }
        return colours
    }
}

// The stored pixels of a dataset: types, nodata, masks, alpha and palette, and how a window of them is read.
internal import CGDAL
import Geo

/// Reads windows of stored pixels with their validity, by column and row of the file.
final class PixelSource {
    /// How the validity of one band is found.
    enum Absence {
        /// All pixels count.
        case never
        /// A value, comparable in the type that is read.
        case value(Double)
        /// GDAL's mask band of this band.
        case mask
    }

    /// A stored band.
    struct Stored {
        let handle: GDALRasterBandH
        let info: RasterBand
        let absence: Absence
        let signedByte: Bool
    }

    let dataset: Dataset
    let width: Int
    let height: Int
    let bands: [RasterBand]
    /// Red, green, blue, alpha by index, for a palette that is read as colours.
    let palette: [[UInt8]]?
    private let stored: [Int: Stored]
    private let alpha: GDALRasterBandH?
    private let datasetMask: GDALRasterBandH?
    private var gdal: GDALFunctions { dataset.gdal }

    init(_ dataset: Dataset, expandPalette: Bool) throws(RasterError) {
        self.dataset = dataset
        width = dataset.width
        height = dataset.height
        let gdal = dataset.gdal
        guard dataset.bandCount > 0, width > 0, height > 0 else {
            let parts = dataset.metadata("SUBDATASETS").filter { $0.key.hasSuffix("_NAME") }.map(\.value).sorted()
            throw RasterError(
                .unsupported, "the file holds no pixels of its own", in: dataset.path,
                try: parts.isEmpty
                    ? "gdalinfo '\(dataset.path)'"
                    : "open one of its parts: " + parts.prefix(4).joined(separator: ", "))
        }
        var stored: [Int: Stored] = [:]
        var alpha: GDALRasterBandH?
        var infos: [RasterBand] = []
        for index in 1...dataset.bandCount {
            let band = try Self.describe(dataset, index)
            if band.info.colour == "alpha", alpha == nil, dataset.bandCount > 1 {
                alpha = band.handle
            } else {
                stored[index] = band
                infos.append(band.info)
            }
        }
        try Self.checkBlocks(dataset)
        let flags = try gdal.pointee.GDALGetMaskFlags(dataset.band(infos[0].index))
        let perDataset = flags & GMF_PER_DATASET != 0 && flags & GMF_ALPHA == 0 && flags & GMF_ALL_VALID == 0
        if perDataset {
            let first = try dataset.band(infos[0].index)
            datasetMask = gdal.collect { $0.GDALGetMaskBand(first) }.0
        } else {
            datasetMask = nil
        }
        self.alpha = alpha
        var colours: [[UInt8]]?
        if expandPalette, infos.count == 1, infos[0].colour == "palette", infos[0].sampleType != .float32 {
            colours = try Self.palette(dataset.band(infos[0].index), gdal)
        }
        palette = colours
        if colours != nil {
            let index = infos[0]
            infos = ["red", "green", "blue"].enumerated().map { place, colour in
                RasterBand(
                    index: place + 1, name: colour, colour: colour, sampleType: .uint8,
                    storedType: index.storedType, nodata: nil, unit: nil, scale: 1, offset: 0)
            }
        }
        self.stored = stored
        bands = infos
    }

    private static func describe(_ dataset: Dataset, _ index: Int) throws(RasterError) -> Stored {
        let gdal = dataset.gdal
        let handle = try dataset.band(index)
        let type = gdal.pointee.GDALGetRasterDataType(handle)
        let typeName = gdal.pointee.GDALGetDataTypeName(type).map { String(cString: $0) } ?? "Unknown"
        guard gdal.pointee.GDALDataTypeIsComplex(type) == 0, type != GDT_Unknown else {
            throw RasterError(
                .unsupported, "band \(index) holds \(typeName) values, which are not handled", in: dataset.path,
                try: "make it real first, for example with a derived band of a VRT (PixelFunctionType mod)")
        }
        let signedByte =
            type == GDT_Byte
            && dataset.metadataItem("PIXELTYPE", "IMAGE_STRUCTURE", of: handle) == "SIGNEDBYTE"
        let sampleType: SampleType =
            switch type {
            case GDT_Byte: signedByte ? .float32 : .uint8
            case GDT_UInt16: .uint16
            case GDT_Int16: .int16
            default: .float32
            }
        let colour = colourName(gdal.pointee.GDALGetRasterColorInterpretation(handle))
        let described = gdal.pointee.GDALGetDescription(handle).map { String(cString: $0) } ?? ""
        var found: Int32 = 0
        let nodata = gdal.collect { $0.GDALGetRasterNoDataValue(handle, &found) }.0
        let hasNodata = found != 0
        let scale = gdal.collect { $0.GDALGetRasterScale(handle, &found) }.0
        let hasScale = found != 0
        let offset = gdal.collect { $0.GDALGetRasterOffset(handle, &found) }.0
        let hasOffset = found != 0
        let unit = gdal.pointee.GDALGetRasterUnitType(handle).map { String(cString: $0) } ?? ""
        let flags = gdal.collect { $0.GDALGetMaskFlags(handle) }.0
        let ownMask = flags & (GMF_ALL_VALID | GMF_PER_DATASET | GMF_ALPHA | GMF_NODATA) == 0
        // Types that are read as float32 may not tell their nodata value from its neighbours after that.
        let exact = type == GDT_Byte || type == GDT_UInt16 || type == GDT_Int16 || type == GDT_Float32
        let absence: Absence =
            ownMask || (hasNodata && !exact && flags & GMF_NODATA != 0)
            ? .mask : (hasNodata ? .value(nodata) : .never)
        let info = RasterBand(
            index: index,
            name: !described.isEmpty ? described : colour == "undefined" ? "band \(index)" : colour,
            colour: colour, sampleType: sampleType, storedType: signedByte ? "Int8" : typeName,
            nodata: hasNodata ? nodata : nil, unit: unit.isEmpty ? nil : unit,
            scale: hasScale && scale.isFinite ? scale : 1, offset: hasOffset && offset.isFinite ? offset : 0)
        return Stored(handle: handle, info: info, absence: absence, signedByte: signedByte)
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

    /// GDAL allocates a whole block before it reads: what a header claims is checked first.
    private static func checkBlocks(_ dataset: Dataset) throws(RasterError) {
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
                "its blocks of \(columns) x \(rows) pixels are too large: at most 512 MB each are read", in: dataset.path,
                try: "rewrite it in tiles: gdal_translate -co TILED=YES '\(dataset.path)' tiled.tif")
        }
    }

    private static func palette(_ band: GDALRasterBandH, _ gdal: GDALFunctions) -> [[UInt8]]? {
        guard let table = gdal.pointee.GDALGetRasterColorTable(band) else { return nil }
        var colours: [[UInt8]] = []
        for index in 0..<max(0, min(65536, gdal.pointee.GDALGetColorEntryCount(table))) {
            var entry = GDALColorEntry()
            guard gdal.pointee.GDALGetColorEntryAsRGB(table, index, &entry) != 0 else { return nil }
            colours.append([entry.c1, entry.c2, entry.c3, entry.c4].map { UInt8(clamping: $0) })
        }
        return colours
    }

    /// The type that holds the samples of all of these bands.
    func commonType(_ wanted: [Int]) -> SampleType {
        let types = Set(wanted.compactMap { number in bands.first { $0.index == number }?.sampleType })
        if types.count <= 1 { return types.first ?? .uint8 }
        if types == [.uint8, .uint16] { return .uint16 }
        if types == [.uint8, .int16] { return .int16 }
        return .float32
    }

    /// Refuses bands that are not there.
    func check(_ wanted: [Int]) throws(RasterError) {
        for number in wanted where !bands.contains(where: { $0.index == number }) {
            let there = bands.count > 8 ? "1 to \(bands.count)" : bands.map { "\($0.index)" }.joined(separator: ", ")
            throw RasterError(
                .readFailed, "there is no band \(number); the bands are \(there)", in: dataset.path,
                try: "choose among them, counted from 1; alpha is no band to read")
        }
        if wanted.isEmpty { throw RasterError(.readFailed, "no band was asked for", in: dataset.path) }
    }

    /// Reads stored pixels; parts outside the file are invalid and 0, and so are invalid pixels inside.
    ///
    /// - Parameters:
    ///   - window: Columns and rows of the file.
    ///   - wanted: Band numbers, checked before.
    func read(_ window: PixelWindow, _ wanted: [Int]) throws(RasterError) -> PixelBuffer {
        try check(wanted)
        if let palette { return try readPalette(window, wanted, palette) }
        return switch commonType(wanted) {
        case .uint8: try read(window, wanted, UInt8.self, GDT_Byte) { .uint8($0) }
        case .uint16: try read(window, wanted, UInt16.self, GDT_UInt16) { .uint16($0) }
        case .int16: try read(window, wanted, Int16.self, GDT_Int16) { .int16($0) }
        case .float32: try read(window, wanted, Float.self, GDT_Float32) { .float32($0) }
        }
    }

    private func read<S: Sample>(
        _ window: PixelWindow, _ wanted: [Int], _: S.Type, _ type: GDALDataType,
        _ wrap: ([S]) -> PixelBuffer.Samples
    ) throws(RasterError) -> PixelBuffer {
        let (inside, count) = try plan(window, planes: wanted.count, sampleBytes: MemoryLayout<S>.size)
        var samples = [S](repeating: S.zero, count: count * wanted.count)
        var valid = [Bool](repeating: false, count: count)
        guard !inside.isEmpty else {
            return PixelBuffer(
                bands: wanted.count, height: window.height, width: window.width, samples: wrap(samples),
                validity: count > 0 ? valid : nil)
        }
        let place = Placement(window: window, inside: inside)
        for (plane, number) in wanted.enumerated() {
            guard let band = stored[number] else { continue }
            try fetch(band.handle, place, type, &samples, at: plane * count, number)
        }
        // Absent in every band: 0 may be nodata and still a dark pixel's value in one band. Types read as
        // floating point have no such excuse: one absent sample there makes the pixel useless.
        var absentSomewhere = false
        place.forEachRow { start in for i in start..<start + inside.width { valid[i] = true } }
        var presence = [UInt8]()
        let allMustBeAbsent = S.self != Float.self && wanted.count > 1
        if allMustBeAbsent { presence = [UInt8](repeating: 0, count: count) }
        for (plane, number) in wanted.enumerated() {
            guard let band = stored[number] else { continue }
            let base = plane * count
            if band.signedByte {
                place.forEachRow { start in
                    for i in start..<start + inside.width where samples[base + i].double > 127 {
                        samples[base + i] = S(rounding: samples[base + i].double - 256)
                    }
                }
            }
            switch band.absence {
            case .never:
                if allMustBeAbsent { place.forEachRow { s in for i in s..<s + inside.width { presence[i] = 1 } } }
            case .value(let nodata):
                let value = S(exactlyNodata: nodata)
                place.forEachRow { start in
                    for i in start..<start + inside.width {
                        let absent = value.map { samples[base + i] == $0 } ?? false
                        if allMustBeAbsent {
                            if !absent { presence[i] = 1 }
                        } else if absent {
                            valid[i] = false
                        }
                    }
                }
            case .mask:
                let mask = try readMask(gdal.collect { $0.GDALGetMaskBand(band.handle) }.0, place, number)
                place.forEachRow { start in
                    for i in start..<start + inside.width {
                        if mask[i] == 0 { valid[i] = false } else if allMustBeAbsent { presence[i] = 1 }
                    }
                }
            }
            if S.self == Float.self {
                place.forEachRow { start in
                    for i in start..<start + inside.width where !samples[base + i].double.isFinite {
                        valid[i] = false
                    }
                }
            }
        }
        if allMustBeAbsent {
            place.forEachRow { s in for i in s..<s + inside.width where presence[i] == 0 { valid[i] = false } }
        }
        for mask in [alpha, datasetMask] where mask != nil {
            let flags = try readMask(mask, place, 0)
            place.forEachRow { s in for i in s..<s + inside.width where flags[i] == 0 { valid[i] = false } }
        }
        for i in 0..<count where !valid[i] {
            absentSomewhere = true
            for plane in 0..<wanted.count { samples[plane * count + i] = S.zero }
        }
        return PixelBuffer(
            bands: wanted.count, height: window.height, width: window.width, samples: wrap(samples),
            validity: absentSomewhere ? valid : nil)
    }

    private func readPalette(
        _ window: PixelWindow, _ wanted: [Int], _ palette: [[UInt8]]
    ) throws(RasterError) -> PixelBuffer {
        guard let only = stored.keys.first else { throw RasterError(.readFailed, "no band", in: dataset.path) }
        let indices =
            stored[only]?.info.sampleType == .uint8
            ? try read(window, [only], UInt8.self, GDT_Byte) { .uint8($0) }
            : try read(window, [only], UInt16.self, GDT_UInt16) { .uint16($0) }
        let count = indices.height * indices.width
        var valid = indices.validity ?? [Bool](repeating: true, count: count)
        var colours = [UInt8](repeating: 0, count: count * wanted.count)
        func paint<S: Sample>(_ values: [S]) {
            for i in 0..<count where valid[i] {
                let index = Int(values[i].double)
                // An index without colour, or with a transparent one, shows nothing.
                guard index < palette.count, palette[index][3] > 0 else {
                    valid[i] = false
                    continue
                }
                for (plane, band) in wanted.enumerated() {
                    colours[plane * count + i] = palette[index][band - 1]
                }
            }
        }
        switch indices.samples {
        case .uint8(let values): paint(values)
        case .uint16(let values): paint(values)
        default: break
        }
        return PixelBuffer(
            bands: wanted.count, height: indices.height, width: indices.width, samples: .uint8(colours),
            validity: valid.allSatisfy { $0 } ? nil : valid)
    }

    /// Checks sizes before anything is allocated.
    private func plan(
        _ window: PixelWindow, planes: Int, sampleBytes: Int
    ) throws(RasterError) -> (inside: PixelWindow, count: Int) {
        let right = window.column.addingReportingOverflow(window.width)
        let bottom = window.row.addingReportingOverflow(window.height)
        let bytes = (window.pixelCount ?? .max).multipliedReportingOverflow(by: planes * sampleBytes)
        guard !right.overflow, !bottom.overflow, let count = window.pixelCount, !bytes.overflow,
            bytes.partialValue <= GDAL.largestRead
        else {
            throw RasterError(
                .badGrid,
                "a window of \(window.width) x \(window.height) pixels and \(planes) bands is too large to hold",
                in: dataset.path, try: "read at most 2 GB at once")
        }
        let whole = PixelWindow(column: 0, row: 0, width: width, height: height)
        return (window.intersection(whole), count)
    }

    private func readMask(
        _ band: GDALRasterBandH?, _ place: Placement, _ number: Int
    ) throws(RasterError) -> [UInt8] {
        guard let band else { throw RasterError(.readFailed, "a mask band is missing", in: dataset.path) }
        // A 16-bit alpha of 1 is not 0: compared in a type that holds all.
        let count = place.window.width * place.window.height
        guard gdal.pointee.GDALGetRasterDataType(band) == GDT_Byte else {
            var wide = [Float](repeating: 0, count: count)
            try fetch(band, place, GDT_Float32, &wide, at: 0, number)
            return wide.map { $0 == 0 ? 0 : 255 }
        }
        var mask = [UInt8](repeating: 0, count: count)
        try fetch(band, place, GDT_Byte, &mask, at: 0, number)
        return mask
    }

    private func fetch<S: Sample>(
        _ band: GDALRasterBandH, _ place: Placement, _ type: GDALDataType, _ samples: inout [S], at base: Int,
        _ number: Int
    ) throws(RasterError) {
        let inside = place.inside
        let line = place.window.width * MemoryLayout<S>.stride
        let (status, messages) = samples.withUnsafeMutableBufferPointer { buffer in
            gdal.collect {
                $0.GDALRasterIOEx(
                    band, GF_Read, Int32(inside.column), Int32(inside.row), Int32(inside.width),
                    Int32(inside.height), buffer.baseAddress.map { $0 + base + place.offset },
                    Int32(inside.width), Int32(inside.height), type, GSpacing(MemoryLayout<S>.stride),
                    GSpacing(line), nil)
            }
        }
        guard status == CE_None else {
            let name = number == 0 ? "the mask" : "band \(number)"
            throw RasterError(
                .readFailed,
                "cannot read window \(inside.column),\(inside.row) \(inside.width)x\(inside.height) of \(name)",
                in: dataset.path, why: messages.all, try: "gdalinfo -checksum '\(dataset.path)'")
        }
    }
}

/// Where the part of a window that lies inside the file goes in the window's array.
struct Placement {
    let window: PixelWindow
    let inside: PixelWindow

    var offset: Int { (inside.row - window.row) * window.width + inside.column - window.column }

    func forEachRow(_ body: (Int) -> Void) {
        for row in 0..<inside.height { body(offset + row * window.width) }
    }
}

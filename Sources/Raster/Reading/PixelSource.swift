// The stored pixels of a dataset: types, nodata, masks, alpha and palette, and how a window of them is read.
internal import CGDAL
import Geo
import Telemetry

/// Reads windows of stored pixels with their validity, by column and row of the file.
final class PixelSource {
    let dataset: Dataset
    let width: Int
    let height: Int
    let bands: [RasterBand]
    /// Red, green, blue, alpha by index, for a palette that is read as colours.
    let palette: [[UInt8]]?
    /// Number of stored pixels read so far that nothing but their value made invalid; see `RasterOpenOptions.validValues`.
    private(set) var rejectedCount = 0
    /// The same of the last read: indices of its window's pixels.
    private(set) var rejected: [Int] = []
    private let validValues: ClosedRange<Double>?
    private let stored: [Int: StoredBand]
    private let alpha: GDALRasterBandH?
    /// The number of the band that is read as a mask since it is marked as alpha.
    let alphaBand: Int?
    private let datasetMask: GDALRasterBandH?
    private var gdal: GDALFunctions { dataset.gdal }

    init(_ dataset: Dataset, _ options: RasterOpenOptions) throws(RasterError) {
        self.dataset = dataset
        validValues = options.validValues
        knowsUnwritten =
            dataset.gdal.pointee.GDALGetDatasetDriver(dataset.handle)
            .flatMap { dataset.gdal.pointee.GDALGetDriverShortName($0) }.map { String(cString: $0) == "GTiff" } ?? false
        width = dataset.width
        height = dataset.height
        let gdal = dataset.gdal
        guard dataset.bandCount > 0, width > 0, height > 0 else {
            let parts = dataset.metadata("SUBDATASETS").filter { $0.key.hasSuffix("_NAME") }.map(\.value).sorted()
            throw RasterError(
                .unsupported, "the file holds no pixels of its own", in: dataset.path,
                try: parts.isEmpty
                    ? "gdalinfo \(dataset.quotedName)"
                    : "open one of its parts: " + parts.prefix(4).map(shellQuoted).joined(separator: ", "))
        }
        var stored: [Int: StoredBand] = [:]
        var alpha: GDALRasterBandH?
        var alphaBand: Int?
        var infos: [RasterBand] = []
        for index in 1...dataset.bandCount {
            let band = try StoredBand(dataset, index, isPicture: options.expandPalette)
            if band.info.colour == "alpha", alpha == nil, dataset.bandCount > 1 {
                alpha = band.handle
                alphaBand = index
            } else {
                stored[index] = band
                infos.append(band.info)
            }
        }
        try StoredBand.checkBlocks(of: dataset)
        let flags = try gdal.pointee.GDALGetMaskFlags(dataset.band(infos[0].index))
        let perDataset = flags & GMF_PER_DATASET != 0 && flags & GMF_ALPHA == 0 && flags & GMF_ALL_VALID == 0
        if perDataset {
            let first = try dataset.band(infos[0].index)
            datasetMask = gdal.collect { $0.GDALGetMaskBand(first) }.0
        } else {
            datasetMask = nil
        }
        self.alpha = alpha
        self.alphaBand = alphaBand
        var colours: [[UInt8]]?
        if options.expandPalette, infos.count == 1, infos[0].colour == "palette", infos[0].sampleType != .float32 {
            colours = try StoredBand.palette(dataset.band(infos[0].index), gdal)
        }
        palette = colours
        if colours != nil {
            let index = infos[0]
            infos = ["red", "green", "blue"].enumerated().map { place, colour in
                RasterBand(
                    index: place + 1, name: colour, colour: colour, sampleType: .uint8,
                    storedType: index.storedType, nodata: nil, unit: nil, scale: 1, offset: 0, commonName: colour,
                    significantBits: nil)
            }
        }
        self.stored = stored
        bands = infos
    }

    /// Whether the format knows which blocks were never written, and what they read as.
    let knowsUnwritten: Bool

    /// What masks all bands: alpha, a mask of the whole file.
    var maskBands: [GDALRasterBandH] { [alpha, datasetMask].compactMap(\.self) }

    /// A stored band by its number.
    func band(_ number: Int) -> StoredBand? { stored[number] }

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
                .readFailed, "the raster has no band \(number); its bands are \(there)", in: dataset.path,
                try: number == alphaBand
                    ? "band \(number) is marked as alpha; if it holds something else, unmark it: \(dataset.edit("-colorinterp_\(number) undefined", copy: "unmarked.tif"))"
                    : "choose one of these bands")
        }
        if wanted.isEmpty { throw RasterError(.readFailed, "no band was requested", in: dataset.path) }
    }

    /// Reads stored pixels; parts outside the file are invalid and 0, and so are invalid pixels inside.
    ///
    /// - Parameters:
    ///   - window: Columns and rows of the file.
    ///   - wanted: Band numbers, checked before.
    func read(_ window: PixelWindow, _ wanted: [Int]) throws(RasterError) -> PixelBuffer {
        try check(wanted)
        rejected = []
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
        guard !inside.isEmpty, !isEmpty(inside, wanted) else {
            return PixelBuffer(
                bands: wanted.count, height: window.height, width: window.width, samples: wrap(samples),
                validity: count > 0 ? [Bool](repeating: false, count: count) : nil)
        }
        let place = Placement(window: window, inside: inside)
        for (plane, number) in wanted.enumerated() {
            guard let band = stored[number] else { continue }
            try fetch(band.handle, place, type, &samples, at: plane * count, number)
        }
        var validity = Validity(place: place, count: count)
        // Nodata of integers must be in every band: 0 may be nodata and still a dark pixel's value in one band.
        // Floating point has no such excuse: one absent sample makes the pixel useless.
        let strict = S.self == Float.self || wanted.count == 1
        for (plane, number) in wanted.enumerated() {
            guard let band = stored[number] else { continue }
            let base = plane * count
            if band.signedByte {
                place.forEach { i in
                    let value = samples[base + i].double
                    if value > 127 { samples[base + i] = S(rounding: value - 256) }
                }
            }
            if case .value(let nodata) = band.absence, let absent = S(exactlyNodata: nodata) {
                if strict {
                    validity.remove { samples[base + $0].isNodata(absent) }
                } else {
                    validity.keep { !samples[base + $0].isNodata(absent) }
                }
            } else if !strict {
                validity.keepAll()
            }
            if case .mask = band.absence {
                let mask = try readMask(gdal.collect { $0.GDALGetMaskBand(band.handle) }.0, place, number)
                validity.remove { mask[$0] == 0 }
            }
            if S.self == Float.self { validity.remove { !samples[base + $0].double.isFinite } }
        }
        if !strict { validity.removeUnkept() }
        for band in [alpha, datasetMask] where band != nil {
            let mask = try readMask(band, place, 0)
            validity.remove { mask[$0] == 0 }
        }
        for (plane, number) in wanted.enumerated() {
            guard let band = stored[number] else { continue }
            if let black = band.black {
                place.forEach { i in
                    samples[plane * count + i] = S(rounding: black - samples[plane * count + i].double)
                }
            }
            if let validValues {
                reject(&validity, place) { i in
                    !validValues.contains(samples[plane * count + i].double * band.info.scale + band.info.offset)
                }
            }
            // Last, so that fills that nobody declared are counted where values are.
            if S.self == Float.self { validity.remove { !samples[plane * count + $0].isMeasurement } }
        }
        let flags = validity.flags
        let complete = !flags.contains(false)
        if !complete {
            for i in 0..<count where !flags[i] {
                for plane in 0..<wanted.count { samples[plane * count + i] = S.zero }
            }
        }
        return PixelBuffer(
            bands: wanted.count, height: window.height, width: window.width, samples: wrap(samples),
            validity: complete ? nil : flags)
    }

    /// Takes out pixels with values that do not count, and counts them.
    private func reject(_ validity: inout Validity, _ place: Placement, where isWrong: (Int) -> Bool) {
        let flags = validity.flags
        var found: [Int] = []
        validity.remove { i in
            guard flags[i], isWrong(i) else { return false }
            found.append(i)
            return true
        }
        rejected += found
        rejectedCount += found.count
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

    /// Share of the alpha band's samples in a window inside the file that are neither 0 nor the largest; 0 without alpha.
    func alphaSpread(_ window: PixelWindow) throws(RasterError) -> Double {
        guard let alpha else { return 0 }
        var samples = [Float](repeating: 0, count: window.width * window.height)
        try fetch(alpha, Placement(window: window, inside: window), GDT_Float32, &samples, at: 0, alphaBand ?? 0)
        let most = samples.max() ?? 0
        // 255, but for masks of 0 and 1.
        let opaque: Float = gdal.pointee.GDALGetRasterDataType(alpha) == GDT_Byte && most > 1 ? 255 : most
        return Double(samples.count { $0 != 0 && $0 != opaque }) / Double(max(1, samples.count))
    }

    /// Reads a band of validity: 0 where a pixel is invalid.
    func readMask(
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

    /// Reads the part of a window that is inside the file, in a type of GDAL's that has the size of `S`.
    func fetch<S>(
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
        // GDAL calls a JPEG block that broke off a success with a warning, and fills the rest with grey.
        let broken = messages.warnings.contains {
            $0.contains("Corrupt JPEG data") || $0.contains("Premature end of JPEG")
        }
        guard status == CE_None, !broken else {
            let name = number == 0 ? "the mask" : "band \(number)"
            throw RasterError(
                .readFailed,
                "cannot read window \(inside.column),\(inside.row) \(inside.width)x\(inside.height) of \(name)",
                in: dataset.path, why: messages.all,
                try: Dataset.remoteAdvice(dataset.path, messages.all) ?? "gdalinfo -checksum \(dataset.quotedName)")
        }
    }
}

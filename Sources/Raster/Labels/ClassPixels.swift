// The stored numbers of a band of classes, with their validity.
internal import CGDAL
import Geo
internal import Telemetry

/// Reads windows of a band of whole numbers.
struct ClassPixels {
    /// The band's number, from 1.
    let number: Int
    let band: StoredBand
    private let source: PixelSource
    /// Whether its type holds numbers that an `Int32` does not.
    private let isWide: Bool
    /// The value that stands for nodata, where comparing is enough.
    private let nodata: Int32?
    /// Whether GDAL's own mask of the band says what is nodata.
    private let isMasked: Bool

    /// Types of bands whose values are classes.
    private static let types: Set = ["Byte", "Int8", "UInt16", "Int16", "Int32", "UInt32", "Int64", "UInt64"]

    /// Bytes of memory per pixel that is read.
    static let bytesPerPixel = MemoryLayout<Int32>.size + MemoryLayout<Bool>.size

    /// Looks at a band.
    ///
    /// - Throws: `badLabels` for a band of another type, `readFailed` for a band that is not there.
    init(_ source: PixelSource, _ number: Int) throws(RasterError) {
        let dataset = source.dataset
        try source.check([number])
        guard let band = source.band(number) else {
            throw RasterError(.readFailed, "the raster has no band \(number)", in: dataset.path)
        }
        let type = band.info.storedType
        guard Self.types.contains(type) else {
            throw RasterError(
                .badLabels, "band \(number) holds \(type) values, but classes are whole numbers", in: dataset.path,
                why: ["the type of the band decides, whatever its values are"],
                try: "if its values are whole numbers, convert them: \(Self.conversion(of: band, in: dataset))")
        }
        self.number = number
        self.band = band
        self.source = source
        isWide = ["UInt32", "Int64", "UInt64"].contains(type)
        let flags = dataset.gdal.collect { $0.GDALGetMaskFlags(band.handle) }.0
        switch band.absence {
        case .value(let value):
            nodata = Int32(exactly: value)
            isMasked = false
        case .mask:
            nodata = nil
            isMasked = true
        case .never:
            // Of 64-bit bands GDAL tells the nodata value by functions of their own; its mask knows it.
            nodata = nil
            isMasked = isWide && flags & GMF_NODATA != 0
        }
    }

    /// The command that turns the numbers of a band into whole ones.
    private static func conversion(of band: StoredBand, in dataset: Dataset) -> String {
        let isWhole = band.info.nodata.map { Int32(exactly: $0) != nil } ?? true
        // A nodata value that the new type cannot hold would become a class.
        return isWhole
            ? "gdal_translate -ot Int32 \(dataset.quotedName) classes.tif"
            : "gdalwarp -ot Int32 -dstnodata -9999 \(dataset.quotedName) classes.tif"
    }

    /// Reads a window of the file, pixel for pixel; what is outside the file is invalid, and invalid pixels are 0.
    ///
    /// - Throws: `readFailed`; `badGrid` for more than 2 GB; `badLabels` for a number that an `Int32` does not hold.
    func read(_ window: PixelWindow) throws(RasterError) -> (values: [Int32], validity: [Bool]) {
        let bytes = (window.pixelCount ?? .max).multipliedReportingOverflow(by: Self.bytesPerPixel)
        guard let count = window.pixelCount, !bytes.overflow, bytes.partialValue <= GDAL.largestRead else {
            throw RasterError(
                .badGrid, "a window of \(window.width) x \(window.height) pixels is too large to hold",
                in: source.dataset.path, try: "read at most 2 GB at once")
        }
        let inside = window.intersection(
            PixelWindow(column: 0, row: 0, width: source.width, height: source.height))
        guard !inside.isEmpty, !source.isEmpty(inside, [number]) else {
            return ([Int32](repeating: 0, count: count), [Bool](repeating: false, count: count))
        }
        let place = Placement(window: window, inside: inside)
        var validity = Validity(place: place, count: count)
        if isMasked {
            let (mask, _) = source.dataset.gdal.collect { $0.GDALGetMaskBand(band.handle) }
            let flags = try source.readMask(mask, place, number)
            validity.remove { flags[$0] == 0 }
        }
        for mask in source.maskBands {
            let flags = try source.readMask(mask, place, 0)
            validity.remove { flags[$0] == 0 }
        }
        var values = isWide ? try wide(place, count, validity.flags) : try narrow(place, count)
        if let nodata { validity.remove { values[$0] == nodata } }
        let flags = validity.flags
        for i in 0..<count where !flags[i] { values[i] = 0 }
        return (values, flags)
    }

    private func narrow(_ place: Placement, _ count: Int) throws(RasterError) -> [Int32] {
        var values = [Int32](repeating: 0, count: count)
        try source.fetch(band.handle, place, GDT_Int32, &values, at: 0, number)
        if band.signedByte { place.forEach { if values[$0] > 127 { values[$0] -= 256 } } }
        return values
    }

    private func wide(_ place: Placement, _ count: Int, _ isValid: [Bool]) throws(RasterError) -> [Int32] {
        var numbers = [Double](repeating: 0, count: count)
        try source.fetch(band.handle, place, GDT_Float64, &numbers, at: 0, number)
        var values = [Int32](repeating: 0, count: count)
        var odd: Double?
        place.forEach { i in
            guard isValid[i] else { return }
            if let value = Int32(exactly: numbers[i]) { values[i] = value } else { odd = odd ?? numbers[i] }
        }
        if let odd {
            let shown = Telemetry.number(odd)
            throw RasterError(
                .badLabels, "band \(number) holds the value \(shown), which is too large for a class",
                in: source.dataset.path,
                why: ["classes are whole numbers from \(Int32.min) to \(Int32.max)"],
                try:
                    "if it stands for no data, say so: \(source.dataset.edit("-a_nodata \(shown)", copy: "labels.tif"))"
            )
        }
        return values
    }
}

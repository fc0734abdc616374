// Small GeoTIFFs in memory: the members of a corpus.
internal import CGDAL
public import Geo
public import Telemetry

/// Encodes pixels as a small GeoTIFF; the same pixels always give the same bytes.
///
/// Invalid pixels become nodata, or a mask band where the format has no nodata value. The grid comes from the
/// buffer; a tile without one is nowhere on Earth.
///
/// - Throws: `writeFailed`, `badGrid`, `badRange` for a nodata value that the type cannot hold.
public func encodeTile(_ buffer: PixelBuffer, format: RasterFormat) throws(RasterError) -> [UInt8] {
    let gdal = try GDAL.api()
    let name = memoryName()
    defer { _ = gdal.collect { $0.VSIUnlink(name) } }
    try format.check(in: "")
    var tiled = format
    // One block is enough for a tile that fits it, and no block is larger than its tile.
    let side = max(buffer.width, buffer.height)
    tiled.blockSize = min(format.blockSize, max(16, (side + 15) / 16 * 16))
    let grid = buffer.grid ?? .unplaced(width: buffer.width, height: buffer.height)
    let file = try GeoTIFF(
        name: name, place: "", grid: grid, format: tiled,
        masked: format.nodata == nil && buffer.validity?.contains(false) == true,
        options: tiled.creationOptions)
    try file.write(buffer, column: 0, row: 0)
    try file.close()
    var length: vsi_l_offset = 0
    guard let bytes = gdal.pointee.VSIGetMemFileBuffer(name, &length, 0), length > 0 else {
        throw RasterError(.writeFailed, "the tile was not encoded")
    }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(length)))
}

/// Decodes a small GeoTIFF from memory; no other format, no other files.
///
/// - Throws: `notRaster` where the bytes are not a GeoTIFF, `readFailed` where they are damaged.
public func decodeTile(_ bytes: [UInt8]) throws(RasterError) -> PixelBuffer {
    let gdal = try GDAL.api()
    let name = memoryName()
    var copy = bytes
    return try copy.withUnsafeMutableBufferPointer { buffer throws(RasterError) in
        // GDAL only borrows the bytes; the file is unlinked before the borrow ends.
        let (file, messages) = gdal.collect {
            $0.VSIFileFromMemBuffer(name, buffer.baseAddress, vsi_l_offset(buffer.count), 0)
        }
        guard let file else { throw RasterError(.readFailed, "cannot hold the tile", why: messages.all) }
        defer {
            _ = gdal.collect {
                discard($0.VSIFCloseL(file))
                discard($0.VSIUnlink(name))
            }
        }
        do throws(RasterError) {
            let options = RasterOpenOptions(allowedDrivers: ["GTiff"], siblings: false, expandPalette: false)
            let reader = try RasterReader(path: name, options: options)
            return try reader.read(reader.grid.window)
        } catch {
            throw RasterError(
                error.code, error.what, why: error.causes,
                try: "the tile of \(bytes.count) bytes is damaged or not a GeoTIFF")
        }
    }
}

extension Grid {
    /// The grid of an image that is nowhere on Earth.
    static func unplaced(width: Int, height: Int) -> Grid {
        Grid(
            crs: nil, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: width,
            height: height)
    }
}

extension RasterFormat {
    /// Refuses what cannot be written.
    func check(in place: String) throws(RasterError) {
        if let nodata {
            let fits =
                switch sampleType {
                case .uint8: UInt8(exactlyNodata: nodata) != nil
                case .uint16: UInt16(exactlyNodata: nodata) != nil
                case .int16: Int16(exactlyNodata: nodata) != nil
                case .float32: true
                }
            guard fits else {
                throw RasterError(
                    .badRange, "\(sampleType.rawValue) cannot hold the nodata value \(nodata)", in: place,
                    try: "choose a value in the type's range")
            }
        }
        if let palette {
            guard sampleType == .uint8, bands.count == 1 else {
                throw RasterError(.badRange, "a palette needs a single uint8 band", in: place)
            }
            if let wrong = palette.first(where: { !(0..<256).contains($0.index) }) {
                throw RasterError(.badRange, "palette entry \(wrong.index) is not within 0 to 255", in: place)
            }
        }
        if compression != .none {
            let codec = compression.rawValue.uppercased()
            guard GDAL.codecs().contains(codec) else {
                throw RasterError(
                    .unsupported, "this GDAL cannot write \(codec)", in: place,
                    try: "choose one of: \(GDAL.codecs().joined(separator: ", "))")
            }
        }
    }
}

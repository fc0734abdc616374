// Quick-looks for people.
internal import CGDAL
internal import Files
public import Geo
public import Telemetry

#if canImport(Glibc)
    import Glibc
#endif

/// Writes 8-bit pixels as a PNG; a picture of that name is replaced.
///
/// - Parameters:
///   - picture: `uint8`, 1 band (grey), 3 (red, green, blue) or 4 (and alpha). With 1 or 3 bands, invalid pixels
///     become transparent.
///   - path: The target.
/// - Throws: `unsupported` for other bands or types, `writeFailed`.
public func writePNG(_ picture: PixelBuffer, to path: String) throws(RasterError) {
    let gdal = try GDAL.api()
    guard case .uint8(var samples) = picture.samples, [1, 3, 4].contains(picture.bands), picture.width > 0,
        picture.height > 0
    else {
        throw RasterError(
            .unsupported,
            "a PNG takes 1, 3 or 4 bands of uint8; these are \(picture.bands) of \(picture.sampleType.rawValue)",
            in: path)
    }
    var bands = picture.bands
    if bands != 4, let validity = picture.validity {
        samples += validity.map { $0 ? 255 : 0 }
        bands += 1
    }
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let temporary = "\(path[..<slash]).\(path[slash...]).partial-\(getpid()).png"
    let width = Int32(picture.width)
    let height = Int32(picture.height)
    let count = picture.width * picture.height
    let (done, messages) = gdal.collect { gdal -> Bool in
        // No .aux.xml beside a picture.
        gdal.CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", "NO")
        defer { gdal.CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", nil) }
        guard let memory = gdal.GDALGetDriverByName("MEM"), let driver = gdal.GDALGetDriverByName("PNG"),
            let dataset = gdal.GDALCreate(memory, "", width, height, Int32(bands), GDT_Byte, nil)
        else { return false }
        defer { discard(gdal.GDALClose(dataset)) }
        for index in 0..<bands {
            guard let band = gdal.GDALGetRasterBand(dataset, Int32(index + 1)) else { return false }
            let isAlpha = index == bands - 1 && bands % 2 == 0
            let colours = bands < 3 ? [GCI_GrayIndex] : [GCI_RedBand, GCI_GreenBand, GCI_BlueBand]
            _ = gdal.GDALSetRasterColorInterpretation(band, isAlpha ? GCI_AlphaBand : colours[index])
            let status = samples.withUnsafeMutableBufferPointer {
                gdal.GDALRasterIOEx(
                    band, GF_Write, 0, 0, width, height, $0.baseAddress.map { $0 + index * count }, width,
                    height, GDT_Byte, 0, 0, nil)
            }
            if status != CE_None { return false }
        }
        guard let copy = gdal.GDALCreateCopy(driver, temporary, dataset, 0, nil, nil, nil) else { return false }
        discard(gdal.GDALClose(copy))
        return true
    }
    guard done, messages.errors.isEmpty else {
        unlink(temporary)
        throw RasterError(
            .writeFailed, "cannot write the picture", in: path, why: messages.all,
            try: "check that the folder exists and has free space")
    }
    do throws(RasterError) {
        try Disk<RasterFailure>.sync(temporary)
        try Disk<RasterFailure>.rename(temporary, to: path)
    } catch {
        unlink(temporary)
        throw error
    }
}

// What stands in the place of a file that GDAL cannot open.
internal import CGDAL
internal import Files

#if canImport(Glibc)
    internal import Glibc
#endif

/// The first bytes of a file, 0 to `count`; `nil` where it cannot be read, or is a pipe, whose bytes are gone once they are read.
func fileHead(of name: String, _ gdal: GDALFunctions, count: Int = 1 << 12) -> [UInt8]? {
    if !name.hasPrefix("/vsi") {
        var status = stat()
        guard stat(name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    }
    return gdal.collect { gdal -> [UInt8]? in
        guard let file = gdal.VSIFOpenL(name, "rb") else { return nil }
        defer { discard(gdal.VSIFCloseL(file)) }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = gdal.VSIFReadL(&bytes, 1, count, file)
        return Array(bytes.prefix(read))
    }.0
}

/// What stands in the place of the file that was meant: nothing at all, a page, a pointer, a message, an unfinished download.
func replacement(for name: String, _ gdal: GDALFunctions) -> FileNature? {
    guard let head = fileHead(of: name, gdal) else { return nil }
    if head.isEmpty { return .empty }
    let nature = head.withUnsafeBytes { FileNature($0, path: name) }
    return nature?.isReplacement == true ? nature : nil
}

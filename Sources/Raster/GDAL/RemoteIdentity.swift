// What names the content of a file on another machine, whatever token it is fetched with.
internal import CGDAL
internal import Files
public import Telemetry

/// What names the content of a remote file: its address without secrets, its size, and the server's ETag or, where it
/// gives none, a hash of pieces from its whole length.
///
/// A renewed token, or another order of parameters, changes nothing.
///
/// - Parameter path: A path or an address as GDAL's drivers take it.
/// - Returns: `nil` for what is not an address: files of this machine, and GDAL's own ones (`/vsimem/`, `/vsizip/`).
/// - Throws: `readFailed` where the file cannot be read, `cancelled` while it waits, `gdalMissing`.
public func remoteIdentity(of path: String) throws(RasterError) -> String? {
    guard isAddress(path) else { return nil }
    let name = GDALName.of(path)
    // A part of a file, or a service: what it reads cannot be asked for its size.
    guard name.hasPrefix("/vsi") else { return Redaction.identity(ofService: path) }
    let address = Redaction.identity(of: path)
    let gdal = try GDAL.api()
    Redaction.learn(address: path)
    return try GDAL.waiting(true, for: path) { () throws(RasterError) in
        "\(address) \(try content(of: name, path, gdal))"
    }
}

/// Whether a path is that of something on another machine.
private func isAddress(_ path: String) -> Bool {
    let folders = [
        "/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift", "/vsihdfs", "/vsiwebhdfs",
    ]
    return path.contains("://") || folders.contains(where: GDALName.of(path).contains)
}

/// Whether a raster is on another machine, or is a document of this one, such as a VRT, that names addresses.
package func namesAddress(_ path: String) -> Bool {
    isAddress(path) || isPlainFile(path) && Redaction.identity(ofDocumentAt: path) != nil
}

/// Size and ETag, or size and hash.
private func content(of name: String, _ path: String, _ gdal: GDALFunctions) throws(RasterError) -> String {
    let (opened, messages) = gdal.collect { $0.VSIFOpenL(name, "rb") }
    guard let file = opened else {
        throw RasterError(
            .readFailed, "cannot read the file", in: path, why: messages.all,
            try: "check that the address is correct and its token still valid")
    }
    defer { _ = gdal.collect { discard($0.VSIFCloseL(file)) } }
    let size = gdal.collect { gdal -> UInt64 in
        gdal.VSIFSeekL(file, 0, SEEK_END) == 0 ? UInt64(gdal.VSIFTellL(file)) : 0
    }.0
    if let tag = entityTag(name, gdal) { return "\(size) \(tag)" }
    let piece: UInt64 = 1 << 14
    let count: UInt64 = 16
    let offsets = size <= count * piece ? [0] : (0..<count).map { (size - piece) / (count - 1) * $0 }
    var hash = SHA256()
    for offset in offsets {
        var bytes = [UInt8](repeating: 0, count: Int(min(size, offsets.count == 1 ? count * piece : piece)))
        let (got, why) = bytes.withUnsafeMutableBufferPointer { buffer in
            gdal.collect { gdal -> Int in
                guard gdal.VSIFSeekL(file, vsi_l_offset(offset), SEEK_SET) == 0 else { return 0 }
                return gdal.VSIFReadL(buffer.baseAddress, 1, buffer.count, file)
            }
        }
        guard got == bytes.count else {
            throw RasterError(
                .readFailed, "cannot read \(bytes.count) bytes at offset \(offset)", in: path, why: why.all,
                try: "check the address, and that its server supports range requests")
        }
        hash.update(bytes)
    }
    return "\(size) \(hash.finalize())"
}

/// The server's name for the content; `nil` where it gives none.
private func entityTag(_ name: String, _ gdal: GDALFunctions) -> String? {
    let (list, _) = gdal.collect { $0.VSIGetFileMetadata(name, "HEADERS", nil) }
    guard let list else { return nil }
    defer { gdal.pointee.CSLDestroy(list) }
    for header in strings(of: UnsafePointer(list)) {
        guard let equals = header.firstIndex(of: "="), header[..<equals].lowercased() == "etag" else { continue }
        // Whether it is a weak one depends on how the answer was packed.
        let tag = header[header.index(after: equals)...]
        return String(tag.hasPrefix("W/") ? tag.dropFirst(2) : tag)
    }
    return nil
}

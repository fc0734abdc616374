// What a raster's content is called, so that a corpus, a fit or a run can tell whether its inputs have changed.
internal import Files
internal import Geo
package import Raster
internal import Telemetry

/// The name of a raster's content.
package struct Fingerprint: Sendable, Hashable {
    /// SHA-256, lower-case hexadecimal.
    package let value: String
    /// How it was made before addresses were named without their secrets; `nil` for files that hold no address.
    package let former: FormerFingerprint?

    /// Names a raster by its grid, its bands, and 64 kB pieces from its whole length.
    ///
    /// Whole rasters would take as long to hash as to read. What GDAL reads through a driver of its own is named by its path
    /// instead of its bytes, and what is on another machine by `remoteIdentity`.
    ///
    /// - Throws: `readFailed`.
    package init(_ reader: RasterReader) throws {
        var start = "\(reader.grid.width) \(reader.grid.height) \(reader.grid.transform.coefficients);"
        for band in reader.bands {
            start += "\(band.index) \(band.colour) \(band.storedType) \(band.nodata ?? .nan);"
        }
        var hash = SHA256()
        hash.update(Array(start.utf8))
        guard let bytes = Self.size(reader.path) else {
            if let identity = try remoteIdentity(of: reader.path) {
                hash.update(Array(identity.utf8))
                former = .ofAddress(start: start)
            } else {
                hash.update(Array(reader.path.utf8))
                former = nil
            }
            value = hash.finalize()
            return
        }
        let content = try Array("\(bytes)".utf8) + sampled(reader.path, bytes: bytes, pieces: 32)
        // A virtual raster may name addresses.
        guard let identity = Redaction.identity(ofDocumentAt: reader.path) else {
            hash.update(content)
            value = hash.finalize()
            former = nil
            return
        }
        var formerHash = hash
        hash.update(Array("\(identity.count)".utf8))
        hash.update(identity)
        formerHash.update(content)
        value = hash.finalize()
        former = .ofDocument(fingerprint: formerHash.finalize())
    }

    /// Size of a plain file; `nil` for what is none.
    package static func size(_ path: String) -> Int? { isPlainFile(path) ? fileSize(path) : nil }
}

/// What names the content of one image or target of a fit: the size of a file, and all of it or 64 pieces of 64 kB from its whole
/// length; where it is not a plain file, what names a remote one, else its name.
///
/// - Throws: `readFailed`.
package func contentSignature(of path: String) throws -> [UInt8] {
    guard let bytes = Fingerprint.size(path) else { return Array((try remoteIdentity(of: path) ?? path).utf8) }
    // A virtual raster may name addresses.
    if let identity = Redaction.identity(ofDocumentAt: path) {
        return Array("\(identity.count);\(SHA256.hex(of: identity))".utf8)
    }
    return Array("\(bytes);\(SHA256.hex(of: try sampled(path, bytes: bytes, pieces: 64)))".utf8)
}

/// All bytes of a file, or so many pieces of 64 kB from its whole length.
private func sampled(_ path: String, bytes: Int, pieces: Int) throws -> [UInt8] {
    let file = try RangedFile<SceneFailure>(path)
    let piece = 1 << 16
    guard bytes > pieces * piece else { return try file.read(at: 0, count: bytes) }
    var content: [UInt8] = []
    for index in 0..<pieces { content += try file.read(at: (bytes - piece) / (pieces - 1) * index, count: piece) }
    return content
}

/// What a fingerprint was made of before addresses were named without their secrets.
package enum FormerFingerprint: Sendable, Hashable {
    /// Grid and bands as this text, and the address.
    case ofAddress(start: String)
    /// The bytes of a document that names addresses: the whole fingerprint.
    case ofDocument(fingerprint: String)
}

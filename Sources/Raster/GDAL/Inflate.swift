// Deflated bytes of zip archives, inflated by GDAL's zlib.
internal import CGDAL
package import Files
internal import Telemetry

extension GDAL {
    /// Inflates a deflated member of a zip archive; see `Files.Inflate`.
    ///
    /// - Parameters:
    ///   - deflated: The stored bytes (RFC 1951).
    ///   - count: How many they become.
    ///   - checksum: Their checksum, as the archive states it.
    /// - Throws: That they are damaged, or that GDAL is missing.
    package static func inflate(
        _ deflated: UnsafeRawBufferPointer, count: Int, checksum: UInt32
    ) throws(FileComplaint) -> [UInt8] {
        let gdal: GDALFunctions
        do throws(RasterError) { gdal = try api() } catch { throw FileComplaint(error.what) }
        guard count > 0 else { return [] }
        // GDAL reads zlib's and gzip's form only; the latter's head and end (RFC 1952) make zlib compare the checksum.
        var member: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        member.reserveCapacity(deflated.count + 18)
        member += deflated
        member += littleEndian(checksum) + littleEndian(UInt32(truncatingIfNeeded: count))
        var bytes = [UInt8](repeating: 0, count: count)
        var made = 0
        let isWhole = bytes.withUnsafeMutableBytes { target in
            gdal.collect { $0.CPLZLibInflate(member, member.count, target.baseAddress, target.count, &made) != nil }
        }.0
        guard isWhole, made == count else { throw FileComplaint("its compressed bytes are damaged") }
        return bytes
    }
}

// Settings of GDAL for the whole process, and how much its cache of blocks holds.
internal import CGDAL
public import Telemetry

extension GDAL {
    /// Sets GDAL's configuration options and the size of its block cache, for the whole process.
    ///
    /// - Parameters:
    ///   - options: Options by name, as `gdalinfo --config` takes them.
    ///   - cacheMegabytes: Size of the block cache, above 0; `nil` leaves it: `GDAL_CACHEMAX`, else 64, and up to 256 for
    ///     rasters in wide strips.
    /// - Throws: `gdalMissing`, or `badRange` for a cache of no size.
    public static func configure(_ options: [String: String], cacheMegabytes: Int? = nil) throws(RasterError) {
        let gdal = try api()
        if let cacheMegabytes {
            guard cacheMegabytes > 0, cacheMegabytes <= 1 << 30 else {
                throw RasterError(
                    .badRange, "a block cache of \(cacheMegabytes) MB is impossible; expected 1 MB or more")
            }
            BlockCache.setLimit(cacheMegabytes << 20, gdal.pointee)
        }
        for (name, value) in options {
            if name.uppercased() == BlockCache.option { BlockCache.keepLimit() }
            Redaction.learn(setting: name, value: value)
            gdal.pointee.CPLSetConfigOption(name, value)
        }
    }

    /// The most bytes that the block cache may hold; 0 without GDAL.
    package static var cacheLimit: Int { (try? api()).map { Int($0.pointee.GDALGetCacheMax64()) } ?? 0 }
    /// The bytes that the block cache holds; 0 without GDAL.
    package static var cacheUsed: Int { (try? api()).map { Int($0.pointee.GDALGetCacheUsed64()) } ?? 0 }
}

// GDAL's cache of blocks of rasters: one for the whole process, larger for strips, small while a finished raster is copied.
internal import CGDAL
import Synchronization

/// The cache in which GDAL keeps the blocks of all open rasters.
package enum BlockCache {
    /// GDAL's option for the limit.
    static let option = "GDAL_CACHEMAX"
    /// The limit where the user sets none, in MB: windows of a raster in tiles are read no faster with more.
    static let usualMegabytes = 64
    /// The most bytes that rasters in strips raise the usual limit to, for the rest of the process.
    static let limitForStrips = 256 << 20
    /// The rows of a raster in strips that get room, for each raster that is open: windows of 512 pixels that lie at random reach some 1,500.
    package static let rowsOfStrips = 2048
    /// The most bytes for a copy, which reads each block once: enough for those that several threads compress.
    package static let limitOfCopies = 32 << 20

    private struct State {
        /// Whether the user chose no limit.
        var isUsual = false
        var copies = 0
        /// The limit when nothing is copied; known while something is.
        var limit = 0
    }
    private static let state = Mutex(State())

    /// Sets the usual limit, unless the environment has one.
    ///
    /// As an option, which GDAL reads when it first needs the cache: until then another may replace it.
    static func begin(_ gdal: cgdal_api) {
        guard gdal.CPLGetConfigOption(option, nil) == nil else { return }
        gdal.CPLSetConfigOption(option, "\(usualMegabytes)")
        state.withLock { $0.isUsual = true }
    }

    /// Sets the limit that the user chose; while something is copied, it takes full effect when the copy ends.
    static func setLimit(_ bytes: Int, _ gdal: cgdal_api) {
        state.withLock {
            $0.isUsual = false
            set(bytes, gdal, &$0)
        }
    }

    /// The user chose a limit by GDAL's own option.
    static func keepLimit() { state.withLock { $0.isUsual = false } }

    /// Raises the usual limit so that the blocks of a row of windows stay until the row is done, for a raster whose blocks are as wide as itself.
    ///
    /// Each window of such a raster takes whole blocks from the file. If they did not stay, each window of the row would decode
    /// them again: a corpus of a compressed scene 24,000 pixels wide took three times as long.
    ///
    /// - Parameters:
    ///   - bytesOfRow: Bytes of a row of pixels, all bands.
    ///   - rowsOfStrip: Rows of a block.
    ///   - height: Rows of the raster.
    static func makeRoom(forStripsOf bytesOfRow: Int, rowsOfStrip: Int, height: Int, _ gdal: cgdal_api) {
        state.withLock {
            guard $0.isUsual else { return }
            let wanted = limit(forStripsOf: bytesOfRow, rowsOfStrip: rowsOfStrip, height: height)
            if wanted > ($0.copies > 0 ? $0.limit : Int(gdal.GDALGetCacheMax64())) { set(wanted, gdal, &$0) }
        }
    }

    /// The limit that a raster in strips wants, in bytes; for the parameters see `makeRoom`.
    package static func limit(forStripsOf bytesOfRow: Int, rowsOfStrip: Int, height: Int) -> Int {
        let bytes = bytesOfRow.multipliedReportingOverflow(by: min(height, max(rowsOfStrips, rowsOfStrip)))
        return bytes.overflow ? limitForStrips : min(bytes.partialValue, limitForStrips)
    }

    private static func set(_ bytes: Int, _ gdal: cgdal_api, _ state: inout State) {
        state.limit = bytes
        gdal.GDALSetCacheMax64(GIntBig(state.copies > 0 ? min(bytes, limitOfCopies) : bytes))
    }

    /// Runs something that reads rasters from end to end, with a small cache; afterwards the limit is what it was.
    ///
    /// A cache fills to its limit whether or not that helps, so that rewriting a large raster would need more memory than all that
    /// came before it. A limit below `limitOfCopies` stays. Freed memory goes back to the system first: the allocator keeps it
    /// (libtorch's buffers come and go), and fragmented as it is, a copy could reuse little of it.
    static func whileCopying<Answer>(_ gdal: cgdal_api, _ body: () -> Answer) -> Answer {
        state.withLock {
            if $0.copies == 0 {
                $0.limit = Int(gdal.GDALGetCacheMax64())
                gdal.GDALSetCacheMax64(GIntBig(min($0.limit, limitOfCopies)))
            }
            $0.copies += 1
        }
        cgdal_release_freed_memory()
        defer {
            state.withLock {
                $0.copies -= 1
                if $0.copies == 0 { gdal.GDALSetCacheMax64(GIntBig($0.limit)) }
            }
        }
        return body()
    }
}

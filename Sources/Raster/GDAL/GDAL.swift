// The one door to libgdal: opened on first use, configured, asked what it can do.
internal import CGDAL
import Synchronization
public import Telemetry

/// GDAL's functions.
typealias GDALFunctions = UnsafePointer<cgdal_api>

/// libgdal as a whole.
public enum GDAL {
    /// Raised bounds would let one bad header take the machine's memory.
    static let largestBlock = 512 << 20
    /// The most bytes of samples that one read returns.
    static let largestRead = 2 << 30

    private struct Opened: @unchecked Sendable {
        // Never freed, never written after it was filled: safe on any thread.
        let functions: GDALFunctions?
    }

    private static let opened: Opened = {
        guard let functions = cgdal_open() else { return Opened(functions: nil) }
        let gdal = functions.pointee
        // Threads that GDAL starts itself have no handler of ours: theirs must be silent too.
        _ = gdal.CPLSetErrorHandler({ _, _, _ in })
        gdal.GDALAllRegister()
        BlockCache.begin(gdal)
        // Which datum shift a point gets must depend on the point alone, not on its neighbours in the call:
        // PROJ's own rule does that, GDAL's default looks at the mean of all points.
        if gdal.CPLGetConfigOption("OGR_CT_OP_SELECTION", nil) == nil {
            gdal.CPLSetConfigOption("OGR_CT_OP_SELECTION", "PROJ")
        }
        for (name, value) in patience where gdal.CPLGetConfigOption(name, nil) == nil {
            gdal.CPLSetConfigOption(name, value)
        }
        return Opened(functions: functions)
    }()

    /// How long GDAL waits for other machines, by default: 15 seconds for a connection, and for an answer as long as
    /// a byte comes every half minute, however slow; busy servers are asked twice more.
    private static let patience = [
        "GDAL_HTTP_CONNECTTIMEOUT": "15", "GDAL_HTTP_LOW_SPEED_TIME": "30", "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
        "GDAL_HTTP_MAX_RETRY": "2", "GDAL_HTTP_RETRY_DELAY": "1",
    ]

    private static let warningHandler = Mutex<(@Sendable (String) -> Void)?>(nil)

    /// GDAL's functions.
    ///
    /// - Throws: `gdalMissing`.
    static func api() throws(RasterError) -> GDALFunctions {
        guard let functions = opened.functions else {
            throw RasterError(
                .gdalMissing, "cannot open GDAL", why: [String(cString: cgdal_failure())],
                try:
                    "install it (Debian and Ubuntu: apt install libgdal-dev), or set GEODINO_LIBGDAL to the path of libgdal.so"
            )
        }
        return functions
    }

    /// Sends GDAL's warnings somewhere; by default they are dropped.
    public static func reportWarnings(to handler: (@Sendable (String) -> Void)?) {
        warningHandler.withLock { $0 = handler }
    }

    static func report(warning: String) { warningHandler.withLock { $0 }?(warning) }

    /// Names and versions of GDAL and PROJ as they were found.
    ///
    /// - Throws: `gdalMissing`.
    public static func versions() throws(RasterError) -> [(name: String, version: String)] {
        let gdal = try api()
        var major: Int32 = 0
        var minor: Int32 = 0
        var patch: Int32 = 0
        gdal.pointee.OSRGetPROJVersion(&major, &minor, &patch)
        let release = gdal.pointee.GDALVersionInfo("RELEASE_NAME").map { String(cString: $0) } ?? "unknown"
        return [("GDAL", release), ("PROJ", "\(major).\(minor).\(patch)")]
    }

    /// Compression codecs that this GDAL offers for GeoTIFFs, such as `DEFLATE`; empty without GDAL.
    public static func codecs() -> [String] { codecs(ofDriver: "GTiff") }

    /// Compression codecs that this GDAL offers for cloud optimized GeoTIFFs; empty without GDAL.
    public static func cloudOptimizedCodecs() -> [String] { codecs(ofDriver: "COG") }

    private static func codecs(ofDriver name: String) -> [String] {
        guard let gdal = opened.functions?.pointee, let driver = gdal.GDALGetDriverByName(name),
            let list = gdal.GDALGetDriverCreationOptionList(driver)
        else { return [] }
        // <Option name='COMPRESS' ...><Value>NONE</Value><Value alias='..'>DEFLATE</Value>...</Option>
        let pieces = String(cString: list).split(separator: "<", omittingEmptySubsequences: true)
        guard let start = pieces.firstIndex(where: { $0.hasPrefix("Option name='COMPRESS'") }) else { return [] }
        var found: [String] = []
        for piece in pieces[(start + 1)...] {
            if piece.hasPrefix("/Option") { break }
            guard piece.hasPrefix("Value"), let end = piece.firstIndex(of: ">") else { continue }
            found.append(String(piece[piece.index(after: end)...]))
        }
        return found.filter { $0 != "NONE" }
    }
}

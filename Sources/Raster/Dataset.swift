// One GDAL dataset, opened with care and closed by itself.
internal import CGDAL
import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// Owns a GDAL dataset handle.
final class Dataset {
    let handle: GDALDatasetH
    let gdal: GDALFunctions
    let path: String

    /// Takes over a handle.
    init(owning handle: GDALDatasetH, path: String, _ gdal: GDALFunctions) {
        self.handle = handle
        self.path = path
        self.gdal = gdal
    }

    deinit { _ = gdal.collect { discard($0.GDALClose(handle)) } }

    /// Opens a raster for reading.
    static func open(_ path: String, _ options: RasterOpenOptions) throws(RasterError) -> Dataset {
        let gdal = try GDAL.api()
        let input = try InputFile.raster(path)
        let name = gdalName(of: input.name)
        if !isVirtual(name), !FileManager.default.fileExists(atPath: name) {
            throw RasterError(.notFound, "no such file", in: path, try: "check the path")
        }
        let flags = UInt32(GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR)
        let (handle, messages) = withStringList(options.allowedDrivers ?? [], gdal) { drivers in
            withStringList(options.openOptions, gdal) { openOptions in
                // GDAL takes an empty list for none given: a name that is nowhere stands for "no siblings".
                withStringList(["no siblings"], gdal) { none in
                    gdal.collect {
                        $0.GDALOpenEx(
                            name, flags, drivers.map { constant($0) }, openOptions.map { constant($0) },
                            options.siblings ? nil : none.map { constant($0) })
                    }
                }
            }
        }
        guard let handle else {
            var what = "cannot open as a raster"
            if let drivers = options.allowedDrivers { what += " of the kinds \(drivers.joined(separator: ", "))" }
            throw RasterError(.notRaster, what, in: path, why: messages.all, try: "gdalinfo '\(path)'")
        }
        return Dataset(owning: handle, path: path, gdal)
    }

    /// The files that GDAL counts to the dataset.
    var files: [String] {
        gdal.collect { gdal -> [String] in
            guard let list = gdal.GDALGetFileList(handle) else { return [] }
            defer { gdal.CSLDestroy(list) }
            var names: [String] = []
            while let name = list[names.count] { names.append(String(cString: name)) }
            return names
        }.0
    }

    /// A path as GDAL's virtual file systems name it: `https://` and cloud addresses are read in place.
    static func gdalName(of path: String) -> String {
        for (scheme, folder) in [
            ("https://", "/vsicurl/https://"), ("http://", "/vsicurl/http://"), ("s3://", "/vsis3/"),
            ("gs://", "/vsigs/"), ("az://", "/vsiaz/"),
        ] where path.hasPrefix(scheme) {
            return folder + path.dropFirst(scheme.count)
        }
        return path
    }

    /// Whether a name is no plain file: a virtual file, or a connection string such as `HDF5:"a.h5"://b`.
    static func isVirtual(_ name: String) -> Bool {
        name.hasPrefix("/vsi") || name.contains(":") || name.hasPrefix("<")
    }

    var width: Int { Int(gdal.pointee.GDALGetRasterXSize(handle)) }
    var height: Int { Int(gdal.pointee.GDALGetRasterYSize(handle)) }
    var bandCount: Int { Int(gdal.pointee.GDALGetRasterCount(handle)) }

    /// A band by its number, from 1.
    func band(_ index: Int) throws(RasterError) -> GDALRasterBandH {
        guard let band = gdal.pointee.GDALGetRasterBand(handle, Int32(index)) else {
            throw RasterError(.readFailed, "there is no band \(index)", in: path)
        }
        return band
    }

    /// All metadata of a domain; of a band when given, else of the whole.
    func metadata(_ domain: String, of object: GDALMajorObjectH? = nil) -> [String: String] {
        let (list, _) = gdal.collect { $0.GDALGetMetadata(object ?? handle, domain) }
        var result: [String: String] = [:]
        for item in strings(of: list.map { UnsafePointer($0) }) {
            guard let equals = item.firstIndex(of: "=") else { continue }
            result[String(item[..<equals])] = String(item[item.index(after: equals)...])
        }
        return result
    }

    func metadataItem(_ name: String, _ domain: String, of object: GDALMajorObjectH? = nil) -> String? {
        gdal.collect { $0.GDALGetMetadataItem(object ?? handle, name, domain).map { String(cString: $0) } }.0
    }
}

/// A string list as GDAL's functions take it when they only read it.
func constant(
    _ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> UnsafePointer<UnsafePointer<CChar>?> {
    UnsafeRawPointer(list).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
}

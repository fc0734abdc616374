// One GDAL dataset, opened with care and closed by itself.
internal import CGDAL
import Files
import Foundation
import Telemetry

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
        Redaction.learn(address: path)
        let input = try InputFile.raster(path)
        let name = GDALName.of(input.name)
        if !GDALName.isVirtual(name), !FileManager.default.fileExists(atPath: name) {
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
            if let nature = replacement(for: name, gdal) {
                throw RasterError(
                    .notRaster, nature.sentence(insteadOf: "a raster"), in: path, why: nature.details,
                    try: nature.remedy)
            }
            var what = "cannot open as a raster"
            if let drivers = options.allowedDrivers { what += " of the formats \(drivers.joined(separator: ", "))" }
            throw RasterError(
                .notRaster, what, in: path, why: messages.all,
                try: remoteAdvice(path, messages.all) ?? "gdalinfo \(shellQuoted(path))")
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

    /// What to do about a remote file that cannot be read; `nil` for files of this machine.
    static func remoteAdvice(_ path: String, _ causes: [String]) -> String? {
        let name = GDALName.of(path)
        guard path.contains("://") || name.hasPrefix("/vsicurl") else {
            return namesAddress(path)
                ? "check that the addresses in the file respond and that their tokens are still valid" : nil
        }
        func says(_ words: String...) -> Bool { causes.contains { cause in words.contains(where: cause.contains) } }
        if Redaction.isRedacted(path) {
            return "give the address with its token; this one was stored without it"
        }
        if says("Range downloading not supported") {
            return "download the file first: this server does not serve parts of a file"
        }
        if says("too slow", "timed out", "Timeout") {
            return
                "try again later, or allow more time: \(Setting.gdalConfiguration) GDAL_HTTP_LOW_SPEED_TIME=300 \(Setting.gdalConfiguration) GDAL_HTTP_CONNECTTIMEOUT=60"
        }
        if says("403", "405") {
            return
                "give an address whose token is still valid; if the server refuses HEAD, as for many signed addresses: \(Setting.gdalConfiguration) CPL_VSIL_CURL_USE_HEAD=NO"
        }
        return "check that the server responds and that the address and its token are correct"
    }

    /// Whether reading a file may wait for another machine: it has an address, or is a document that may hold some.
    static func mayWait(_ path: String) -> Bool {
        let name = GDALName.of(path)
        if GDALName.isVirtual(name) { return !name.hasPrefix("/vsimem/") }
        // What a pipe gives is gone once it is read.
        var status = stat()
        guard stat(name, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let file = FileHandle(forReadingAtPath: name)
        else { return false }
        defer { try? file.close() }
        let start = ((try? file.read(upToCount: 64)) ?? nil) ?? Data()
        return start.first { !" \t\r\n\u{FEFF}".utf8.contains($0) }.map { "<{".utf8.contains($0) } ?? false
    }

    var width: Int { Int(gdal.pointee.GDALGetRasterXSize(handle)) }
    var height: Int { Int(gdal.pointee.GDALGetRasterYSize(handle)) }
    var bandCount: Int { Int(gdal.pointee.GDALGetRasterCount(handle)) }

    /// A band by its number, from 1.
    func band(_ index: Int) throws(RasterError) -> GDALRasterBandH {
        guard let band = gdal.pointee.GDALGetRasterBand(handle, Int32(index)) else {
            throw RasterError(.readFailed, "the raster has no band \(index)", in: path)
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

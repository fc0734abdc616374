// Command lines that mend what a raster says about itself, for the `try` line of errors.
internal import CGDAL
import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif
#if canImport(Glibc)
    import Glibc
#endif

extension Dataset {
    /// The name under which GDAL's tools open the dataset, quoted for a shell: an archive's entry where the archive was named.
    var quotedName: String {
        let isArchive = path.lowercased().hasSuffix(".zip") && !GDALName.isVirtual(path)
        guard isArchive, let name = gdal.pointee.GDALGetDescription(handle) else {
            return shellQuoted(GDALName.of(path))
        }
        return shellQuoted(String(cString: name))
    }

    /// Whether `gdal_edit.py` can change the file in place: a plain file that may be written, of a format that is updated, and no
    /// cloud-optimised GeoTIFF, whose layout would be lost.
    private var isEditable: Bool {
        guard !GDALName.isVirtual(path), !path.lowercased().hasSuffix(".zip"), access(path, W_OK) == 0,
            let driver = gdal.pointee.GDALGetDatasetDriver(handle),
            let name = gdal.pointee.GDALGetDriverShortName(driver)
        else { return false }
        return ["GTiff", "VRT", "HFA"].contains(String(cString: name))
            && metadataItem("LAYOUT", "IMAGE_STRUCTURE") != "COG"
    }

    /// The command that changes what the file says about itself: in place where that is possible, else in a copy.
    ///
    /// - Parameters:
    ///   - options: Options that `gdal_edit.py` and `gdal_translate` share, such as `-a_srs EPSG:CODE`.
    ///   - copy: The copy's name.
    func edit(_ options: String, copy: String = "placed.tif") -> String {
        isEditable ? "gdal_edit.py \(options) \(quotedName)" : "gdal_translate \(options) \(quotedName) \(copy)"
    }

    /// The command that brings stored numbers in another unit to metres.
    ///
    /// - Parameters:
    ///   - scale: Metres per stored number, or a word to be filled in.
    ///   - offset: Metres that a stored 0 stands for, or a word to be filled in; `nil` for 0.
    ///   - crs: The CRS without its vertical part, as a word of a shell, where the unit comes from that part. GDAL prefers that unit to
    ///     any scale that is written into the file, so the numbers go into a new file without it. With a scale, gdal_translate
    ///     leaves the unit behind.
    func toMetres(scale: String, offset: String?, without crs: String?) -> String {
        guard crs != nil || !isEditable else {
            return "gdal_edit.py -scale \(scale)\(offset.map { " -offset \($0)" } ?? "") -units m \(quotedName)"
        }
        let place = crs.map { "-a_srs \($0) " } ?? ""
        return
            "gdal_translate \(place)-a_scale \(scale)\(offset.map { " -a_offset \($0)" } ?? "") \(quotedName) metres.tif"
    }

    /// Whether the CRS has a vertical part.
    var hasVerticalCRS: Bool {
        gdal.collect { gdal in gdal.GDALGetSpatialRef(handle).map { gdal.OSRIsCompound($0) != 0 } ?? false }.0
    }
}

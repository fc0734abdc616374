// What a CRS definition means: asked of PROJ through GDAL.
internal import CGDAL
public import Geo
public import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// One spatial reference of GDAL, with coordinates always in x, y order; frees itself.
final class SpatialReference {
    let handle: OGRSpatialReferenceH
    private let gdal: GDALFunctions

    /// Takes over a handle.
    init(owning handle: OGRSpatialReferenceH, _ gdal: GDALFunctions) {
        self.handle = handle
        self.gdal = gdal
        gdal.pointee.OSRSetAxisMappingStrategy(handle, OAMS_TRADITIONAL_GIS_ORDER)
    }

    /// Reads a definition.
    convenience init(_ crs: CoordinateReferenceSystem) throws(RasterError) {
        let gdal = try GDAL.api()
        let definition = crs.definition
        let shown = definition.count > 60 ? definition.prefix(57) + "..." : definition[...]
        let advice = "give an authority code such as EPSG:32633, WKT, PROJJSON or a PROJ string"
        // GDAL would also take the name of a file or an address to fetch: a definition must be one.
        guard !definition.isEmpty, !definition.hasPrefix("http"), !definition.hasPrefix("/"),
            !definition.hasPrefix("."), let handle = gdal.pointee.OSRNewSpatialReference(nil)
        else { throw RasterError(.badCRS, "'\(shown)' is not a CRS", try: advice) }
        let (status, messages) = gdal.collect { $0.OSRSetFromUserInput(handle, definition) }
        self.init(owning: handle, gdal)
        guard status == OGRERR_NONE else {
            throw RasterError(
                .badCRS, "PROJ does not know the CRS '\(shown)'", why: messages.all, try: advice)
        }
    }

    /// Takes over the reference of a raster or layer and keeps of it what says where on Earth x and y lie.
    ///
    /// Heights above a datum belong to what the file measured. Maps, tiles, features and areas have no third axis, and would
    /// hand it on to values of another meaning.
    convenience init(horizontalOf handle: OGRSpatialReferenceH, _ gdal: GDALFunctions) {
        self.init(owning: handle, gdal)
        _ = gdal.collect { gdal in
            if gdal.OSRIsCompound(handle) != 0 { _ = gdal.OSRStripVertical(handle) }
            if gdal.OSRGetAxesCount(handle) == 3 { _ = gdal.OSRDemoteTo2D(handle, nil) }
        }
    }

    deinit { gdal.pointee.OSRDestroySpatialReference(handle) }

    /// The definition as WKT 2 (2019), on one line.
    var wkt: String {
        var text: UnsafeMutablePointer<CChar>?
        let (status, _) = withStringList(["FORMAT=WKT2_2019", "MULTILINE=NO"], gdal) { options in
            gdal.collect { $0.OSRExportToWktEx(handle, &text, options.map { constant($0) }) }
        }
        defer { gdal.pointee.VSIFree(text) }
        guard status == OGRERR_NONE, let text else { return "" }
        return String(cString: text)
    }

    /// `EPSG:n` where PROJ knows one that means exactly this, else WKT 2.
    var canonical: CoordinateReferenceSystem {
        if let code = authorityCode { return CoordinateReferenceSystem(code) }
        let (status, _) = gdal.collect { gdal -> OGRErr in
            guard let copy = gdal.OSRClone(handle) else { return OGRErr(OGRERR_FAILURE) }
            defer { gdal.OSRDestroySpatialReference(copy) }
            return gdal.OSRAutoIdentifyEPSG(copy)
        }
        if status == OGRERR_NONE, let copy = gdal.pointee.OSRClone(handle) {
            let identified = SpatialReference(owning: copy, gdal)
            _ = gdal.collect { $0.OSRAutoIdentifyEPSG(copy) }
            if let code = identified.authorityCode, let known = try? SpatialReference(.init(code)),
                known.isSame(as: self)
            {
                return CoordinateReferenceSystem(code)
            }
        }
        return CoordinateReferenceSystem(wkt)
    }

    private var authorityCode: String? {
        guard let authority = gdal.pointee.OSRGetAuthorityName(handle, nil),
            let code = gdal.pointee.OSRGetAuthorityCode(handle, nil)
        else { return nil }
        let name = String(cString: authority)
        return name == "EPSG" ? "EPSG:\(String(cString: code))" : nil
    }

    var isProjected: Bool { gdal.pointee.OSRIsProjected(handle) != 0 }
    var isGeographic: Bool { gdal.pointee.OSRIsGeographic(handle) != 0 }
    var isLocal: Bool { gdal.pointee.OSRIsLocal(handle) != 0 }
    /// Whether it describes the Earth, as its ellipsoid tells.
    ///
    /// Those in use, spheres too, have semi-major axes of 6.37 to 6.38 million metres; the planet most like the Earth, Venus, has 6.05.
    var isOfEarth: Bool { Self.isOfEarth(handle, gdal) }

    /// See `isOfEarth`; for a reference that is not owned.
    static func isOfEarth(_ handle: OGRSpatialReferenceH, _ gdal: GDALFunctions) -> Bool {
        (6.3e6...6.45e6).contains(gdal.collect { $0.OSRGetSemiMajor(handle, nil) }.0)
    }
    var name: String { gdal.pointee.OSRGetName(handle).map { String(cString: $0) } ?? "" }

    /// Metres per unit of x and y of a projected CRS.
    var metresPerUnit: Double { gdal.pointee.OSRGetLinearUnits(handle, nil) }
    /// Degrees per unit of x and y of a geographic CRS.
    var degreesPerUnit: Double { gdal.pointee.OSRGetAngularUnits(handle, nil) * 180 / .pi }

    /// Whether the two mean the same places; axis order aside, since ours is always x, y.
    func isSame(as other: SpatialReference) -> Bool {
        let options = [
            "IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", "IGNORE_COORDINATE_EPOCH=YES",
            "CRITERION=EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS",
        ]
        return withStringList(options, gdal) { options in
            gdal.collect {
                $0.OSRIsSameEx(handle, other.handle, options.map { constant($0) })
            }.0 != 0
        }
    }
}

extension CoordinateReferenceSystem {
    /// The same CRS under its shortest certain name: `EPSG:n`, else WKT 2.
    ///
    /// - Throws: `badCRS` where PROJ does not know it.
    public func validated() throws(RasterError) -> CoordinateReferenceSystem {
        try SpatialReference(self).canonical
    }

    /// Whether x and y are lengths on a map; false for what PROJ does not know.
    public var isProjected: Bool { (try? SpatialReference(self))?.isProjected ?? false }
    /// Whether x and y are longitude and latitude; false for what PROJ does not know.
    public var isGeographic: Bool { (try? SpatialReference(self))?.isGeographic ?? false }
    /// Its name, such as `WGS 84 / UTM zone 33N`; the definition where PROJ does not know it.
    public var name: String { (try? SpatialReference(self))?.name ?? definition }
    /// Its WKT 2; the definition where PROJ does not know it.
    public var wkt: String { (try? SpatialReference(self))?.wkt ?? definition }

    /// Whether both mean the same places, whatever their axis order and spelling.
    public func isSame(as other: CoordinateReferenceSystem) -> Bool {
        if definition == other.definition { return true }
        guard let a = try? SpatialReference(self), let b = try? SpatialReference(other) else { return false }
        return a.isSame(as: b)
    }

    /// The UTM zone (WGS 84) of a place in degrees, with the exceptions of Norway and Svalbard; the polar
    /// stereographic system (UPS) north of 84 and south of -80 degrees.
    public static func utm(longitude: Double, latitude: Double) -> CoordinateReferenceSystem {
        if latitude >= 84 { return CoordinateReferenceSystem("EPSG:32661") }
        if latitude < -80 { return CoordinateReferenceSystem("EPSG:32761") }
        let turned = (longitude + 180).truncatingRemainder(dividingBy: 360)
        let east = turned < 0 ? turned + 360 : turned
        var zone = min(60, Int(east / 6) + 1)
        if latitude >= 56, latitude < 64, east >= 183, east < 192 { zone = 32 }
        if latitude >= 72 {
            switch east - 180 {
            case 0..<9: zone = 31
            case 9..<21: zone = 33
            case 21..<33: zone = 35
            case 33..<42: zone = 37
            default: break
            }
        }
        return CoordinateReferenceSystem("EPSG:\((latitude < 0 ? 32700 : 32600) + zone)")
    }
}

// Polygons out of vector files and WKT, through OGR.
internal import CGDAL
import Files
import Geo
import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// All polygons of a vector file.
struct VectorFile {
    private(set) var outlines = Outlines()
    private(set) var crs = CoordinateReferenceSystem.wgs84
    private(set) var warnings: [String] = []

    init(_ path: String) throws(RasterError) {
        self = try GDAL.waiting(Dataset.mayWait(path), for: path) { () throws(RasterError) in
            try VectorFile(reading: path)
        }
    }

    private init(reading path: String) throws(RasterError) {
        let gdal = try GDAL.api()
        Redaction.learn(address: path)
        let input = try InputFile.area(path)
        let name = GDALName.of(input.name)
        defer { withExtendedLifetime(input.memory) {} }
        if !GDALName.isVirtual(name), !FileManager.default.fileExists(atPath: name) {
            throw RasterError(.badAOI, "no such file", in: path, try: "check the path")
        }
        let flags = UInt32(GDAL_OF_VECTOR | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR)
        let (opened, messages) = gdal.collect { $0.GDALOpenEx(name, flags, nil, nil, nil) }
        guard let opened else {
            let said = messages.all.map { $0.replacing(name, with: path) }
            if let nature = replacement(for: name, gdal) {
                throw RasterError(
                    .badAOI, nature.sentence(insteadOf: "an area"), in: path, why: nature.details,
                    try: nature.remedy)
            }
            // What a server answered says nothing of the file.
            if GDALName.of(path).hasPrefix("/vsi"), let advice = Dataset.remoteAdvice(path, said) {
                throw RasterError(.badAOI, "cannot read the area", in: path, why: said, try: advice)
            }
            throw RasterError(
                .badAOI, "cannot read an area: not a vector file", in: path, why: Self.explained(name, said, gdal),
                try: said.contains { $0.contains("SHAPE_RESTORE_SHX") }
                    ? (name.hasPrefix("/vsizip")
                        ? "unzip the archive, then give the .shp file with " : "")
                        + "\(Setting.gdalConfiguration) SHAPE_RESTORE_SHX=YES, which rebuilds the missing .shx next to the .shp"
                    : "give polygons as GeoJSON, GeoPackage, Shapefile or KML; check the file with ogrinfo")
        }
        let dataset = Dataset(owning: opened, path: path, gdal)
        var found: CoordinateReferenceSystem?
        var isGeoJSON = false
        if let driver = gdal.pointee.GDALGetDatasetDriver(opened) {
            isGeoJSON = gdal.pointee.GDALGetDriverShortName(driver).map { String(cString: $0) == "GeoJSON" } ?? false
        }
        var causes = messages.all
        for index in 0..<gdal.pointee.GDALDatasetGetLayerCount(opened) {
            guard let layer = gdal.pointee.GDALDatasetGetLayer(opened, index) else { continue }
            causes += try add(layer, &found, dataset)
        }
        try check(path, causes, isGeoJSON: isGeoJSON, found)
    }

    /// Refuses a CRS that stands for none or has no place on Earth, here, where the file can still be named.
    private static func refuseNowhere(_ reference: OGRSpatialReferenceH, _ dataset: Dataset) throws(RasterError) {
        let gdal = dataset.gdal
        let name = gdal.pointee.OSRGetName(reference).map { String(cString: $0) } ?? ""
        let isLocal = gdal.pointee.OSRIsLocal(reference) != 0
        let isElsewhere = !SpatialReference.isOfEarth(reference, gdal)
        guard isLocal || isElsewhere || name.lowercased().hasPrefix("undefined") else { return }
        gdal.pointee.OSRDestroySpatialReference(reference)
        guard !isElsewhere else {
            throw RasterError(
                .badAOI, "the area is not on Earth", in: dataset.path,
                why: ["its CRS, '\(name)', is one of another celestial body"], try: "give an area on Earth")
        }
        throw RasterError(
            .badAOI, "the area has no CRS", in: dataset.path,
            why: [
                "its CRS, '\(name)', " + (isLocal ? "is a local one without a place on Earth" : "stands for none")
            ],
            try: "give it one: ogr2ogr -a_srs EPSG:CODE with-crs.gpkg \(dataset.quotedName)")
    }

    /// GDAL's words, and what the file is where it is text that looks like JSON.
    private static func explained(_ name: String, _ said: [String], _ gdal: GDALFunctions) -> [String] {
        let head = fileHead(of: name, gdal, count: 512) ?? []
        let start = String(decoding: head, as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        return start.hasPrefix("[")
            ? ["it is a bare list of coordinates: GeoJSON needs an object with a type around it"] + said : said
    }

    /// Adds a layer's features; returns GDAL's complaints.
    private mutating func add(
        _ layer: OGRLayerH, _ found: inout CoordinateReferenceSystem?, _ dataset: Dataset
    ) throws(RasterError) -> [String] {
        let gdal = dataset.gdal
        var local = outlines
        let before = local.polygons.count
        let (reference, messages) = gdal.collect { gdal -> OGRSpatialReferenceH? in
            gdal.OGR_L_ResetReading(layer)
            while let feature = gdal.OGR_L_GetNextFeature(layer) {
                defer { gdal.OGR_F_Destroy(feature) }
                local.features += 1
                if let geometry = gdal.OGR_F_GetGeometryRef(feature) {
                    local.add(geometry, gdal)
                } else {
                    local.withoutGeometry += 1
                }
            }
            return gdal.OGR_L_GetSpatialRef(layer).flatMap { gdal.OSRClone($0) }
        }
        outlines = local
        guard let reference else {
            if local.polygons.count > before, found == nil {
                throw RasterError(
                    .badAOI, "the area has no CRS", in: dataset.path,
                    try: "give it one: ogr2ogr -a_srs EPSG:CODE with-crs.gpkg \(dataset.quotedName)")
            }
            return messages.all
        }
        if local.polygons.count > before { try Self.refuseNowhere(reference, dataset) }
        let crs = SpatialReference(horizontalOf: reference, gdal).canonical
        if local.polygons.count > before, let first = found, !first.isSame(as: crs) {
            throw RasterError(
                .badAOI, "its layers have different CRS: \(first.name) and \(crs.name)",
                in: dataset.path,
                try:
                    "write one layer to a file of its own: ogr2ogr one-layer.gpkg \(dataset.quotedName) \(shellQuoted(dataset.gdal.pointee.GDALGetDescription(layer).map { String(cString: $0) } ?? ""))"
            )
        }
        found = found ?? crs
        return messages.all
    }

    private mutating func check(
        _ path: String, _ causes: [String], isGeoJSON: Bool, _ found: CoordinateReferenceSystem?
    ) throws(RasterError) {
        if let found { crs = found }
        guard outlines.polygons.isEmpty else {
            if isGeoJSON, !crs.isSame(as: .wgs84) {
                warnings.append("the file names its own CRS, \(crs.name); current GeoJSON is always WGS 84")
            }
            if !outlines.others.isEmpty {
                warnings.append("ignored what is not an area: \(outlines.others.sorted().joined(separator: ", "))")
            }
            if outlines.withoutGeometry > 0 {
                warnings.append("\(outlines.withoutGeometry) features without a geometry were ignored")
            }
            if outlines.hasHeights { warnings.append("heights were ignored") }
            warnings += causes
            return
        }
        let what: String
        if outlines.features == 0 {
            what = "the area has no features"
        } else if !outlines.others.isEmpty {
            what = "the area has no polygons, only \(outlines.others.sorted().joined(separator: ", "))"
        } else if outlines.emptyGeometries > 0 {
            what = "the area's geometry is empty"
        } else {
            what = "none of its \(outlines.features) features has a geometry"
        }
        throw RasterError(
            .badAOI, what, in: path, why: causes, try: "draw at least one polygon around the area of interest")
    }
}

// Label layers in vector files, opened through OGR: which layer, which field, which CRS.
internal import CGDAL
import Files
import Geo
import Telemetry

/// A vector file that is open, and its layer and field of classes.
struct LabelFile {
    /// How a field holds classes.
    enum FieldKind: String {
        case integer = "whole number"
        case text
        case real = "number"
    }

    /// A field of the layer.
    struct Field {
        let index: Int32
        let name: String
        /// `nil` for dates, lists and other things that are not classes.
        let kind: FieldKind?
        let typeName: String
    }

    let dataset: Dataset
    let layer: OGRLayerH
    let layerName: String
    let field: Field
    let fieldKind: FieldKind
    let crs: CoordinateReferenceSystem
    /// What was chosen or found that a person should know.
    private(set) var notes: [String] = []
    /// Keeps what the dataset reads from memory.
    private let input: InputFile

    /// Opens a file and finds what is meant in it.
    ///
    /// - Parameters:
    ///   - layer: The name of the layer; `nil` for the only one that has geometries.
    ///   - field: The name of the field; `nil` for the only one that can hold classes.
    init(_ path: String, layer wantedLayer: String?, field wantedField: String?) throws(RasterError) {
        let gdal = try GDAL.api()
        Redaction.learn(address: path)
        input = try Self.input(path)
        dataset = try Self.open(input, path, gdal)
        let found = try Self.layer(wantedLayer, in: dataset)
        layer = found.handle
        layerName = found.name
        let fields = Self.fields(of: found.handle, gdal)
        let choice = try Self.field(wantedField, of: fields, in: dataset, layer: found.name)
        field = choice.field
        fieldKind = choice.kind
        if wantedField == nil {
            notes.append("took the class from the field '\(choice.field.name)', the only one that can hold it")
        }
        crs = try Self.crs(of: found.handle, dataset)
        let isGeoJSON =
            gdal.pointee.GDALGetDatasetDriver(dataset.handle).flatMap { gdal.pointee.GDALGetDriverShortName($0) }
            .map { String(cString: $0) == "GeoJSON" } ?? false
        if isGeoJSON, !crs.isSame(as: .wgs84) {
            notes.append("the file names its own CRS, \(crs.name); current GeoJSON is always WGS 84")
        }
    }

    // MARK: - The file

    private static func input(_ path: String) throws(RasterError) -> InputFile {
        do { return try InputFile.area(path) } catch {
            // What is said of areas there is true of labels too.
            throw RasterError(
                error.code == .badAOI ? .badLabels : error.code, error.what, in: path, why: error.causes,
                try: error.remedy)
        }
    }

    private static func open(
        _ input: InputFile, _ path: String, _ gdal: GDALFunctions
    ) throws(RasterError) -> Dataset {
        let name = GDALName.of(input.name)
        if !GDALName.isVirtual(name), !fileExists(name) {
            throw RasterError(.notFound, "no such file", in: path, try: "check the path")
        }
        let flags = UInt32(GDAL_OF_VECTOR | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR)
        let (opened, messages) = gdal.collect(reporting: { !LabelGeometry.isOfOpenRings($0) }) {
            $0.GDALOpenEx(name, flags, nil, nil, nil)
        }
        if let opened { return Dataset(owning: opened, path: path, gdal) }
        let said = messages.all.map { $0.replacing(name, with: path) }
        if let nature = replacement(for: name, gdal) {
            throw RasterError(
                .badLabels, nature.sentence(insteadOf: "a vector file"), in: path, why: nature.details,
                try: nature.remedy)
        }
        if GDALName.of(path).hasPrefix("/vsi"), let advice = Dataset.remoteAdvice(path, said) {
            throw RasterError(.badLabels, "cannot read the labels", in: path, why: said, try: advice)
        }
        throw RasterError(
            .badLabels, "cannot read labels: not a vector file", in: path, why: said,
            try:
                "give a raster of classes, or polygons, lines or points as GeoJSON, GeoPackage or Shapefile; check the file with gdalinfo or ogrinfo"
        )
    }

    // MARK: - The layer

    private static func layer(
        _ wanted: String?, in dataset: Dataset
    ) throws(RasterError) -> (name: String, handle: OGRLayerH) {
        let gdal = dataset.gdal.pointee
        var layers: [(name: String, handle: OGRLayerH)] = []
        for index in 0..<gdal.GDALDatasetGetLayerCount(dataset.handle) {
            guard let layer = gdal.GDALDatasetGetLayer(dataset.handle, index) else { continue }
            // Tables without geometry, such as QGIS's styles, label nothing.
            guard gdal.OGR_L_GetGeomType(layer) != wkbNone else { continue }
            layers.append((gdal.OGR_L_GetName(layer).map { String(cString: $0) } ?? "", layer))
        }
        let names = quoted(layers.map(\.name))
        guard let first = layers.first else {
            throw RasterError(
                .badLabels, "the file has no layer with geometries", in: dataset.path,
                try: "give a file of polygons, lines or points; check it with ogrinfo \(dataset.quotedName)")
        }
        guard let wanted else {
            guard layers.count == 1 else {
                throw RasterError(
                    .badLabels, "the file has \(layers.count) layers", in: dataset.path, why: ["they are \(names)"],
                    try:
                        "choose the layer, or write it to a file of its own: ogr2ogr labels.gpkg \(dataset.quotedName) \(shellQuoted(first.name))"
                )
            }
            return first
        }
        guard let found = layers.first(where: { $0.name == wanted }) else {
            throw RasterError(
                .badLabels, "the file has no layer '\(wanted)'", in: dataset.path, why: ["its layers are \(names)"],
                try: "choose one of them")
        }
        return found
    }

    private static func crs(
        of layer: OGRLayerH, _ dataset: Dataset
    ) throws(RasterError) -> CoordinateReferenceSystem {
        let gdal = dataset.gdal
        let remedy = "give it one: ogr2ogr -a_srs EPSG:CODE with-crs.gpkg \(dataset.quotedName)"
        let (handle, _) = gdal.collect { gdal in gdal.OGR_L_GetSpatialRef(layer).flatMap { gdal.OSRClone($0) } }
        guard let handle else { throw RasterError(.badLabels, "the labels have no CRS", in: dataset.path, try: remedy) }
        let reference = SpatialReference(horizontalOf: handle, gdal)
        let name = reference.name
        guard reference.isOfEarth else {
            throw RasterError(
                .badLabels, "the labels are not on Earth", in: dataset.path,
                why: ["their CRS, '\(name)', is one of another celestial body"], try: "give labels on Earth")
        }
        guard !reference.isLocal, !name.lowercased().hasPrefix("undefined") else {
            throw RasterError(
                .badLabels, "the labels have no CRS", in: dataset.path,
                why: [
                    "their CRS, '\(name)', "
                        + (reference.isLocal ? "is a local one without a place on Earth" : "stands for none")
                ], try: remedy)
        }
        return reference.canonical
    }

    // MARK: - The field

    private static func fields(of layer: OGRLayerH, _ gdal: GDALFunctions) -> [Field] {
        gdal.collect { gdal -> [Field] in
            guard let definition = gdal.OGR_L_GetLayerDefn(layer) else { return [] }
            return (0..<gdal.OGR_FD_GetFieldCount(definition)).compactMap { index -> Field? in
                guard let field = gdal.OGR_FD_GetFieldDefn(definition, index) else { return nil }
                let name = gdal.OGR_Fld_GetNameRef(field).map { String(cString: $0) } ?? ""
                let kind: FieldKind? =
                    switch gdal.OGR_Fld_GetType(field) {
                    case OFTInteger, OFTInteger64: .integer
                    case OFTString: .text
                    case OFTReal: .real
                    default: nil
                    }
                return Field(index: index, name: name, kind: kind, typeName: kind?.rawValue ?? "of another type")
            }
        }.0
    }

    private static func field(
        _ wanted: String?, of fields: [Field], in dataset: Dataset, layer: String
    ) throws(RasterError) -> (field: Field, kind: FieldKind) {
        let listed = fields.map { "'\($0.name)' (\($0.typeName))" }.joined(separator: ", ")
        let why = [fields.isEmpty ? "it has no fields" : "its fields are \(listed)"]
        if let wanted {
            let exact = fields.filter { $0.name == wanted }
            let alike = exact.isEmpty ? fields.filter { $0.name.lowercased() == wanted.lowercased() } : exact
            guard alike.count == 1, let found = alike.first else {
                throw RasterError(
                    .badLabels, "the layer '\(layer)' has no field '\(wanted)'", in: dataset.path, why: why,
                    try: "choose one of its fields")
            }
            guard let kind = found.kind else {
                throw RasterError(
                    .badLabels, "the field '\(found.name)' is neither text nor a number", in: dataset.path, why: why,
                    try: "choose a field of text or whole numbers")
            }
            return (found, kind)
        }
        var plausible = fields.filter { $0.kind == .integer || $0.kind == .text }
        if plausible.count > 1 { plausible.removeAll { identifiers.contains($0.name.lowercased()) } }
        guard let only = plausible.first, let kind = only.kind else {
            throw RasterError(
                .badLabels, "the layer '\(layer)' has no field that can hold classes", in: dataset.path, why: why,
                try: "give each feature a field of text or whole numbers that says its class")
        }
        guard plausible.count == 1 else {
            throw RasterError(
                .badLabels, "several fields of the layer '\(layer)' can hold classes", in: dataset.path, why: why,
                try: "choose one of \(quoted(plausible.map(\.name)))")
        }
        return (only, kind)
    }

    /// Fields that number features.
    private static let identifiers: Set = ["id", "fid", "ogc_fid", "gid", "objectid", "oid", "feature_id", "uuid"]

    private static func quoted(_ names: [String]) -> String {
        names.prefix(12).map { "'\($0)'" }.joined(separator: ", ") + (names.count > 12 ? " ..." : "")
    }
}

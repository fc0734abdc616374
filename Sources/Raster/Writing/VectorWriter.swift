// Features written whole or not at all: a GeoPackage under a temporary name, renamed at the end.
internal import CGDAL
internal import Files
public import Geo
public import Telemetry

#if canImport(Glibc)
    import Glibc
#endif

/// Writes a GeoPackage of one layer, feature by feature, with flat memory; the same features always give the same bytes.
///
/// The file grows under a temporary name next to the target, in one transaction, and takes its place in `finish()`. Without
/// `finish()` nothing remains, and a file that was there stays as it was. The times in it are constants, unless GDAL's
/// configuration option `OGR_CURRENT_DATE` names one.
public final class VectorWriter {
    /// What the features of a layer are.
    public enum Geometry: String, Sendable, Codable, CaseIterable {
        /// Polygons with holes.
        case polygons
        /// Points.
        case points
    }

    /// A field of the layer.
    public struct Field: Sendable, Hashable {
        /// What a field holds.
        public enum Kind: String, Sendable, Codable, CaseIterable {
            /// Whole numbers of 64 bits.
            case integer
            /// Numbers in double precision.
            case real
            /// Text.
            case string
        }

        /// Its name.
        public var name: String
        /// What it holds.
        public var kind: Kind

        /// Describes a field.
        public init(_ name: String, _ kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    /// What a feature has in a field.
    public enum Value: Sendable, Hashable {
        /// A whole number.
        case integer(Int)
        /// A number.
        case real(Double)
        /// Text.
        case string(String)

        fileprivate var kind: Field.Kind {
            switch self {
            case .integer: .integer
            case .real: .real
            case .string: .string
            }
        }
    }

    /// The target.
    public let path: String
    /// The name of the layer.
    public let layer: String
    /// What its features are.
    public let geometry: Geometry
    /// Its fields.
    public let fields: [Field]
    /// Number of features written so far.
    public private(set) var count = 0

    private let place: OutputPlace
    private let temporary: String
    private let gdal: GDALFunctions
    private var handle: GDALDatasetH?
    private var layerHandle: OGRLayerH?
    private var finished = false

    private static let lastChange = "2000-01-01T00:00:00.000Z"

    /// Starts a file.
    ///
    /// - Parameters:
    ///   - path: The target, a plain file whose name ends in `.gpkg`.
    ///   - layer: The name of the layer.
    ///   - crs: The CRS of all coordinates, x first.
    ///   - geometry: What the features are.
    ///   - fields: The fields, in the order in which values are given.
    ///   - overwrite: Whether a file of that name may be replaced.
    /// - Throws: `exists`, `writeFailed`, `badCRS`, `unsupported` for another ending, `badRange` for names of fields that
    ///   are not different, whatever their case.
    public init(
        path: String, layer: String, crs: CoordinateReferenceSystem, geometry: Geometry, fields: [Field],
        overwrite: Bool = false
    ) throws(RasterError) {
        guard path.lowercased().hasSuffix(".gpkg") else {
            throw RasterError(
                .unsupported, "features are written as GeoPackage", in: path, try: "give a name that ends in .gpkg")
        }
        try Self.check(fields, path)
        place = try OutputPlace(path, overwrite: overwrite)
        gdal = try GDAL.api()
        self.path = path
        self.layer = layer
        self.geometry = geometry
        self.fields = fields
        temporary = place.temporary(".gpkg")
        let reference = try SpatialReference(crs)
        Self.remove(temporary)
        do { try create(reference) } catch {
            close()
            Self.remove(temporary)
            throw place.explained(error, writing: "the features")
        }
    }

    /// Refuses names that SQLite takes for one: it would do so with the first feature.
    private static func check(_ fields: [Field], _ path: String) throws(RasterError) {
        // Those of GeoPackage's own columns.
        var known: Set = ["fid", "geom"]
        for field in fields where field.name.isEmpty || !known.insert(field.name.lowercased()).inserted {
            throw RasterError(
                .badRange, "a field of features cannot have the name '\(field.name)'", in: path,
                why: [field.name.isEmpty ? "it is empty" : "it is taken, whatever its case"],
                try: "give each field a name of its own")
        }
    }

    deinit {
        guard !finished else { return }
        close()
        Self.remove(temporary)
    }

    /// Writes a polygon.
    ///
    /// - Parameters:
    ///   - rings: The outer ring and its holes; they are closed where they are open.
    ///   - values: What it has in each field; `nil` for nothing.
    /// - Throws: `badRange` for coordinates that are not finite, `writeFailed`, `diskFull`.
    public func write(polygon rings: [Outline], _ values: [Value?] = []) throws(RasterError) {
        precondition(geometry == .polygons, "the layer '\(layer)' holds points, not polygons")
        guard !rings.isEmpty, rings.allSatisfy({ Bounds(points: $0) != nil }) else {
            throw RasterError(
                .badRange, "feature \(count + 1) has no outline, or coordinates that are not finite", in: path)
        }
        try write(values) { gdal in
            guard let polygon = gdal.OGR_G_CreateGeometry(wkbPolygon) else { return nil }
            for ring in rings {
                guard let line = gdal.OGR_G_CreateGeometry(wkbLinearRing) else { continue }
                for point in ring { gdal.OGR_G_AddPoint_2D(line, point.x, point.y) }
                if let first = ring.first, let last = ring.last, first != last {
                    gdal.OGR_G_AddPoint_2D(line, first.x, first.y)
                }
                _ = gdal.OGR_G_AddGeometryDirectly(polygon, line)
            }
            return polygon
        }
    }

    /// Writes a point.
    ///
    /// - Parameters:
    ///   - point: x and y in the layer's CRS.
    ///   - values: What it has in each field; `nil` for nothing.
    /// - Throws: `badRange` for coordinates that are not finite, `writeFailed`, `diskFull`.
    public func write(point: (x: Double, y: Double), _ values: [Value?] = []) throws(RasterError) {
        precondition(geometry == .points, "the layer '\(layer)' holds polygons, not points")
        guard point.x.isFinite, point.y.isFinite else {
            throw RasterError(.badRange, "feature \(count + 1) has coordinates that are not finite", in: path)
        }
        try write(values) { gdal in
            guard let made = gdal.OGR_G_CreateGeometry(wkbPoint) else { return nil }
            gdal.OGR_G_AddPoint_2D(made, point.x, point.y)
            return made
        }
    }

    /// Completes the file, syncs it to the disk and gives it its name.
    ///
    /// - Parameter style: The text of a QGIS style (`.qml`) that QGIS loads with the layer; `nil` for none.
    /// - Throws: `writeFailed`, `diskFull`, `exists`; then nothing remains of the new file.
    public func finish(style: String? = nil) throws(RasterError) {
        guard handle != nil else { throw finishedAlready }
        do throws(RasterError) {
            if let style { try write(style: style) }
            let (status, messages) = dated { gdal in
                handle.map { gdal.GDALDatasetCommitTransaction($0) } ?? OGRErr(OGRERR_FAILURE)
            }
            guard status == OGRERR_NONE, messages.errors.isEmpty else {
                throw failure("cannot write the features", messages)
            }
            let closing = close()
            guard closing.errors.isEmpty else { throw failure("cannot finish the file", closing) }
            try place.prepare(temporary)
            try Disk<RasterFailure>.rename(temporary, to: path)
        } catch {
            close()
            Self.remove(temporary)
            // The file that is written has another name meanwhile, which nobody has to know.
            throw place.explained(
                RasterError(error.code, error.what, in: path, why: error.causes, try: error.remedy),
                writing: "the features")
        }
        finished = true
    }

    // MARK: - Through OGR

    private func create(_ reference: SpatialReference) throws(RasterError) {
        let (made, messages) = dated { gdal in
            gdal.GDALGetDriverByName("GPKG").flatMap { gdal.GDALCreate($0, temporary, 0, 0, 0, GDT_Unknown, nil) }
        }
        guard let made else {
            throw RasterError(
                .writeFailed, "cannot create the file", in: path, why: messages.all,
                try: "check that the folder exists and is writable")
        }
        handle = made
        layerHandle = try addLayer(
            layer, geometry == .polygons ? wkbPolygon : wkbPoint, reference.handle, fields.map { ($0.name, $0.kind) })
        let (status, trouble) = dated { $0.GDALDatasetStartTransaction(made, 0) }
        guard status == OGRERR_NONE else { throw failure("cannot start writing", trouble) }
    }

    private func addLayer(
        _ name: String, _ type: OGRwkbGeometryType, _ reference: OGRSpatialReferenceH?,
        _ fields: [(name: String, kind: Field.Kind)], options: [String] = []
    ) throws(RasterError) -> OGRLayerH {
        guard let handle else { throw finishedAlready }
        let (made, messages) = withStringList(options, gdal) { list in
            dated { gdal -> OGRLayerH? in
                guard let made = gdal.GDALDatasetCreateLayer(handle, name, reference, type, list) else { return nil }
                for field in fields {
                    let kind =
                        switch field.kind {
                        case .integer: OFTInteger64
                        case .real: OFTReal
                        case .string: OFTString
                        }
                    guard let definition = gdal.OGR_Fld_Create(field.name, kind) else { return nil }
                    defer { gdal.OGR_Fld_Destroy(definition) }
                    guard gdal.OGR_L_CreateField(made, definition, 0) == OGRERR_NONE else { return nil }
                }
                return made
            }
        }
        guard let made, messages.errors.isEmpty else { throw failure("cannot create the layer '\(name)'", messages) }
        return made
    }

    private func write(_ values: [Value?], _ make: (cgdal_api) -> OGRGeometryH?) throws(RasterError) {
        guard let layerHandle else { throw finishedAlready }
        precondition(
            values.count == fields.count, "a feature of '\(layer)' has \(fields.count) values, not \(values.count)")
        for (value, field) in zip(values, fields) {
            precondition(
                value.map { $0.kind == field.kind } ?? true, "the field '\(field.name)' holds \(field.kind.rawValue)s")
        }
        try add(to: layerHandle, values, make)
        count += 1
    }

    private func add(
        to layer: OGRLayerH, _ values: [Value?], _ make: (cgdal_api) -> OGRGeometryH?
    ) throws(RasterError) {
        let (done, messages) = gdal.collect { gdal -> Bool in
            guard let definition = gdal.OGR_L_GetLayerDefn(layer), let feature = gdal.OGR_F_Create(definition) else {
                return false
            }
            defer { gdal.OGR_F_Destroy(feature) }
            for (index, value) in values.enumerated() {
                switch value {
                case .integer(let number): gdal.OGR_F_SetFieldInteger64(feature, Int32(index), GIntBig(number))
                case .real(let number): gdal.OGR_F_SetFieldDouble(feature, Int32(index), number)
                case .string(let text): gdal.OGR_F_SetFieldString(feature, Int32(index), text)
                case nil: break
                }
            }
            if let geometry = make(gdal), gdal.OGR_F_SetGeometryDirectly(feature, geometry) != OGRERR_NONE {
                return false
            }
            return gdal.OGR_L_CreateFeature(layer, feature) == OGRERR_NONE
        }
        guard done, messages.errors.isEmpty else {
            throw place.explained(failure("cannot write feature \(count + 1)", messages), writing: "the features")
        }
    }

    /// Puts a style into the table in which QGIS looks for it.
    private func write(style: String) throws(RasterError) {
        let names = [
            "f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column", "styleName", "styleQML",
            "styleSLD", "description", "owner",
        ]
        let table = try addLayer(
            "layer_styles", wkbNone, nil, names.map { ($0, .string) }, options: ["FID=id"])
        let (done, messages) = dated { gdal -> Bool in
            guard let flag = gdal.OGR_Fld_Create("useAsDefault", OFTInteger),
                let time = gdal.OGR_Fld_Create("update_time", OFTDateTime)
            else { return false }
            defer {
                gdal.OGR_Fld_Destroy(flag)
                gdal.OGR_Fld_Destroy(time)
            }
            gdal.OGR_Fld_SetSubType(flag, OFSTBoolean)
            guard gdal.OGR_L_CreateField(table, flag, 0) == OGRERR_NONE,
                gdal.OGR_L_CreateField(table, time, 0) == OGRERR_NONE,
                let definition = gdal.OGR_L_GetLayerDefn(table), let row = gdal.OGR_F_Create(definition)
            else { return false }
            defer { gdal.OGR_F_Destroy(row) }
            let texts = ["", "", layer, "geom", layer, style, "", "", ""]
            for (index, text) in texts.enumerated() { gdal.OGR_F_SetFieldString(row, Int32(index), text) }
            gdal.OGR_F_SetFieldInteger64(row, Int32(texts.count), 1)
            gdal.OGR_F_SetFieldString(row, Int32(texts.count + 1), Self.lastChange)
            return gdal.OGR_L_CreateFeature(table, row) == OGRERR_NONE
        }
        guard done, messages.errors.isEmpty else { throw failure("cannot write the layer's style", messages) }
    }

    /// Runs calls that write times into the file, and need not sync since the whole file is synced at the end.
    private func dated<Value>(_ body: (cgdal_api) -> Value) -> (Value, GDALMessages) {
        gdal.collect { gdal in
            let options = ["OGR_CURRENT_DATE": Self.lastChange, "OGR_SQLITE_SYNCHRONOUS": "OFF"]
                .filter { gdal.CPLGetConfigOption($0.key, nil) == nil }
            for (name, value) in options { gdal.CPLSetThreadLocalConfigOption(name, value) }
            defer { for name in options.keys { gdal.CPLSetThreadLocalConfigOption(name, nil) } }
            return body(gdal)
        }
    }

    /// Writes what is still in memory and closes the file.
    @discardableResult
    private func close() -> GDALMessages {
        let open = handle
        handle = nil
        layerHandle = nil
        return dated { gdal in open.map { discard(gdal.GDALClose($0)) } }.1
    }

    private func failure(_ what: String, _ messages: GDALMessages) -> RasterError {
        // GDAL names the temporary file.
        RasterError(.writeFailed, what, in: path, why: messages.all.map { $0.replacing(temporary, with: path) })
    }

    private var finishedAlready: RasterError {
        RasterError(.writeFailed, "the file is finished already", in: path)
    }

    /// Removes a temporary file and what SQLite put next to it.
    private static func remove(_ file: String) {
        for ending in ["", "-journal", "-wal", "-shm"] { unlink(file + ending) }
    }
}

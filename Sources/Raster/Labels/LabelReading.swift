// All features of a label layer, read into plain values; GDAL's handles are closed after it.
internal import CGDAL
import Geo
import Telemetry

/// What a label layer holds.
struct LabelReading {
    /// Features that say a class or leave it open, in numbers.
    struct Tally {
        var features = 0
        var withoutValue = 0
        var withoutGeometry = 0
        var polygons = 0
        var lines = 0
        var points = 0
    }

    private(set) var layer = ""
    private(set) var field = ""
    private(set) var crs = CoordinateReferenceSystem.wgs84
    private(set) var shapes: [LabelShape] = []
    /// Different values, in the order in which they come; shapes hold their numbers.
    private(set) var values: [LabelValue] = []
    /// Features with each value.
    private(set) var counts: [Int] = []
    private(set) var tally = Tally()
    private(set) var warnings: [String] = []

    /// The most different values that are read as classes.
    static let mostValues = 10_000
    /// Beyond this many nobody needs to know how many there are.
    private static let mostCounted = 1_000_000

    private var numbers: [LabelValue: Int] = [:]
    /// A number that is not whole.
    private var fraction: Double?
    /// The first feature with a polygon that crosses itself, counted from 1.
    private var firstCrossing: Int?

    /// Reads a layer.
    init(_ path: String, layer: String?, field: String?) throws(RasterError) {
        self = try GDAL.waiting(Dataset.mayWait(path), for: path) { () throws(RasterError) in
            try LabelReading(LabelFile(path, layer: layer, field: field))
        }
    }

    private init(_ file: LabelFile) throws(RasterError) {
        layer = file.layerName
        field = file.field.name
        crs = file.crs
        warnings = file.notes
        let reference = try SpatialReference(file.crs)
        let gdal = file.dataset.gdal
        var geometry = LabelGeometry(degreesPerUnit: reference.isGeographic ? reference.degreesPerUnit : nil, gdal)
        var read = self
        // They become this reading's own warnings.
        let (_, messages) = gdal.collect(reporting: { _ in false }) { gdal in
            gdal.OGR_L_ResetReading(file.layer)
            while let feature = gdal.OGR_L_GetNextFeature(file.layer) {
                read.add(feature, file, &geometry, gdal)
                gdal.OGR_F_Destroy(feature)
            }
        }
        guard messages.errors.isEmpty else {
            throw RasterError(
                .readFailed, "cannot read all features of the layer '\(layer)'", in: file.dataset.path,
                why: messages.errors, try: "ogrinfo -al -so \(file.dataset.quotedName)")
        }
        self = read
        warnings += messages.warnings.filter { !LabelGeometry.isOfOpenRings($0) }
        try check(geometry, file.dataset)
    }

    private mutating func add(
        _ feature: OGRFeatureH, _ file: LabelFile, _ geometry: inout LabelGeometry, _ gdal: cgdal_api
    ) {
        tally.features += 1
        guard let label = value(of: feature, file, gdal) else {
            tally.withoutValue += 1
            return
        }
        guard let drawn = gdal.OGR_F_GetGeometryRef(feature) else {
            tally.withoutGeometry += 1
            return
        }
        guard let place = index(of: label) else { return }
        counts[place] += 1
        let crossing = geometry.crossing
        defer { if geometry.crossing > crossing { firstCrossing = firstCrossing ?? tally.features } }
        for shape in geometry.shapes(of: drawn, value: place, gdal) {
            switch shape.form {
            case .polygon: tally.polygons += 1
            case .line, .band: tally.lines += 1
            case .point: tally.points += 1
            }
            shapes.append(shape)
        }
    }

    /// The class of a feature; `nil` where it says none.
    private mutating func value(of feature: OGRFeatureH, _ file: LabelFile, _ gdal: cgdal_api) -> LabelValue? {
        let index = file.field.index
        guard gdal.OGR_F_IsFieldSetAndNotNull(feature, index) != 0 else { return nil }
        switch file.fieldKind {
        case .integer: return .number(Int(gdal.OGR_F_GetFieldAsInteger64(feature, index)))
        case .text:
            let text = gdal.OGR_F_GetFieldAsString(feature, index).map { String(cString: $0) } ?? ""
            return text.isEmpty ? nil : .text(text)
        case .real:
            let number = gdal.OGR_F_GetFieldAsDouble(feature, index)
            if number.isNaN { return nil }
            if let whole = Int(exactly: number) { return .number(whole) }
            fraction = fraction ?? number
            return nil
        }
    }

    /// The number of a value; `nil` once there are too many of them, so that the rest is only counted.
    private mutating func index(of value: LabelValue) -> Int? {
        if let known = numbers[value] { return values.count > Self.mostValues ? nil : known }
        guard values.count < Self.mostCounted else { return nil }
        numbers[value] = values.count
        values.append(value)
        counts.append(0)
        return values.count > Self.mostValues ? nil : values.count - 1
    }

    private mutating func check(_ geometry: LabelGeometry, _ dataset: Dataset) throws(RasterError) {
        func bad(_ what: String, _ remedy: String, _ why: [String] = []) -> RasterError {
            RasterError(.badLabels, what, in: dataset.path, why: why, try: remedy)
        }
        if let fraction {
            throw bad(
                "the field '\(field)' holds \(Telemetry.number(fraction)), but classes are whole numbers or text",
                "choose a field of text or whole numbers")
        }
        guard values.count <= Self.mostValues else {
            throw bad(
                "the field '\(field)' has \(values.count == Self.mostCounted ? "a million or more" : "\(values.count)") different values; expected at most \(Self.mostValues) classes",
                "choose the field that holds the class of each feature")
        }
        if let odd = geometry.impossible {
            let limit = 90 / geometry.degreesPerUnit
            if abs(odd.y) > limit, abs(odd.y) <= 4 * limit, abs(odd.x) <= limit {
                throw bad(
                    "a latitude of \(odd.y) is impossible: the axes seem to be swapped",
                    "put longitude first: [\(odd.y), \(odd.x)]")
            }
            throw bad(
                abs(odd.y) > limit
                    ? "a latitude of \(odd.y) is impossible" : "a longitude of \(odd.x) is impossible",
                "give degrees, or specify the CRS of the coordinates: ogr2ogr -a_srs EPSG:CODE with-crs.gpkg \(dataset.quotedName)"
            )
        }
        guard !geometry.surroundsPole else {
            throw bad(
                "a polygon of the labels surrounds a pole",
                "give the labels in a polar CRS, such as EPSG:3413 in the north or EPSG:3031 in the south")
        }
        note(tally.withoutValue, "without a value in the field '\(field)'")
        note(tally.withoutGeometry, "without a geometry")
        if geometry.notFinite > 0 {
            warnings.append("ignored \(counted(geometry.notFinite, "shapes")) with coordinates that are not finite")
        }
        if geometry.unclosed > 0 { warnings.append("closed \(counted(geometry.unclosed, "open rings"))") }
        if let firstCrossing {
            let polygons =
                geometry.crossing == 1
                ? "1 polygon crosses itself, in" : "\(geometry.crossing) polygons cross themselves, the first in"
            warnings.append(
                "\(polygons) feature \(firstCrossing) of the layer; pixels inside an odd number of turns are labelled")
        }
        if geometry.degenerate > 0 {
            warnings.append("ignored \(counted(geometry.degenerate, "shapes")) of too few different points")
        }
        if !geometry.others.isEmpty {
            warnings.append("ignored other geometries: \(geometry.others.sorted().joined(separator: ", "))")
        }
        guard !shapes.isEmpty else {
            let what =
                tally.features == 0
                ? "the layer '\(layer)' has no features"
                : "none of the \(tally.features) features of the layer '\(layer)' has a geometry and a class"
            throw bad(what, "give each feature a geometry and a value in the field '\(field)'", warnings)
        }
    }

    private mutating func note(_ count: Int, _ lacking: String) {
        if count > 0 { warnings.append("ignored \(counted(count, "features")) \(lacking)") }
    }
}

// The STAC item of a map: what it is, where, when, from what.
internal import Files
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif
#if canImport(Glibc)
    internal import Glibc
#endif

/// The item (STAC 1.0.0) of a finished map, with the extensions projection 2.0, raster 1.1, file 2.1 and processing 1.2, and for a map of
/// classes also classification 2.0 and, where its model is described, MLM 1.5.
func stacItem(
    part: MapPlan.Part, area: LatticeArea, job: MapJob, style: MapStyle, statistics: MapStatistics, preview: MapPreview,
    writing: WrittenProduct, sidecars: Sidecars
) throws -> String {
    let request = job.request
    let geometry = try geometry(part: part, area: area, job: job, statistics: statistics, preview: preview)
    var properties: [String: JSONValue] = times(part: part, job: job)
    let crs = part.lattice.crs.definition
    if crs.hasPrefix("EPSG:") {
        properties["proj:code"] = .string(crs)
    } else {
        properties["proj:code"] = .null
        properties["proj:wkt2"] = .string(part.lattice.crs.wkt)
    }
    let transform = part.grid.transform
    let bounds = part.grid.bounds
    properties["proj:shape"] = .array([.number(Double(part.grid.height)), .number(Double(part.grid.width))])
    properties["proj:transform"] = numbers([
        transform.columnX, transform.rowX, transform.originX, transform.columnY, transform.rowY, transform.originY, 0,
        0, 1,
    ])
    properties["proj:bbox"] = numbers(
        [bounds.minX, bounds.minY, bounds.maxX, bounds.maxY].map { ($0 * 1e6).rounded() / 1e6 })
    properties["gsd"] = .number(
        (job.layout.gsd ?? part.scenes.first?.gsd ?? part.inputLattice.pixelSize) * Double(part.cellSize))
    properties["title"] = .string("\(style.title), \(fileName(part.output))")
    let software = request.software.split(separator: " ", maxSplits: 1).map(String.init)
    properties["processing:software"] = .object([
        software.first ?? "geodino": .string(software.count > 1 ? software[1] : "")
    ])
    properties["processing:lineage"] = .string(lineage(part: part, job: job, writing: writing))
    properties["geodino:model"] = .string(request.model.id)
    if !request.model.sha256.isEmpty { properties["geodino:model_sha256"] = .string(request.model.sha256) }
    properties["geodino:window"] = .number(Double(part.windows.windowSize * part.cellSize))
    properties["geodino:overlap"] = .number(Double((part.windows.windowSize - part.windows.stride) * part.cellSize))

    let model = ModelFields(
        request.model, layout: job.layout, window: part.windows.windowSize * part.cellSize, writing: writing)
    if let model { properties.merge(model.properties) { first, _ in first } }

    var links: [JSONValue] = part.scenes.map { scene in
        .object([
            "rel": .string("derived_from"),
            "href": .string(reference(Redaction.address(scene.path), from: part.output)),
            "title": .string("scene \(Redaction.fileName(scene.path))"),
        ])
    }
    links.append(
        .object([
            "rel": .string("derived_from"),
            "href": .string(reference(request.model.path ?? request.model.id, from: part.output)),
            "title": .string("model \(request.model.summary.isEmpty ? request.model.id : request.model.summary)"),
        ]))
    var assets = try stacAssets(part: part, style: style, statistics: statistics, writing: writing, sidecars: sidecars)
    if let model { assets.merge(model.assets(from: part.output)) { first, _ in first } }
    let item: [String: JSONValue] = [
        "type": .string("Feature"), "stac_version": .string("1.0.0"),
        "stac_extensions": .array(
            (["projection/v2.0.0", "raster/v1.1.0", "file/v2.1.0", "processing/v1.2.0"]
                + (writing.legend == nil ? [] : ["classification/v2.0.0"])
                + (model == nil ? [] : [ModelFields.extension])).map {
                    .string("https://stac-extensions.github.io/\($0)/schema.json")
                }),
        "id": .string(fileName(stem(part.output))), "geometry": geometry.json, "bbox": numbers(geometry.bbox),
        "properties": .object(properties), "links": .array(links),
        "assets": .object(assets),
    ]
    return JSONValue.object(item).indentedText
}

/// The outline: the area itself where imagery covers all of it, else that of the pixels with a value.
private func geometry(
    part: MapPlan.Part, area: LatticeArea, job: MapJob, statistics: MapStatistics, preview: MapPreview
) throws -> (json: JSONValue, bbox: [Double]) {
    let toDegrees = try CoordinateTransformer(from: part.lattice.crs, to: .wgs84)
    let bounds = toDegrees.bounds(part.grid.bounds) ?? Bounds(minX: -180, minY: -90, maxX: 180, maxY: 90)
    var json = try footprint(of: preview, on: part.grid, lattice: part.lattice)
    var bbox = [bounds.minX, bounds.minY, bounds.maxX, bounds.maxY]
    if let aoi = job.aoi, !job.request.noClip, part.longitudes == nil, statistics.validPixels > 0,
        statistics.validPixels == statistics.areaPixels,
        area.bounds.flatMap({ part.lattice.window(covering: $0) }) == part.window,
        let exact = parsed(geoJSON: try aoi.geoJSON)
    {
        json = exact
    }
    if case .null = json {
        // An item needs a place even where no pixel has a value: the map's rectangle.
        let ring = [
            (bounds.minX, bounds.minY), (bounds.maxX, bounds.minY), (bounds.maxX, bounds.maxY),
            (bounds.minX, bounds.maxY), (bounds.minX, bounds.minY),
        ]
        json = .object([
            "type": .string("Polygon"),
            "coordinates": .array([.array(ring.map { numbers([sevenDecimals($0.0), sevenDecimals($0.1)]) })]),
        ])
    }
    if let found = extent(json) { bbox = found }
    return (json, bbox)
}

/// West, south, east, north of a GeoJSON geometry; west is above east where parts of it meet at 180 degrees (RFC 7946).
private func extent(_ geometry: JSONValue) -> [Double]? {
    var bounds: Bounds?
    var (east, west) = (-180.0, 180.0)
    func visit(_ value: JSONValue) {
        guard case .array(let values) = value else { return }
        if values.count >= 2, let x = values[0].double, let y = values[1].double {
            let point = Bounds(minX: x, minY: y, maxX: x, maxY: y)
            bounds = bounds?.union(point) ?? point
            if x < 0 { east = max(east, x) } else { west = min(west, x) }
        } else {
            for value in values { visit(value) }
        }
    }
    if case .object(let members) = geometry, let coordinates = members["coordinates"] { visit(coordinates) }
    return bounds.map { bounds in
        let crosses = bounds.minX == -180 && bounds.maxX == 180 && west > east + 180
        return [crosses ? west : bounds.minX, bounds.minY, crosses ? east : bounds.maxX, bounds.maxY]
    }
}

/// When the scenes were taken.
///
/// STAC wants a moment, or null and a span.
///
/// Without any date the span is what can be said for certain: from 1970 until the newest file was last changed.
private func times(part: MapPlan.Part, job: MapJob) -> [String: JSONValue] {
    let known = part.scenes.map { job.facts[$0.path]?.metadata.time }
    let found = known.compactMap { $0 }.sorted()
    if let first = found.first, let last = found.last, found.count == known.count {
        if first == last { return ["datetime": .string(first)] }
        return ["datetime": .null, "start_datetime": .string(first), "end_datetime": .string(last)]
    }
    let changed = part.scenes.compactMap { modificationTime($0.path) }
    let end = changed.count == part.scenes.count ? changed.max() ?? "" : "9999-12-31T23:59:59Z"
    return [
        "datetime": .null, "start_datetime": .string(found.first ?? "1970-01-01T00:00:00Z"),
        "end_datetime": .string(end),
        "geodino:datetime_note": .string(
            "the scenes do not all say when they were taken; the span only bounds it by the files' dates"),
    ]
}

private func lineage(part: MapPlan.Part, job: MapJob, writing: WrittenProduct) -> String {
    let request = job.request
    var text =
        "\(part.scenes.count) scene\(part.scenes.count == 1 ? "" : "s") at \(number(part.inputLattice.pixelSize)) CRS units per pixel, stretch \(job.layout.stretch.text); predicted in windows of \(part.windows.windowSize * part.cellSize) pixels every \(part.windows.stride * part.cellSize), blended by raised cosines; outside the area and without imagery \(number(Double(writing.nodata)))"
    if let below = writing.outputs.rejectBelow {
        text += "; \(Legend.unsureID) where the largest probability is below \(number(below))"
    }
    if let minimum = writing.outputs.minimumArea, let pixels = part.smallestPixels {
        text +=
            "; components of less than \(number(minimum)) m2 (fewer than \(pixels) pixels) took the class around them, except at nodata and at the map's edge"
    }
    if !request.commandLine.isEmpty { text += "; command: \(Redaction.text(request.commandLine))" }
    return text
}

private func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }

private func modificationTime(_ path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    var moment = status.st_mtim.tv_sec
    var parts = tm()
    guard gmtime_r(&moment, &parts) != nil else { return nil }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return
        "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
}

/// A geometry that GDAL wrote as text; `nil` where it is none.
private func parsed(geoJSON text: String) -> JSONValue? {
    guard let value = try? JSONDecoder().decode(DecodedGeometry.self, from: Data(text.utf8)) else { return nil }
    switch value.coordinates {
    case .null: return nil
    default: return .object(["type": .string(value.type), "coordinates": rounded(value.coordinates)])
    }
}

private struct DecodedGeometry: Decodable {
    let type: String
    let coordinates: JSONValue
}

/// Nested arrays of numbers with seven decimals.
private func rounded(_ coordinates: JSONValue) -> JSONValue {
    if case .array(let values) = coordinates { return .array(values.map(rounded)) }
    return coordinates.double.map { .number(sevenDecimals($0)) } ?? coordinates
}

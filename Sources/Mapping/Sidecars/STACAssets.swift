// The assets of a map's STAC item: its files and their contents.
package import Files
package import Geo
internal import Raster
internal import Scenes
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// The assets of a finished map.
func stacAssets(
    part: MapPlan.Part, style: MapStyle, statistics: MapStatistics, writing: WrittenProduct, sidecars: Sidecars
) throws -> [String: JSONValue] {
    let resolution = fourDigits(try part.grid.groundSampleDistance().metres)
    func band(_ info: BandInfo, _ type: SampleType, nodata: Double) -> [String: JSONValue] {
        var value: [String: JSONValue] = [
            "data_type": .string(type.rawValue), "nodata": .number(nodata),
            "spatial_resolution": .number(resolution),
            "sampling": .string("area"),
        ]
        if let unit = info.unit { value["unit"] = .string(unit) }
        return value
    }
    let share = 100 * Double(statistics.validPixels) / (Double(part.grid.width) * Double(part.grid.height))
    let bands = writing.bands.enumerated().map { number, info -> JSONValue in
        var value = band(info, writing.sampleType, nodata: Double(writing.nodata))
        if number == 0, let least = statistics.minimum, let most = statistics.maximum, let mean = statistics.mean,
            statistics.areaPixels > 0
        {
            value["statistics"] = .object([
                "minimum": .number(least), "maximum": .number(most), "mean": .number(mean),
                "valid_percent": .number(share),
            ])
        }
        if let found = statistics.classes {
            value["statistics"] = .object(["valid_percent": .number(share)])
            value["classification:classes"] = .array(
                stacClasses(writing.classes, pixels: found.map(\.pixels), of: statistics.validPixels))
        }
        return .object(value)
    }
    var data = try asset(
        part.output, type: geoTIFF(isCloudOptimized: writing.shape.isCloudOptimized), title: style.title,
        roles: ["data"])
    data["raster:bands"] = .array(bands)
    var assets: [String: JSONValue] = ["data": .object(data)]
    let names = part.output + ".aux.xml"
    if writing.legend != nil, fileExists(names) {
        assets["names"] = .object(
            try asset(names, type: "application/xml", title: "Names of the classes for GDAL", roles: ["metadata"]))
    }
    /// A raster of probabilities in 8 bits.
    func probabilities(_ path: String, _ bands: [BandInfo], title: String) throws -> JSONValue {
        let shape = BlockShape(blended: bands.count, written: bands.count)
        var raster = try asset(
            path, type: geoTIFF(isCloudOptimized: shape.isCloudOptimized), title: title, roles: ["data"])
        raster["raster:bands"] = .array(
            bands.map { info in
                var value = band(info, .uint8, nodata: Double(Legend.nodataID))
                value["name"] = .string(info.name)
                value["scale"] = .number(1 / WrittenProduct.probabilityScale)
                value["offset"] = .number(0)
                return .object(value)
            })
        return .object(raster)
    }
    if let path = sidecars.probabilities, let bands = writing.probabilityBands {
        assets["probabilities"] = try probabilities(path, bands, title: "Probability of each class")
    }
    if let path = sidecars.confidence, let bands = writing.confidenceBands {
        assets["confidence"] = try probabilities(path, bands, title: "Largest probability of any class")
    }
    if let path = sidecars.polygons {
        var polygons = try asset(
            path, type: vectorType(path), title: "Polygons of the classes", roles: ["data"])
        polygons["href"] = .string(reference(path, from: part.output))
        assets["polygons"] = .object(polygons)
    }
    guard MapLook(style, classes: writing.classes) != .none else { return assets }
    assets["thumbnail"] = .object(
        try asset(
            sidecars.quickLook, type: "image/png", title: "Quick-look with legend", roles: ["thumbnail", "overview"]))
    assets["style"] = .object(
        try asset(sidecars.style, type: "application/xml", title: "QGIS layer style", roles: ["metadata"]))
    return assets
}

/// The value of `classification:classes`: one object per class with its share of the map, and one for nodata at the end.
///
/// - Parameters:
///   - pixels: The number of pixels of each class.
///   - all: The number of valid pixels.
package func stacClasses(_ classes: [LegendClass], pixels: [Int], of all: Int) -> [JSONValue] {
    let found = zip(classes, pixels).map { entry, pixels -> JSONValue in
        var value = stacClass(entry)
        value["count"] = .integer(pixels)
        if all > 0 { value["percentage"] = .number((100e4 * Double(pixels) / Double(all)).rounded() / 1e4) }
        return .object(value)
    }
    let nothing: [String: JSONValue] = [
        "value": .integer(Int(Legend.nodataID)), "name": .string("nodata"), "title": .string("no data"),
        "nodata": .bool(true),
    ]
    return found + [.object(nothing)]
}

/// A class as the classification extension has it.
func stacClass(_ entry: LegendClass) -> [String: JSONValue] {
    [
        "value": .integer(Int(entry.id)), "name": .string(machineName(entry)), "title": .string(entry.name),
        "color_hint": .string(hexadecimal(entry.colour).uppercased()),
    ]
}

/// The name of a class in letters, digits, `-` and `_` only, as the extension requires.
private func machineName(_ entry: LegendClass) -> String {
    let words = entry.name.split { !($0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "-") }
    return words.isEmpty ? "class_\(entry.id)" : words.joined(separator: "_")
}

private func geoTIFF(isCloudOptimized: Bool) -> String {
    "image/tiff; application=geotiff" + (isCloudOptimized ? "; profile=cloud-optimized" : "")
}

/// The media type of a vector file, by its ending.
private func vectorType(_ path: String) -> String {
    switch path.split(separator: ".").last?.lowercased() {
    case "gpkg": "application/geopackage+sqlite3"
    case "geojson", "json": "application/geo+json"
    case "fgb": "application/vnd.flatgeobuf"
    default: "application/octet-stream"
    }
}

private func asset(_ path: String, type: String, title: String, roles: [String]) throws -> [String: JSONValue] {
    [
        "href": .string("./" + percentEncoded(fileName(path))), "type": .string(type), "title": .string(title),
        "roles": .array(roles.map { .string($0) }), "file:size": .number(try size(of: path)),
        "file:checksum": .string(multihash(try SHA256.hex(ofFile: path))),
    ]
}

/// A SHA-256 as a multihash: 12 says which hash it is, 20 says 32 bytes follow.
func multihash(_ sha256: String) -> String { "1220" + sha256 }

private func size(of path: String) throws -> Double {
    var status = stat()
    guard stat(path, &status) == 0 else {
        throw MappingError(
            .writeFailed, "the file is gone that was just written", in: path, why: [String(cString: strerror(errno))])
    }
    return Double(status.st_size)
}

// What a scene is, before anybody knows where the map lies: place, GSD, bands, and whether the model can eat them.
public import Geo
internal import Raster
internal import Telemetry

/// A scene as it enters a map: where it is on the map's lattice and how it is read.
public struct MapScene: Sendable, Codable, Hashable {
    /// The file.
    public var path: String
    /// Bands in the model's order, from 1.
    public var bands: [Int]
    /// Metres on the ground per pixel, at its centre.
    public var gsd: Double
    /// The pixels of the map's lattice that it may cover.
    public var window: PixelWindow
    /// The lattice pixel of its first pixel, where its own grid is a part of the lattice: then it is read without resampling.
    public var alignedColumn: Int?
    /// See `alignedColumn`.
    public var alignedRow: Int?
    /// The kernel: `average` where the map is at least twice as coarse as the scene, else `cubic`.
    public var resampling: String
}

/// A scene's header.
struct SceneFacts {
    let path: String
    let grid: Grid
    let crs: CoordinateReferenceSystem
    let gsd: Double
    let bands: [RasterBand]
    /// What is to be said of a band that was set aside.
    let alphaNote: String?
    /// The same as a warning, where it holds more than a mask.
    let alphaWarning: String?
    /// Longitude and latitude; `maxX` is above 180 across the antimeridian.
    let degrees: Bounds
    /// When it was taken, RFC 3339, if the file says so.
    let time: String?

    /// Reads the header.
    ///
    /// - Throws: `noCRS`; what opening throws.
    init(path: String) throws {
        let reader = try RasterReader(path: path)
        guard let crs = reader.grid.crs else {
            let error = reader.placeMissing(role: "scene")
            throw MappingError(.noCRS, error.what, in: path, why: error.causes, try: error.remedy)
        }
        self.path = path
        self.crs = crs
        grid = reader.grid
        bands = reader.bands
        alphaNote = reader.alphaNote
        alphaWarning = try? reader.alphaWarning()
        gsd = try reader.groundSampleDistance().metres
        guard gsd > 0, gsd.isFinite,
            let degrees = try CoordinateTransformer(from: crs, to: .wgs84).bounds(reader.grid.bounds)
        else {
            throw MappingError(
                .noCRS, "the scene's bounds cannot be expressed in longitude and latitude", in: path,
                why: ["its CRS is \(crs.name), its bounds are \(text(reader.grid.bounds))"],
                try: "check CRS and geotransform with: gdalinfo \(shellQuoted(path))")
        }
        self.degrees = degrees
        time = acquisitionTime(reader)
    }

    /// Bands for a model, in its order; see `chosen(for:asked:grayAsColour:)`.
    ///
    /// - Throws: `missingBands`.
    func bands(for layout: PixelLayout, asked: [Int]?, grayAsColour: Bool = false) throws -> [RasterBand] {
        do {
            return try bands.chosen(for: layout.bands.map(\.name), asked: asked, grayAsColour: grayAsColour)
        } catch {
            throw MappingError(
                .missingBands,
                "the model needs \(error.wanted.count) bands (\(error.wanted.joined(separator: ", "))), but the scene has \(bands.count) (\(error.found.joined(separator: ", ")))",
                in: path, why: [error.why] + [alphaNote].compactMap(\.self), try: error.remedy)
        }
    }

    /// Refuses values that the model's stretch rule cannot bring to what the model was trained on.
    func checkValues(for layout: PixelLayout, bands wanted: [Int]) throws {
        for band in bands where wanted.contains(band.index) {
            let type = band.sampleType
            switch layout.stretch {
            case .none:
                guard type != layout.sampleType else { continue }
                throw MappingError(
                    .badValues,
                    "the model takes \(layout.sampleType.rawValue) values as they are (stretch none), but band \(band.index) is \(type.rawValue)",
                    in: path,
                    try:
                        "use a model that was trained with a stretch such as percentile:2,98, or convert: gdal_translate -ot Byte -scale LOW HIGH 0 255 \(shellQuoted(path)) bytes.tif"
                )
            case .fixed(let low, let high):
                let top: Double =
                    switch type {
                    case .uint8: 255
                    case .int16: 32767
                    case .uint16: 65535
                    case .float32: .infinity
                    }
                guard top < low + (high - low) / 2 else { continue }
                throw MappingError(
                    .badValues,
                    "the model stretches \(number(low)) to \(number(high)) (\(layout.stretch.text)), but band \(band.index) is \(type.rawValue), whose values end at \(number(top))",
                    in: path,
                    try: "give the scene in the units that the model was trained on, not an already stretched one")
            case .percentile: continue
            }
        }
    }
}

/// When a scene was taken, from the metadata that providers write; never TIFF's own date, which is when the file was made.
private func acquisitionTime(_ reader: RasterReader) -> String? {
    let tags = reader.metadata(domain: "IMAGERY").merging(reader.metadata(domain: "")) { first, _ in first }
    for key in [
        "ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "datetime", "DATETIME", "PRODUCT_START_TIME", "SENSING_TIME",
    ] {
        if let value = tags[key], let time = rfc3339(value) { return time }
    }
    return nil
}

/// A date and time as RFC 3339 in UTC, from `2024-06-01T10:20:30Z`, `2024-06-01 10:20:30` or `2024-06-01`; fractions are dropped.
package func rfc3339(_ text: String) -> String? {
    let characters = Array(text.utf8)
    func digits(_ start: Int, _ count: Int) -> Int? {
        guard characters.count >= start + count else { return nil }
        var value = 0
        for character in characters[start..<start + count] {
            guard character >= 48, character <= 57 else { return nil }
            value = value * 10 + Int(character - 48)
        }
        return value
    }
    guard let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2), year > 0,
        (1...12).contains(month), (1...31).contains(day), characters[4] == 45, characters[7] == 45
    else { return nil }
    let date = String(decoding: characters[0..<10], as: UTF8.self)
    if characters.count == 10 { return date + "T00:00:00Z" }
    guard characters[10] == 84 || characters[10] == 32, let hour = digits(11, 2), let minute = digits(14, 2),
        let second = digits(17, 2), hour < 24, minute < 60, second < 61
    else { return nil }
    // An offset other than UTC is left to those who can tell; the time is not guessed.
    var rest = characters[19...]
    if rest.first == 46 { rest = rest.dropFirst().drop { $0 >= 48 && $0 <= 57 } }
    guard rest.isEmpty || rest.elementsEqual("Z".utf8) || rest.elementsEqual("+00:00".utf8) else { return nil }
    return date + "T" + String(decoding: characters[11..<19], as: UTF8.self) + "Z"
}

/// A number without a needless fraction.
func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
}

/// Bounds for a message, `minX minY maxX maxY`, to five decimals.
func text(_ bounds: Bounds) -> String {
    [bounds.minX, bounds.minY, bounds.maxX, bounds.maxY].map { number(($0 * 1e5).rounded() / 1e5) }
        .joined(separator: " ")
}

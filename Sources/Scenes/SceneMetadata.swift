// What a scene's own metadata say about when and how it was taken.
package import Raster

/// Time, platform, rights and angles of a scene, from GDAL's metadata domains; `nil` where they are silent.
package struct SceneMetadata: Sendable, Hashable {
    /// When it was taken, as the file writes it; never TIFF's own date, which is when the file was made.
    package var acquired: String?
    /// When it was taken, to the second or the day, as RFC 3339; `nil` where no name that says so exactly holds a date.
    package var time: String?
    /// Satellite or aircraft.
    package var platform: String?
    /// Licence.
    package var licence: String?
    /// Whom to name.
    package var attribution: String?
    /// Degrees above the horizon.
    package var sunElevation: Double?
    /// Degrees from north.
    package var sunAzimuth: Double?
    /// Degrees from the vertical.
    package var offNadir: Double?
    /// Percent.
    package var cloudCover: Double?

    package init(_ reader: RasterReader) {
        self.init([reader.metadata(domain: ""), reader.metadata(domain: "IMAGERY")])
    }

    /// Reads the first name that is there; later domains, such as GDAL's own IMAGERY, win.
    package init(_ domains: [[String: String]]) {
        var values: [String: String] = [:]
        for domain in domains {
            for (name, value) in domain where !value.isEmpty { values[name.uppercased()] = value }
        }
        func first(_ names: String...) -> String? { names.lazy.compactMap { values[$0] }.first }
        acquired = first("ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUISITION_DATE", "DATATAKE_SENSING_START")
        time =
            ["ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "DATETIME", "PRODUCT_START_TIME", "SENSING_TIME"].lazy
            .compactMap { values[$0].flatMap(rfc3339) }.first
        platform = first("SATELLITEID", "PLATFORM", "SPACECRAFT_ID", "DATATAKE_1_SPACECRAFT_NAME")
        licence = first("LICENCE", "LICENSE")
        attribution = first("ATTRIBUTION", "TIFFTAG_COPYRIGHT", "COPYRIGHT")
        sunElevation = first("SUN_ELEVATION", "SUNELEVATION").flatMap(Self.number)
        sunAzimuth = first("SUN_AZIMUTH", "SUNAZIMUTH").flatMap(Self.number)
        offNadir = first("OFF_NADIR", "OFFNADIR", "OFF_NADIR_ANGLE").flatMap(Self.number)
        cloudCover = first("CLOUDCOVER", "CLOUD_COVER").flatMap(Self.number)
    }

    /// A number that can be written down again: vendors put `nan` where they know none, and JSON has no word for it.
    private static func number(_ text: String) -> Double? { Double(text).flatMap { $0.isFinite ? $0 : nil } }
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

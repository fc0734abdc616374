// What a scene's own metadata say about when and how it was taken.
internal import Raster

/// Time, platform, rights and angles of a scene, from GDAL's metadata domains; `nil` where they are silent.
struct SceneMetadata {
    var acquired: String?
    var platform: String?
    var licence: String?
    var attribution: String?
    var sunElevation: Double?
    var sunAzimuth: Double?
    var offNadir: Double?
    var cloudCover: Double?

    init(_ reader: RasterReader) { self.init([reader.metadata(domain: ""), reader.metadata(domain: "IMAGERY")]) }

    /// Reads the first name that is there; later domains, such as GDAL's own IMAGERY, win.
    init(_ domains: [[String: String]]) {
        var values: [String: String] = [:]
        for domain in domains {
            for (name, value) in domain where !value.isEmpty { values[name.uppercased()] = value }
        }
        func first(_ names: String...) -> String? { names.lazy.compactMap { values[$0] }.first }
        acquired = first("ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUISITION_DATE", "DATATAKE_SENSING_START")
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

// What came out of making a map.
public import Geo
internal import Telemetry

/// A map that was made.
public struct MapSummary: Sendable, Codable {
    /// One output file.
    public struct Part: Sendable, Codable {
        /// The GeoTIFF.
        public var output: String
        /// The STAC item.
        public var stac: String
        /// The QGIS style; `nil` for a map that is not a picture.
        public var style: String?
        /// The picture, as `style`.
        public var quickLook: String?
        /// The map's grid.
        public var grid: Grid
        /// Pixels and values.
        public var statistics: MapStatistics
        /// Area with values, by the ground size of a pixel at the map's centre.
        public var squareKilometres: Double
        /// Windows predicted, those in the halo of two blocks twice.
        public var windows: Int
        /// Calls of the predictor.
        public var calls: Int
    }
    /// The files.
    public var parts: [Part]
    /// What the user should know.
    public var warnings: [String]

    /// The summary for people, one line per file.
    public var text: String {
        parts.map { part in
            let numbers = part.statistics
            let range =
                numbers.mean.map {
                    ", mean \(rounded($0, 2)), \(rounded(numbers.minimum ?? 0, 2)) to \(rounded(numbers.maximum ?? 0, 2))"
                } ?? ""
            return
                "\(part.output): \(part.grid.width) x \(part.grid.height) pixels, \(rounded(part.squareKilometres, 4)) km2 mapped\(range), \(counted(part.windows, "windows"))"
        }.joined(separator: "\n")
    }
}

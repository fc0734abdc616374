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
        /// The raster of probabilities; `nil` if it was not asked for.
        public var probabilities: String?
        /// The raster of largest probabilities; `nil` if it was not asked for.
        public var confidence: String?
        /// The file of polygons; `nil` if it was not asked for.
        public var polygons: String?
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
            let shares = Self.shares(of: numbers).map { ", \($0)" } ?? ""
            return
                "\(part.output): \(part.grid.width) x \(part.grid.height) pixels, \(rounded(part.squareKilometres, 4)) km2 mapped\(range)\(shares), \(counted(part.windows, "windows"))"
        }.joined(separator: "\n")
    }

    /// The most frequent classes of a map with their shares; `nil` for a map that does not hold classes.
    private static func shares(of numbers: MapStatistics) -> String? {
        guard let classes = numbers.classes, numbers.validPixels > 0 else { return nil }
        let order = classes.indices.filter { classes[$0].pixels > 0 }
            .sorted { (classes[$1].pixels, $0) < (classes[$0].pixels, $1) }
        let named = order.prefix(4).map { place in
            "\(classes[place].name) \(rounded(100 * Double(classes[place].pixels) / Double(numbers.validPixels), 1)) %"
        }
        let more = order.count - named.count
        let rest = more == 0 ? [] : [more == 1 ? "1 more class" : "\(more) more classes"]
        return (named + rest).joined(separator: ", ")
    }
}

// Points of a map whose class on the ground is to be looked up, and the file that they are written to.
public import Geo
internal import Raster
public import Telemetry

/// Samples of a map of classes, drawn at random within each class.
public struct DrawnSamples: Sendable, Hashable {
    /// One sample: the centre of a pixel.
    public struct Sample: Sendable, Hashable {
        /// Its number, from 1, in the order of the pixels that were read.
        public let id: Int
        /// x in the map's CRS.
        public let x: Double
        /// y in the map's CRS.
        public let y: Double
        /// Index of the map's class there, in the legend.
        public let classIndex: Int
    }

    /// The samples.
    public let samples: [Sample]
    /// The CRS of their coordinates: the map's.
    public let crs: CoordinateReferenceSystem
    /// What the classes are.
    public let legend: Legend
    /// Pixels of each class on the map, in the legend's order.
    public let pixelCounts: [Int]
    /// Samples of each class, in the legend's order.
    public let counts: [Int]

    /// Writes them as a GeoPackage of points with the fields `id`, `class` and `name`: the map's class there.
    ///
    /// - Parameters:
    ///   - path: The file, which ends in `.gpkg`.
    ///   - overwrite: Whether a file of that name is replaced.
    /// - Throws: `writeFailed`.
    public func write(to path: String, overwrite: Bool = false) throws(ScoringError) {
        do {
            let writer = try VectorWriter(
                path: path, layer: "samples", crs: crs, geometry: .points,
                fields: [.init("id", .integer), .init("class", .integer), .init("name", .string)], overwrite: overwrite)
            for sample in samples {
                let entry = legend.classes[sample.classIndex]
                try writer.write(
                    point: (sample.x, sample.y), [.integer(sample.id), .integer(Int(entry.id)), .string(entry.name)])
            }
            try writer.finish()
        } catch {
            throw ScoringError(.writeFailed, error.what, in: path, why: error.causes, try: error.remedy)
        }
    }
}

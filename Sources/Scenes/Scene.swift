// What a scene is, before anybody knows which tiles or which map will be made of it: place, GSD, bands, time.
package import Geo
public import Raster
internal import Telemetry

/// A scene's header.
public struct Scene: Sendable {
    /// The path or address, as it was given.
    public let path: String
    /// Its own grid.
    package let grid: Grid
    /// The CRS of its grid.
    package let crs: CoordinateReferenceSystem
    /// Metres on the ground per pixel, at its centre.
    package let gsd: Double
    /// The bands that can be read.
    public let bands: [RasterBand]
    /// What is to be said of a band that was set aside.
    public let alphaNote: String?
    /// The same as a warning, where it holds more than a mask.
    package let alphaWarning: String?
    /// Longitude and latitude; `maxX` is above 180 across the antimeridian.
    package let degrees: Bounds
    /// Longitude and latitude of its centre.
    package let centre: (x: Double, y: Double)
    /// When and how it was taken.
    package let metadata: SceneMetadata

    /// Reads the header of an open raster.
    ///
    /// - Throws: `noCRS`; what reading throws.
    package init(_ reader: RasterReader) throws {
        path = reader.path
        guard let crs = reader.grid.crs else {
            let error = reader.placeMissing(role: "scene")
            throw SceneError(.noCRS, error.what, in: path, why: error.causes, try: error.remedy)
        }
        self.crs = crs
        grid = reader.grid
        bands = reader.bands
        alphaNote = reader.alphaNote
        alphaWarning = try? reader.alphaWarning()
        gsd = try reader.groundSampleDistance().metres
        let toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        guard gsd > 0, gsd.isFinite, let degrees = toDegrees.bounds(reader.grid.bounds) else {
            throw SceneError(
                .noCRS, "the scene's bounds cannot be expressed in longitude and latitude", in: path,
                why: ["its CRS is \(crs.name), its bounds are \(boundsText(reader.grid.bounds))"],
                try: "check CRS and geotransform with: gdalinfo \(shellQuoted(path))")
        }
        self.degrees = degrees
        centre = degrees.centre
        metadata = SceneMetadata(reader)
    }

    /// Refuses a scene without the detail that a network knows; see the method of all rasters.
    package func checkDetail(for wanted: Double?, isForMap: Bool) throws(SceneError) -> String? {
        try checkDetail(of: gsd, for: wanted, isForMap: isForMap)
    }
}

/// Bounds for a message, `minX minY maxX maxY`, to five decimals.
package func boundsText(_ bounds: Bounds) -> String {
    [bounds.minX, bounds.minY, bounds.maxX, bounds.maxY].map { rounded($0, 5) }.joined(separator: " ")
}

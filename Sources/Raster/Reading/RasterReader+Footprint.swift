// The outline of a raster on Earth.
import Geo
public import Telemetry

extension RasterReader {
    /// The outline of the raster's grid in degrees of longitude and latitude (WGS 84).
    ///
    /// - Returns: Closed rings, counter-clockwise, 16 points to a side; two where the raster crosses 180 degrees.
    /// - Throws: `noCRS`, `badGrid` where the outline is nowhere on Earth.
    public func footprint() throws(RasterError) -> [[(x: Double, y: Double)]] {
        guard let crs = grid.crs else {
            throw placeMissing()
        }
        let toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        let steps = 16
        var outline: [(x: Double, y: Double)] = []
        let width = Double(grid.width)
        let height = Double(grid.height)
        let corners = [(0.0, 0.0), (0, height), (width, height), (width, 0), (0, 0)]
        for (from, to) in zip(corners, corners.dropFirst()) {
            for i in 0..<steps {
                let part = Double(i) / Double(steps)
                outline.append(
                    grid.transform.point(
                        column: from.0 + (to.0 - from.0) * part, row: from.1 + (to.1 - from.1) * part))
            }
        }
        let images = toDegrees.transform(outline)
        let ring = images.compactMap { $0 }
        guard ring.count == images.count else {
            throw RasterError(
                .badGrid, "part of the raster's outline has no place on Earth in \(crs.name)", in: path,
                try: "check its CRS and geotransform with gdalinfo \(dataset.quotedName)")
        }
        return Antimeridian.parted([ring]).compactMap(\.first)
    }
}

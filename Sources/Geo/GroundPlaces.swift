// Longitude and latitude of every pixel of a raster, without a transformation per pixel.

/// Where on Earth the pixels of a raster lie: exact at nodes some pixels apart, bilinear between.
///
/// A function of the pixel alone, so that all windows of a raster agree; and cheap, so that every pixel can be asked.
/// Between nodes of a few hundred metres the ground is flat to a centimetre.
public struct GroundPlaces: Sendable {
    private let step: Double
    private let columns: Int
    private let longitudes: [Double]
    private let latitudes: [Double]

    /// Asks for the place of every node.
    ///
    /// - Parameters:
    ///   - width: Columns of the raster.
    ///   - height: Rows of the raster.
    ///   - step: Pixels between two nodes.
    ///   - degrees: Longitudes and latitudes of places in pixels, `(0, 0)` being the raster's corner.
    /// - Returns: `nil` where a node is nowhere on Earth.
    public init?(
        width: Int, height: Int, step: Int = 256,
        degrees: ([(column: Double, row: Double)]) throws -> [(longitude: Double, latitude: Double)?]
    ) rethrows {
        precondition(step > 0, "nodes \(step) pixels apart")
        self.step = Double(step)
        // One node beyond the last pixel.
        let columns = (max(1, width) + step - 1) / step + 1
        self.columns = columns
        let rows = (max(1, height) + step - 1) / step + 1
        let nodes = (0..<rows * columns).map {
            (column: Double($0 % columns * step), row: Double($0 / columns * step))
        }
        var longitudes: [Double] = []
        var latitudes: [Double] = []
        for place in try degrees(nodes) {
            guard let place else { return nil }
            // The short way from the first node: no step of 360 degrees between neighbours.
            let first = longitudes.first ?? place.longitude
            let turns = ((place.longitude - first) / 360).rounded()
            longitudes.append(place.longitude - turns * 360)
            latitudes.append(place.latitude)
        }
        guard longitudes.count == nodes.count else { return nil }
        self.longitudes = longitudes
        self.latitudes = latitudes
    }

    /// The place of a point in pixels; beyond the raster as its edge goes on.
    public subscript(column: Double, row: Double) -> (longitude: Double, latitude: Double) {
        let rows = longitudes.count / columns
        let x = min(max(column / step, 0), Double(columns - 1))
        let y = min(max(row / step, 0), Double(rows - 1))
        let i = min(Int(x), columns - 2)
        let j = min(Int(y), rows - 2)
        let (u, v) = (column / step - Double(i), row / step - Double(j))
        let node = j * columns + i
        func between(_ values: [Double]) -> Double {
            let upper = values[node] + u * (values[node + 1] - values[node])
            let lower = values[node + columns] + u * (values[node + columns + 1] - values[node + columns])
            return upper + v * (lower - upper)
        }
        return (between(longitudes), between(latitudes))
    }
}

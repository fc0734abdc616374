// Points and bounds from one CRS to another, always x, y.
internal import CGDAL
public import Geo
public import Telemetry

/// Takes coordinates from one CRS to another through PROJ; exact, one thread only.
public final class CoordinateTransformer {
    /// What goes in.
    public let source: CoordinateReferenceSystem
    /// What comes out.
    public let target: CoordinateReferenceSystem
    private let handle: OGRCoordinateTransformationH?
    private let gdal: GDALFunctions

    /// Prepares the way.
    ///
    /// - Throws: `badCRS` where either is unknown or PROJ has no way between the two.
    public init(
        from source: CoordinateReferenceSystem, to target: CoordinateReferenceSystem
    ) throws(RasterError) {
        self.source = source
        self.target = target
        gdal = try GDAL.api()
        let from = try SpatialReference(source)
        let to = try SpatialReference(target)
        guard !from.isSame(as: to) else {
            handle = nil
            return
        }
        let (made, messages) = gdal.collect { gdal -> OGRCoordinateTransformationH? in
            let options = gdal.OCTNewCoordinateTransformationOptions()
            defer { gdal.OCTDestroyCoordinateTransformationOptions(options) }
            return gdal.OCTNewCoordinateTransformationEx(from.handle, to.handle, options)
        }
        guard let made else {
            throw RasterError(
                .badCRS, "cannot transform coordinates from '\(from.name)' to '\(to.name)'", why: messages.all,
                try: "check that PROJ's data files are installed (proj-data)")
        }
        handle = made
    }

    deinit { if let handle { gdal.pointee.OCTDestroyCoordinateTransformation(handle) } }

    /// Whether both CRS are the same, so that points stay as they are.
    public var isIdentity: Bool { handle == nil }

    /// Transforms points in place; those without an image become NaN.
    func transform(x: inout [Double], y: inout [Double]) {
        precondition(x.count == y.count, "as many x as y are needed, got \(x.count) and \(y.count)")
        guard let handle, !x.isEmpty else { return }
        var done = [Int32](repeating: 0, count: x.count)
        _ = gdal.collect { $0.OCTTransformEx(handle, Int32(x.count), &x, &y, nil, &done) }
        for i in x.indices where done[i] == 0 || !x[i].isFinite || !y[i].isFinite {
            x[i] = .nan
            y[i] = .nan
        }
    }

    /// Transforms points; `nil` where a point has no image.
    public func transform(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)?] {
        var x = points.map(\.x)
        var y = points.map(\.y)
        transform(x: &x, y: &y)
        return zip(x, y).map { $0.isFinite && $1.isFinite ? ($0, $1) : nil }
    }

    /// Bounds that hold the image of all of `bounds`' edges, 32 points to a side; `nil` where none has an image.
    ///
    /// To a geographic CRS, bounds across 180 degrees come out with `maxX` above 180.
    public func bounds(_ bounds: Bounds) -> Bounds? {
        var points: [(x: Double, y: Double)] = []
        let steps = 32
        for i in 0...steps {
            for j in 0...steps where i == 0 || i == steps || j == 0 || j == steps || (i % 8 == 0 && j % 8 == 0) {
                points.append(
                    (
                        bounds.minX + bounds.width * Double(i) / Double(steps),
                        bounds.minY + bounds.height * Double(j) / Double(steps)
                    ))
            }
        }
        let images = transform(points)
        let middle = transform([bounds.centre])[0]
        var kept: [(x: Double, y: Double)] = []
        let wraps = !isIdentity && target.isGeographic
        for image in images {
            guard var image else { continue }
            if wraps, let middle {
                // Unrolled around the middle, so that the far side of 180 degrees stays beside the near one.
                image.x -= 360 * ((image.x - middle.x) / 360).rounded()
            }
            kept.append(image)
        }
        guard var result = Bounds(points: kept) else { return nil }
        if wraps, result.minX < -180 {
            result.minX += 360
            result.maxX += 360
        }
        return result
    }
}

extension CoordinateReferenceSystem {
    /// Whether x runs east and y north at a place in degrees, each within 45 degrees, so that a north-up picture in this CRS
    /// shows the ground as in any other; false where x runs west, south or north, as in some national and polar systems.
    ///
    /// GDAL hands coordinates over in the order x, y, which names no direction.
    public func runsEastAndNorth(longitude: Double, latitude: Double) -> Bool {
        guard let transformer = try? CoordinateTransformer(from: .wgs84, to: self) else { return false }
        // A step of some metres: curvature does not show, nor does the rounding of coordinates of millions of metres.
        let step = 1e-4
        let middle = min(max(latitude, -90 + 2 * step), 90 - 2 * step)
        let ends = transformer.transform([
            (longitude - step, middle), (longitude + step, middle), (longitude, middle - step),
            (longitude, middle + step),
        ]).compactMap(\.self)
        guard ends.count == 4 else { return false }
        let east = (x: ends[1].x - ends[0].x, y: ends[1].y - ends[0].y)
        let north = (x: ends[3].x - ends[2].x, y: ends[3].y - ends[2].y)
        return east.x > abs(east.y) && north.y > abs(north.x)
    }
}

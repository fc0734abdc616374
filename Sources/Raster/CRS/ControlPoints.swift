// Rasters placed by ground control points only: GDAL's polynomial through them, and the grid that it gives.
internal import CGDAL
import Geo
internal import Telemetry

/// The polynomial through a raster's ground control points, both ways.
final class ControlPoints {
    /// A north-up grid over the whole image, with about its own resolution.
    let grid: Grid
    private let transformer: UnsafeMutableRawPointer
    private let gdal: GDALFunctions

    /// Reads the points; `nil` without any.
    init?(_ dataset: Dataset) throws(RasterError) {
        gdal = dataset.gdal
        let functions = gdal
        let count = gdal.pointee.GDALGetGCPCount(dataset.handle)
        guard count >= 3, let points = gdal.pointee.GDALGetGCPs(dataset.handle) else { return nil }
        let (made, messages) = gdal.collect { $0.GDALCreateGCPTransformer(count, points, 0, 0) }
        guard let made else {
            throw RasterError(
                .badGrid, "cannot fit a polynomial to the \(count) ground control points", in: dataset.path,
                why: messages.all,
                try: "check the points with gdalinfo \(dataset.quotedName); they must not be on one line")
        }
        transformer = made
        var crs: CoordinateReferenceSystem?
        let (reference, _) = gdal.collect { gdal in
            gdal.GDALGetGCPSpatialRef(dataset.handle).flatMap { gdal.OSRClone($0) }
        }
        if let reference { crs = SpatialReference(horizontalOf: reference, functions).canonical }
        var numbers = [Double](repeating: 0, count: 6)
        var columns: Int32 = 0
        var rows: Int32 = 0
        var extent = [Double](repeating: 0, count: 4)
        let transform = gdal.pointee.GDALGCPTransform
        let (status, why) = gdal.collect {
            $0.GDALSuggestedWarpOutput2(
                dataset.handle, transform, made, &numbers, &columns, &rows, &extent, 0)
        }
        guard status == CE_None, columns > 0, rows > 0, numbers.allSatisfy(\.isFinite),
            let suggested = GeoTransform(coefficients: numbers), suggested.determinant != 0
        else {
            functions.pointee.GDALDestroyGCPTransformer(made)
            throw RasterError(
                .badGrid, "cannot derive a grid from the \(count) ground control points", in: dataset.path,
                why: why.all,
                try: "check the points with gdalinfo \(dataset.quotedName)")
        }
        grid = Grid(crs: crs, transform: suggested, width: Int(columns), height: Int(rows))
    }

    deinit { gdal.pointee.GDALDestroyGCPTransformer(transformer) }

    /// Takes CRS coordinates to columns and rows of the stored image, in place; NaN where there are none.
    func pixels(x: inout [Double], y: inout [Double]) {
        var z = [Double](repeating: 0, count: x.count)
        var done = [Int32](repeating: 0, count: x.count)
        for i in x.indices where !x[i].isFinite {
            x[i] = 1e30
            y[i] = 1e30
        }
        _ = gdal.collect { $0.GDALGCPTransform(transformer, 1, Int32(x.count), &x, &y, &z, &done) }
        for i in x.indices where done[i] == 0 || !x[i].isFinite || !y[i].isFinite {
            x[i] = .nan
            y[i] = .nan
        }
    }
}

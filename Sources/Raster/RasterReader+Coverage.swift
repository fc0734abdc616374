// Where a raster was never written: known from its block table, without reading a pixel.
internal import CGDAL
package import Geo

extension RasterReader {
    /// Whether a window of the raster's own grid certainly holds no valid pixel.
    ///
    /// Mosaics of whole countries are mostly blocks that nobody wrote. Formats that know it (GeoTIFF, virtual rasters over it)
    /// answer from their block table; of all others nothing is certain, and the answer is `false`.
    package func isEmpty(_ window: PixelWindow, bands: [Int]) -> Bool {
        guard controlPoints == nil else { return false }
        let inside = window.intersection(grid.window)
        // The block table may lie on another machine; where that is not waited for, nothing is certain.
        return inside.isEmpty
            || (try? GDAL.waiting(isRemote, for: path) { [source] in source.isEmpty(inside, bands) }) ?? false
    }

    /// Whether a grid that the raster is read onto certainly gets no valid pixel of it.
    package func isEmpty(under target: Grid, bands: [Int]) -> Bool {
        guard controlPoints == nil, let from = target.crs, let to = grid.crs,
            let transformer = try? CoordinateTransformer(from: from, to: to),
            let reached = transformer.bounds(target.bounds)
        else { return false }
        let corners = [
            (reached.minX, reached.minY), (reached.maxX, reached.minY), (reached.minX, reached.maxY),
            (reached.maxX, reached.maxY),
        ].compactMap { grid.transform.pixel(x: $0.0, y: $0.1) }
        guard corners.count == 4, let box = Bounds(points: corners.map { (x: $0.column, y: $0.row) }) else {
            return false
        }
        // Curved edges bulge, and kernels reach further than their pixel.
        let margin = 0.02 * max(box.width, box.height) + 8 * max(1, box.width / Double(max(1, target.width)))
        let around = box.expanded(by: margin)
        guard [around.minX, around.minY, around.maxX, around.maxY].allSatisfy({ abs($0) < 1e12 }) else { return false }
        let left = Int(around.minX.rounded(.down))
        let top = Int(around.minY.rounded(.down))
        return isEmpty(
            PixelWindow(
                column: left, row: top, width: Int(around.maxX.rounded(.up)) - left,
                height: Int(around.maxY.rounded(.up)) - top), bands: bands)
    }
}

extension PixelSource {
    /// Whether a window inside the file certainly holds no valid pixel.
    func isEmpty(_ window: PixelWindow, _ wanted: [Int]) -> Bool {
        // A mask that was never written masks everything.
        if let mask = maskBands.first { return isUnwritten(mask, window) }
        let named = wanted.compactMap { band($0) }
        guard !named.isEmpty, palette == nil else { return false }
        // Blocks that were never written read as nodata, or as 0 where none is declared, which is a value.
        return named.allSatisfy { $0.isAbsentByNodata && isUnwritten($0.handle, window) }
    }

    private func isUnwritten(_ band: GDALRasterBandH, _ window: PixelWindow) -> Bool {
        let (status, _) = dataset.gdal.collect {
            $0.GDALGetDataCoverageStatus(
                band, Int32(window.column), Int32(window.row), Int32(window.width), Int32(window.height),
                GDAL_DATA_COVERAGE_STATUS_DATA, nil)
        }
        return status & GDAL_DATA_COVERAGE_STATUS_DATA == 0 && status & GDAL_DATA_COVERAGE_STATUS_EMPTY != 0
    }
}

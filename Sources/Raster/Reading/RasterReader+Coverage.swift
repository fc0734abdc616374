// Where a raster was never written: known from its block table, without reading a pixel.
internal import CGDAL
package import Geo

extension RasterReader {
    /// Whether a window of the raster's own grid certainly holds no valid pixel.
    ///
    /// Mosaics of whole countries are mostly blocks that were never written. A GeoTIFF answers from its block table; of all other
    /// formats nothing is certain, and the answer is `false`.
    package func isEmpty(_ window: PixelWindow, bands: [Int]) -> Bool {
        guard controlPoints == nil else { return false }
        let inside = window.intersection(grid.window)
        // The block table may lie on another machine; where that is not waited for, nothing is certain.
        return inside.isEmpty
            || (try? GDAL.waiting(isRemote, for: path) { [source] in source.isEmpty(inside, bands) }) ?? false
    }

    /// Whether a grid that the raster is read onto certainly gets no valid pixel of it.
    package func isEmpty(under target: Grid, bands: [Int]) -> Bool {
        guard source.knowsUnwritten, controlPoints == nil, let from = target.crs, let to = grid.crs,
            let transformer = try? CoordinateTransformer(from: from, to: to)
        else { return false }
        let steps = 16
        var points: [(x: Double, y: Double)] = []
        for row in 0...steps {
            for column in 0...steps {
                points.append(
                    target.transform.point(
                        column: Double(target.width * column) / Double(steps),
                        row: Double(target.height * row) / Double(steps)))
            }
        }
        var pixels: [(x: Double, y: Double)] = []
        // What comes round the Earth is counted near the raster's centre, as the reading itself does it.
        let turn = SourcePlaces.turn(of: to)
        let centre = grid.bounds.centre.x
        for point in transformer.transform(points) {
            guard var point else { return false }
            if let turn { point.x -= turn * ((point.x - centre) / turn).rounded() }
            guard let pixel = grid.transform.pixel(x: point.x, y: point.y) else { return false }
            pixels.append((pixel.column, pixel.row))
        }
        guard let box = Bounds(points: pixels), box.width < 1e9, box.height < 1e9 else { return false }
        // Parted by the cut opposite to the centre: not one piece of the raster.
        if let turn, abs(box.width * grid.transform.columnX) > turn / 4 { return false }
        // Curved edges bulge, and kernels reach further than their pixel.
        let margin = 0.02 * max(box.width, box.height) + 8 * max(1, box.width / Double(max(1, target.width)))
        let around = box.expanded(by: margin)
        guard [around.minX, around.minY, around.maxX, around.maxY].allSatisfy({ abs($0) < 1e12 }) else { return false }
        let left = Int(around.minX.rounded(.down))
        let top = Int(around.minY.rounded(.down))
        let inside = PixelWindow(
            column: left, row: top, width: Int(around.maxX.rounded(.up)) - left,
            height: Int(around.maxY.rounded(.up)) - top
        ).intersection(grid.window)
        // Nothing of the raster lies there: the reading itself is the one that knows.
        return !inside.isEmpty && isEmpty(inside, bands: bands)
    }
}

extension PixelSource {
    /// Whether a window inside the file certainly holds no valid pixel.
    func isEmpty(_ window: PixelWindow, _ wanted: [Int]) -> Bool {
        guard knowsUnwritten else { return false }
        // A mask that was never written masks everything, unless it is filled with something else than 0.
        if let mask = maskBands.first {
            var found: Int32 = 0
            let fill = dataset.gdal.collect { $0.GDALGetRasterNoDataValue(mask, &found) }.0
            return (found == 0 || fill == 0) && isUnwritten(mask, window)
        }
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

// Map and truth side by side: windows of whole blocks, with their valid pairs and block means.
import Geo
import Raster
import Telemetry

/// What one window holds: pairs of prediction and truth in metres.
struct ComparedWindow {
    /// Every valid pixel, row by row.
    var pairs: [(prediction: Double, truth: Double)] = []
    /// The means of every block of which at least half is valid.
    var blocks: [(prediction: Double, truth: Double)] = []
    /// Pixels of the truth inside the AOI whose value is not a height.
    var rejectedTruth = 0
    /// Pixels inside the AOI and the map's bounds with a height in the truth and none in the map.
    var missingInMap = 0
}

/// A map and a truth that can be compared.
struct CanopyComparison {
    private let map: HeightRaster
    private let truth: HeightRaster
    private let aoi: AreaOfInterest?
    private let rule: HeightRule
    /// Columns and rows of a block, in pixels of the truth.
    private let block: (columns: Int, rows: Int)
    /// The part of the truth's grid that map and AOI may reach.
    private let area: PixelWindow
    /// Side of a block in metres.
    let blockMetres: Double

    /// A window has about so many pixels along a side.
    private static let windowSide = 1024
    /// A block has no more pixels along a side than this.
    private static let largestBlock = 8192

    init(
        map: String, truth: String, aoi: AreaOfInterest?, blockMetres: Double, rule: HeightRule
    ) throws(ScoringError) {
        self.rule = rule
        self.map = try HeightRaster(map, role: "map", rule: rule)
        self.truth = try HeightRaster(truth, role: "truth", rule: rule)
        let gsd = self.truth.gsd
        let columns = (blockMetres / gsd.x).rounded()
        let rows = (blockMetres / gsd.y).rounded()
        guard columns >= 1, rows >= 1, columns <= Double(Self.largestBlock), rows <= Double(Self.largestBlock) else {
            throw ScoringError(
                .badRange,
                "a block of \(rounded(blockMetres, 3)) m is impossible: the truth's pixels are \(rounded(gsd.metres, 3)) m, and the side of a block has 1 to \(Self.largestBlock) of them",
                in: truth, try: "give a block size in metres, such as 30")
        }
        block = (Int(columns), Int(rows))
        self.blockMetres = GroundSampleDistance(x: columns * gsd.x, y: rows * gsd.y).metres
        let grid = self.truth.reader.grid
        let mapGrid = self.map.reader.grid
        var area = grid.window(reachedBy: mapGrid.bounds, in: mapGrid.crs)
        if let aoi {
            let reached = try aoi.reached(on: grid, of: truth, role: "truth")
            self.aoi = reached
            area = reached.part(of: area, on: grid)
        } else {
            self.aoi = nil
        }
        self.area = area
        guard !area.isEmpty else { throw noOverlap() }
    }

    /// Pixels of the map read so far whose value is not a height; at the seams of windows some may count twice.
    var rejectedMap: Int { map.reader.rejectedCount }

    /// The error for rasters that have nothing in common.
    func noOverlap(rejectedTruth: Int = 0) -> ScoringError {
        let aoiPart = aoi == nil ? "" : " inside the AOI"
        return ScoringError(
            .noOverlap, "the map and the truth have no valid pixels in common\(aoiPart)", in: map.reader.path,
            why: [
                "map \(map.reader.grid.placeText), truth \(truth.reader.grid.placeText) (\(truth.reader.path))"
            ] + leftOut(rejectedTruth), try: "compare with: gdalinfo \(shellQuoted(map.reader.path))")
    }

    private func leftOut(_ rejectedTruth: Int) -> [String] {
        [(rejectedTruth, "truth"), (rejectedMap, "map")].filter { $0.0 > 0 }.map {
            "\($0.0) pixels of the \($0.1) are not heights: \(rule.exclusion)"
        }
    }

    /// Reads the rasters in windows of whole blocks, row by row, and hands over what each holds.
    func visit(
        _ progress: ProgressHandler, _ take: (ComparedWindow) -> Void
    ) throws(ScoringError) {
        let width = block.columns * max(1, Self.windowSide / block.columns)
        let height = block.rows * max(1, Self.windowSide / block.rows)
        // Blocks count from the grid's corner, so windows do too.
        let firstColumn = area.column / width
        let firstRow = area.row / height
        let lastColumn = (area.column + area.width - 1) / width
        let lastRow = (area.row + area.height - 1) / height
        let (total, overflow) = (lastColumn - firstColumn + 1).multipliedReportingOverflow(by: lastRow - firstRow + 1)
        var done = 0
        for row in firstRow...lastRow {
            for column in firstColumn...lastColumn {
                guard progress(Progress(unit: "windows", done: done, total: overflow ? nil : total)) else {
                    throw ScoringError(.cancelled, "stopped before the score was complete", in: map.reader.path)
                }
                let window = PixelWindow(column: column * width, row: row * height, width: width, height: height)
                    .intersection(truth.reader.grid.window)
                take(try compare(window))
                done += 1
            }
        }
        _ = progress(Progress(unit: "windows", done: done, total: overflow ? nil : total))
    }

    private func compare(_ window: PixelWindow) throws(ScoringError) -> ComparedWindow {
        let grid = truth.reader.grid.grid(of: window)
        let heights: PixelBuffer
        let predictions: PixelBuffer
        var mask: [Bool]?
        do { heights = try truth.read(window) } catch { throw readFailed("truth", truth, error) }
        let rejected = truth.reader.rejectedPixels
        guard heights.validity?.contains(true) ?? true || !rejected.isEmpty else { return ComparedWindow() }
        if let aoi {
            mask = try aoi.pixels(of: grid, in: truth.reader.path, role: "truth")
            guard mask?.contains(true) ?? true else { return ComparedWindow() }
        }
        do { predictions = try map.read(onto: grid, gsd: truth.gsd) } catch { throw readFailed("map", map, error) }
        var result = pair(heights, predictions, mask, window)
        result.rejectedTruth = rejected.count { mask?[$0] ?? true }
        return result
    }

    private func pair(
        _ heights: PixelBuffer, _ predictions: PixelBuffer, _ mask: [Bool]?, _ window: PixelWindow
    ) -> ComparedWindow {
        let y = heights.floats()
        let p = predictions.floats()
        var result = ComparedWindow()
        result.pairs.reserveCapacity(y.count)
        let blockColumns = (heights.width + block.columns - 1) / block.columns
        let half = (block.columns * block.rows + 1) / 2
        for top in stride(from: 0, to: heights.height, by: block.rows) {
            var counts = [Int](repeating: 0, count: blockColumns)
            var sums = [(prediction: Double, truth: Double)](repeating: (0, 0), count: blockColumns)
            for row in top..<min(top + block.rows, heights.height) {
                for column in 0..<heights.width {
                    let index = row * heights.width + column
                    guard heights.validity?[index] ?? true, mask?[index] ?? true, let known = rule.height(y[index])
                    else { continue }
                    guard predictions.validity?[index] ?? true, let predicted = rule.height(p[index]) else {
                        // Beyond the map's bounds nothing was mapped, and how far is looked hangs on the work's windows.
                        let place = PixelWindow(
                            column: window.column + column, row: window.row + row, width: 1, height: 1)
                        if area.contains(place) { result.missingInMap += 1 }
                        continue
                    }
                    let prediction = Double(predicted)
                    let height = Double(known)
                    result.pairs.append((prediction, height))
                    let place = column / block.columns
                    counts[place] += 1
                    sums[place].prediction += prediction
                    sums[place].truth += height
                }
            }
            for place in 0..<blockColumns where counts[place] >= half {
                let count = Double(counts[place])
                result.blocks.append((sums[place].prediction / count, sums[place].truth / count))
            }
        }
        return result
    }

    private func readFailed(_ role: String, _ raster: HeightRaster, _ error: RasterError) -> ScoringError {
        if error.isCancellation { return ScoringError(stopped: error) }
        return ScoringError(
            .readFailed, "cannot read the \(role)", in: raster.reader.path, why: causes(of: error), try: error.remedy)
    }
}

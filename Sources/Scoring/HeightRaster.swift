// One band of heights in metres, opened and checked.
import Geo
import Raster
import Telemetry

/// A raster of heights.
struct HeightRaster {
    let reader: RasterReader
    let band: Int
    let gsd: GroundSampleDistance

    /// Opens a raster and checks that it holds one band of metres somewhere on Earth.
    init(_ path: String, role: String, rule: HeightRule) throws(ScoringError) {
        do {
            reader = try RasterReader(
                path: path, options: RasterOpenOptions(expandPalette: false, validValues: rule.range))
        } catch {
            guard !error.isCancellation else { throw ScoringError(stopped: error) }
            throw ScoringError(
                .readFailed, "cannot open the \(role)", in: path, why: causes(of: error), try: error.remedy)
        }
        guard reader.grid.crs != nil else {
            let error = reader.placeMissing(role: role)
            throw ScoringError(.noCRS, error.what, in: path, why: error.causes, try: error.remedy)
        }
        do { band = try reader.heightBand() } catch {
            throw ScoringError(.badUnit, "the \(role): \(error.what)", in: path, why: error.causes, try: error.remedy)
        }
        do { gsd = try reader.groundSampleDistance() } catch {
            throw ScoringError(
                .readFailed, "cannot determine the \(role)'s pixel size on the ground", in: path,
                why: causes(of: error),
                try: error.remedy)
        }
    }

    /// Heights in metres, from the raster's own grid.
    func read(_ window: PixelWindow) throws(RasterError) -> PixelBuffer {
        try reader.read(window, bands: [band], values: .physical)
    }

    /// Heights in metres on another grid: the mean where that is coarser, bilinear where it is not.
    func read(onto grid: Grid, gsd target: GroundSampleDistance) throws(RasterError) -> PixelBuffer {
        let finer = gsd.metres < target.metres * 0.999
        return try reader.read(onto: grid, bands: [band], resampling: finer ? .average : .bilinear, values: .physical)
    }
}

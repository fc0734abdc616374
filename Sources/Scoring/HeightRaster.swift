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
    init(_ path: String, role: String) throws(ScoringError) {
        do {
            reader = try RasterReader(path: path, options: RasterOpenOptions(expandPalette: false))
        } catch {
            throw ScoringError(
                .readFailed, "cannot open the \(role)", in: path, why: causes(of: error), try: error.remedy)
        }
        guard reader.grid.crs != nil else {
            throw ScoringError(
                .noCRS, "the \(role) has no CRS", in: path, try: "give it one: gdal_edit.py -a_srs EPSG:CODE '\(path)'")
        }
        let bands = reader.bands.filter { $0.colour != "alpha" }
        guard bands.count == 1, let only = bands.first, only.colour != "palette" else {
            let found = bands.first?.colour == "palette" ? "a palette" : "\(bands.count) bands"
            throw ScoringError(
                .badUnit, "expected the \(role) to hold one band of heights, found \(found)", in: path,
                try: "pick the band: gdal_translate -b N '\(path)' heights.tif")
        }
        if let unit = only.unit, !unit.isEmpty,
            !["m", "metre", "metres", "meter", "meters"].contains(unit.lowercased())
        {
            throw ScoringError(
                .badUnit, "the \(role) is in '\(unit)', expected m", in: path,
                try: "name the factor to metres: gdal_edit.py -scale FACTOR -units m '\(path)'")
        }
        band = only.index
        do { gsd = try reader.groundSampleDistance() } catch {
            throw ScoringError(
                .readFailed, "cannot tell the \(role)'s pixel size on the ground", in: path, why: causes(of: error),
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

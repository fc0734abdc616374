// The one band of a raster of heights.
import Geo

extension RasterReader {
    /// The number of the band that holds heights in metres.
    ///
    /// - Throws: `badRange` where there are several bands, a palette, or another unit: what a person swapped or forgot to
    ///   convert would be taken for metres in silence.
    package func heightBand() throws(RasterError) -> Int {
        let bands = bands.filter { $0.colour != "alpha" }
        guard bands.count == 1, let only = bands.first, only.colour != "palette" else {
            let found = bands.first?.colour == "palette" ? "a palette" : "\(bands.count) bands"
            throw RasterError(
                .badRange, "expected one band of heights, found \(found)", in: path,
                try: "pick the band: gdal_translate -b N '\(path)' heights.tif")
        }
        if let unit = only.unit, !unit.isEmpty,
            !["m", "metre", "metres", "meter", "meters"].contains(unit.lowercased())
        {
            throw RasterError(
                .badRange, "the heights are in '\(unit)', expected m", in: path,
                try: "name the factor to metres: gdal_edit.py -scale FACTOR -units m '\(path)'")
        }
        return only.index
    }
}

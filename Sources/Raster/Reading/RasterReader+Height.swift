// The one band of a raster of heights.
import Geo
internal import Telemetry

extension RasterReader {
    /// The number of the band that holds heights in metres.
    ///
    /// - Throws: `badRange` where there are several bands, a palette, or another unit: what a person swapped or forgot to
    ///   convert would be taken for metres in silence.
    package func heightBand() throws(RasterError) -> Int {
        let bands = bands.filter { $0.colour != "alpha" }
        if bands.first?.colour == "palette" {
            throw RasterError(
                .badRange, "expected one band of heights, found a palette", in: path,
                try:
                    "if its values are metres, remove the colours: gdal_translate -colorinterp_1 gray \(dataset.quotedName) heights.tif"
            )
        }
        guard bands.count == 1, let only = bands.first else {
            throw RasterError(
                .badRange, "expected one band of heights, found \(bands.count) bands", in: path,
                try: "pick the band: gdal_translate -b N \(dataset.quotedName) heights.tif")
        }
        if let unit = only.unit, !unit.isEmpty, let metres = lengthUnit(unit), metres == 1 { return only.index }
        guard let unit = only.unit, !unit.isEmpty else { return only.index }
        throw RasterError(
            .badRange, "the heights are in '\(unit)'; expected m", in: path, try: metresRemedy(only, unit))
    }

    /// What brings heights in another unit to metres; where the unit is known, with the number.
    private func metresRemedy(_ band: RasterBand, _ unit: String) -> String {
        let horizontal = dataset.hasVerticalCRS ? grid.crs?.definition : nil
        let crs = horizontal.map { $0.hasPrefix("EPSG:") ? $0 : shellQuoted($0) }
        guard let factor = lengthUnit(unit) else {
            let offset = band.offset == 0 ? nil : "OFFSET"
            let lead =
                "put the metres per stored unit for FACTOR"
                + (offset == nil ? "" : ", and the metres of a stored 0 for OFFSET")
            return "\(lead): \(dataset.toMetres(scale: "FACTOR", offset: offset, without: crs))"
        }
        let command = dataset.toMetres(
            scale: "\(band.scale * factor)", offset: band.offset == 0 ? nil : "\(band.offset * factor)", without: crs)
        guard let crs else { return "convert them: \(command)" }
        return
            "convert them: \(command)    (if they are metres already, and the unit is only the CRS's: gdal_translate -a_srs \(crs) -a_scale \(band.scale) \(dataset.quotedName) metres.tif)"
    }
}

/// Metres per unit of length, by the names that files and CRSs give it; `nil` for others.
///
/// The foot is 0.3048 m by definition (1959), the US survey foot 1200/3937 m.
private func lengthUnit(_ name: String) -> Double? {
    switch name.lowercased().replacing("_", with: " ").replacing("-", with: " ") {
    case "m", "metre", "metres", "meter", "meters": 1
    case "ft", "foot", "feet", "international foot", "international feet": 0.3048
    case "us survey foot", "us survey feet", "us ft", "ftus", "ft us", "foot us", "survey foot", "sft":
        1200.0 / 3937
    case "dm", "decimetre", "decimetres", "decimeter", "decimeters": 0.1
    case "cm", "centimetre", "centimetres", "centimeter", "centimeters": 0.01
    case "mm", "millimetre", "millimetres", "millimeter", "millimeters": 0.001
    case "km", "kilometre", "kilometres", "kilometer", "kilometers": 1000
    default: nil
    }
}

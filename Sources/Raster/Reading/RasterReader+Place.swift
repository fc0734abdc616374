// What a raster says of its missing place, and of a band that is marked as alpha.
import Geo
public import Telemetry

extension RasterReader {
    /// The error of a raster that does not say where on Earth it is, with what it does say and what helps.
    ///
    /// - Parameter role: What it is to the reader: `scene`, `truth` ...
    public func placeMissing(role: String = "raster") -> RasterError {
        let gap = placeGap ?? .noCRS
        return RasterError(
            .noCRS, "the \(role) is not georeferenced", in: path, why: [gap.cause],
            try: gap.remedy(dataset))
    }

    /// A warning where a band is marked as alpha and does not look like one: in the middle of the raster more than a fifth of its
    /// samples is neither clear nor opaque.
    ///
    /// - Throws: `readFailed`.
    public func alphaWarning() throws(RasterError) -> String? {
        guard let alphaNote else { return nil }
        let side = 256
        let middle = PixelWindow(
            column: max(0, source.width / 2 - side / 2), row: max(0, source.height / 2 - side / 2),
            width: min(side, source.width), height: min(side, source.height))
        let spread = try GDAL.waiting(isRemote, for: path) { [source] () throws(RasterError) in
            try source.alphaSpread(middle)
        }
        return spread > 0.2 ? "\(path): \(alphaNote)" : nil
    }

    /// The sentence about a band that is marked as alpha and was set aside as a mask; `nil` without one.
    public var alphaNote: String? {
        source.alphaBand.map {
            "band \($0) is marked as alpha: it is used as a mask, not as a band; if it holds something else, such as near infrared, unmark it: \(dataset.edit("-colorinterp_\($0) undefined", copy: "unmarked.tif"))"
        }
    }
}

// What an image must have for a network to read it: values that its stretch can use, and enough detail.
package import Geo
internal import Raster
internal import Telemetry

extension BandedRaster {
    /// Refuses values that a network's stretch rule cannot bring to what it was trained on.
    ///
    /// - Throws: `badValues`, `notBytes`.
    package func checkValues(for layout: PixelLayout, bands wanted: [Int]) throws(SceneError) {
        for band in bands where wanted.contains(band.index) {
            let type = band.sampleType
            switch layout.stretch {
            case .none:
                guard type != layout.sampleType else { continue }
                throw SceneError(
                    .notBytes,
                    "the model takes \(layout.sampleType.rawValue) values as they are (stretch none), but band \(band.index) is \(type.rawValue)",
                    in: path,
                    try:
                        "use a model that was trained with a stretch such as percentile:2,98, or convert: gdal_translate -ot Byte -scale LOW HIGH 0 255 \(shellQuoted(path)) bytes.tif"
                )
            case .fixed(let low, let high):
                let top: Double =
                    switch type {
                    case .uint8: 255
                    case .int16: 32767
                    case .uint16: 65535
                    case .float32: .infinity
                    }
                guard top < low + (high - low) / 2 else { continue }
                throw SceneError(
                    .badValues,
                    "the model stretches \(number(low)) to \(number(high)) (\(layout.stretch.text)), but band \(band.index) is \(type.rawValue), whose values end at \(number(top))",
                    in: path,
                    try: "give the scene in the units that the model was trained on, not an already stretched one")
            case .percentile: continue
            }
        }
    }

    /// Refuses a scene without the detail that a network knows.
    ///
    /// - Parameters:
    ///   - gsd: Metres on the ground per pixel.
    ///   - wanted: The network's GSD, metres; `nil` takes any.
    ///   - isForMap: Whether a map will be made of it; else something learns from it.
    /// - Returns: A warning where the scene is only somewhat coarse.
    /// - Throws: `tooCoarse` above twice the GSD.
    package func checkDetail(of gsd: Double, for wanted: Double?, isForMap: Bool) throws(SceneError) -> String? {
        guard let wanted, gsd > wanted * 1.25 else { return nil }
        let (scene, network, was) = isForMap ? ("scene", "model", "was") : ("image", "weights", "were")
        let found = "\(rounded(gsd, 3)) m per pixel, but the \(network) \(was) trained at \(rounded(wanted, 3)) m"
        guard gsd <= wanted * 2 else {
            throw SceneError(
                .tooCoarse, "the \(scene) has \(found); the limit is twice that", in: path,
                try:
                    "use \(isForMap ? "a scene" : "an image") of at most \(rounded(wanted * 2, 3)) m per pixel, or \(isForMap ? "a model" : "weights") trained at the \(scene)'s GSD"
            )
        }
        return "\(path): \(found)" + (isForMap ? "; expect a blurred map" : "")
    }

    /// The bands that are read of it, for comparison with other scenes.
    package func read(_ numbers: [Int], asked: SceneBands.Asked) -> SceneBands {
        SceneBands(path: path, bands: bands.numbered(numbers), all: bands, asked: asked)
    }
}

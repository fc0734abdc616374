// The stretch of a scene by a network's rule.
package import Geo
package import Raster
package import Telemetry

extension OpenScenes {
    /// The stretch of a scene's bands by a network's rule.
    ///
    /// - Throws: `badValues` where nearly all values lie on one side of a fixed rule's range; `noPixels` of `RasterError` where none
    ///   is valid.
    package func stretchParameters(
        of path: String, bands: [Int], layout: PixelLayout, progress: ProgressHandler = { _ in true }
    ) throws -> StretchParameters? {
        let reader = try reader(path)
        if case .fixed(let low, let high) = layout.stretch,
            reader.bands.contains(where: { bands.contains($0.index) && $0.sampleType != .uint8 }),
            let range = try reader.stretchParameters(layout.stretch, bands: bands),
            let found = try reader.outOfRange(range, bands: bands, progress: progress)
        {
            throw SceneError(
                .badValues,
                "the model stretches \(number(low)) to \(number(high)) (\(layout.stretch.text)); nearly all of the scene's values are between \(rounded(found.least, 4)) and \(rounded(found.most, 4)) and would become \(found.isDark ? "black" : "white")",
                in: path, try: "give the scene in the units that the model was trained on")
        }
        return try reader.stretchParameters(layout.stretch, bands: bands, progress: progress)
    }
}

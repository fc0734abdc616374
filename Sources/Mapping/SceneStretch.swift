// The stretch of each scene of a map, by the rule of the model.
internal import Geo
internal import Raster
internal import Telemetry

extension MapPlan.Part {
    /// The scenes' stretches by the model's rule, and a refusal where values lie outside of the rule's.
    ///
    /// A scene without a valid pixel has none, and shows nothing: it leaves the part, with a sentence about it.
    mutating func stretchScenes(
        layout: PixelLayout, progress: ProgressHandler
    ) throws -> (stretches: [StretchParameters?], warnings: [String]) {
        var stretches: [StretchParameters?] = []
        var kept: [MapScene] = []
        var warnings: [String] = []
        for (number, scene) in scenes.enumerated() {
            guard progress(Progress(unit: "scenes stretched", done: number, total: scenes.count)) else {
                throw MappingError(.cancelled, "stopped before the map was started", in: output)
            }
            do {
                stretches.append(
                    try stretchParameters(of: scene.path, bands: scene.bands, layout: layout, progress: progress))
                kept.append(scene)
            } catch let error as RasterError where error.code == .noPixels {
                warnings.append("\(scene.path): \(error.what); the map is made without this scene")
            }
        }
        guard !kept.isEmpty else {
            throw MappingError(
                .badValues, "no scene has a valid pixel", in: scenes.first?.path ?? output,
                try: scenes.first.map { "check their nodata values and masks: gdalinfo -stats \(shellQuoted($0.path))" }
            )
        }
        scenes = kept
        return (stretches, warnings)
    }
}

/// The stretch of a scene's bands by a model's rule.
///
/// - Throws: `badValues` where nearly all values lie on one side of a fixed rule's range.
func stretchParameters(
    of path: String, bands: [Int], layout: PixelLayout, progress: ProgressHandler = { _ in true }
) throws -> StretchParameters? {
    let reader = try RasterReader(path: path)
    if case .fixed(let low, let high) = layout.stretch,
        reader.bands.contains(where: { bands.contains($0.index) && $0.sampleType != .uint8 }),
        let range = try reader.stretchParameters(layout.stretch, bands: bands),
        let found = try reader.outOfRange(range, bands: bands, progress: progress)
    {
        throw MappingError(
            .badValues,
            "the model stretches \(number(low)) to \(number(high)) (\(layout.stretch.text)); nearly all of the scene's values are between \(rounded(found.least, 4)) and \(rounded(found.most, 4)) and would become \(found.isDark ? "black" : "white")",
            in: path, try: "give the scene in the units that the model was trained on")
    }
    return try reader.stretchParameters(layout.stretch, bands: bands, progress: progress)
}

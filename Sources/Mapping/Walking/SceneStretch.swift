// The stretch of each scene of a map, by the rule of the model.
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

extension MapPlan.Part {
    /// The scenes' stretches by the model's rule, and a refusal where values lie outside of the rule's.
    ///
    /// A scene without a valid pixel has none, and shows nothing: it leaves the part, with a sentence about it.
    mutating func stretchScenes(
        layout: PixelLayout, open: OpenScenes, progress: ProgressHandler
    ) throws -> (stretches: [StretchParameters?], warnings: [String]) {
        var stretches: [StretchParameters?] = []
        var kept: [PlacedScene] = []
        var warnings: [String] = []
        for (number, scene) in scenes.enumerated() {
            guard progress(Progress(unit: "scenes stretched", done: number, total: scenes.count)) else {
                throw MappingError(.cancelled, "stopped before the map was started", in: output)
            }
            do {
                stretches.append(
                    try open.stretchParameters(of: scene.path, bands: scene.bands, layout: layout, progress: progress))
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

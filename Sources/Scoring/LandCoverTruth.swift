// What a land-cover map is compared with: a raster of classes, or labels that people drew.
public import Raster

/// The truth of a land-cover map.
public enum LandCoverTruth: Sendable {
    /// Classes of a raster of whole numbers; without a `band` of its only one.
    case raster(path: String, band: Int? = nil)
    /// Labels of a vector layer: polygons, lines or points.
    ///
    /// With `allTouched` a polygon labels every pixel that it touches; lines have a width in metres, `nil` for the pixels that they pass through.
    case labels(LabelLayer, allTouched: Bool = false, lineWidth: Double? = nil)
}

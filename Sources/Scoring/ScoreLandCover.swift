// Scores a land-cover map against the truth, window by window.
public import Geo
internal import Measures
public import Raster
public import Telemetry

/// Scores a map of classes against the truth, on the truth's grid, or on the map's where the truth is a vector layer.
///
/// The truth is read pixel for pixel. The map is brought to its grid: a pixel gets the most frequent class under it, or the
/// nearest where the map's pixels are as large or larger. The map's values are the numbers of the legend's classes, 254 where it
/// is unsure and 255 for no value; the truth's are the legend's source values. A pixel counts where truth and map have one, and
/// its centre is inside the AOI; where labels of two classes claim it, it does not. Points label the pixels that hold them,
/// each pixel once. Rasters without a CRS are compared only where both have the same size. Memory does not depend on the
/// size of the rasters.
///
/// Borders are compared by boundary IoU (Cheng et al. 2021), class by class, of pixels near borders that are seen: where the raster
/// ends, at the edge of the AOI, and where truth or map have no value, there is none. The published code takes
/// the image's edge for a border.
///
/// - Parameters:
///   - map: Path of the map: one band of whole numbers, any CRS and pixel size.
///   - truth: A raster of classes or a vector layer.
///   - legend: What the values of both stand for.
///   - aoi: Where to compare; `nil` is everywhere.
///   - boundary: The distance from a border up to which a pixel counts as near it, 1 to 1024 pixels, with a raster only;
///     `nil` is 2 % of the truth's diagonal, and at most 64.
///   - progress: Told of every window done; an answer of `false` stops the work.
/// - Throws: `ScoringError`; `badLegend` for values that the legend does not name, after all were counted.
public func scoreLandCover(
    map: String, truth: LandCoverTruth, legend: Legend, aoi: AreaOfInterest? = nil, boundary: Int? = nil,
    progress: ProgressHandler = { _ in true }
) throws(ScoringError) -> LandCoverScore {
    let comparison = try LandCoverComparison(map: map, truth: truth, legend: legend, aoi: aoi, boundary: boundary)
    let count = legend.classes.count
    var confusion = ConfusionTally(classCount: count)
    var borders = comparison.boundary.map {
        BoundaryTally(classCount: count, distance: $0, unknownIsBorder: false)
    }
    var (missing, labelled) = (0, 0)
    var (unknownTruths, unknownPredictions): ([Int: Int], [Int: Int]) = ([:], [:])
    try comparison.visit(progress) { cover throws(ScoringError) in
        if cover.isCompared {
            confusion.add(predictions: cover.predictions, truths: cover.truths, validity: cover.isCounted)
            borders?.add(
                predictions: cover.predictions, truths: cover.truths, width: cover.width, height: cover.height,
                rows: cover.rows, columns: cover.columns, imageSides: [])
        }
        missing += cover.missing
        labelled += cover.labelled
        unknownTruths.merge(cover.unknownTruths, uniquingKeysWith: +)
        unknownPredictions.merge(cover.unknownPredictions, uniquingKeysWith: +)
        // So many are no classes, and none of them may fill the memory.
        if max(unknownTruths.count, unknownPredictions.count) > mostUnknown {
            try comparison.check(
                unknownTruths: unknownTruths, unknownPredictions: unknownPredictions, legend)
        }
    }
    try comparison.check(unknownTruths: unknownTruths, unknownPredictions: unknownPredictions, legend)
    guard confusion.count > 0 else { throw comparison.nothingCompared(labelled: labelled) }
    return LandCoverScore(confusion, boundary: borders, missingInMap: missing, legend: legend)
}

/// With more different values than this that the legend does not name, no more are counted.
private let mostUnknown = 4096

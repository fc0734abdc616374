// Scores a canopy-height map against the truth, window by window.
public import Geo
internal import Measures
public import Raster
public import Telemetry

/// Scores a canopy-height map against the truth, on the truth's grid.
///
/// The map is brought to the truth's grid, bilinearly where its pixels are as large or larger, by the mean where they
/// are smaller. A pixel counts when it is valid in both and its centre is inside the AOI. Blocks are squares of whole
/// pixels that start at the truth's top-left corner; a block's value is the mean over its valid pixels, and a block
/// counts when at least half of its pixels are valid, so blocks cut off by the raster's edge seldom do. Memory does not
/// depend on the size of the rasters.
///
/// - Parameters:
///   - map: Path of the map: one band of metres, any CRS and pixel size.
///   - truth: Path of the truth: one band of metres.
///   - aoi: Where to compare; `nil` is everywhere.
///   - blockMetres: Side of a block in metres on the ground, at least one pixel of the truth.
///   - rule: Which values are heights; others count nowhere, and are counted in the result.
///   - reference: A constant to compare the map with; `truthMean` reads the rasters twice.
///   - progress: Told of every window done; an answer of `false` stops the work.
/// - Throws: `ScoringError`.
public func scoreCanopy(
    map: String, truth: String, aoi: AreaOfInterest? = nil, blockMetres: Double = 30,
    rule: HeightRule = HeightRule(), reference: CanopyReference? = nil, progress: ProgressHandler = { _ in true }
) throws(ScoringError) -> CanopyScore {
    let comparison = try CanopyComparison(map: map, truth: truth, aoi: aoi, blockMetres: blockMetres, rule: rule)
    if case .constant(let height) = reference, !(height.isFinite && height >= 0) {
        throw ScoringError(
            .badRange, "the constant prediction is \(height) m; expected a height of 0 m or more", in: "reference",
            try: "give a height in metres")
    }
    var pixels = RegressionTally()
    var blocks = RegressionTally()
    var constant = RegressionTally()
    var (rejectedTruth, missingInMap) = (0, 0)
    try comparison.visit(progress) { window in
        rejectedTruth += window.rejectedTruth
        missingInMap += window.missingInMap
        for (prediction, height) in window.pairs {
            pixels.add(prediction: prediction, truth: height)
            if case .constant(let value) = reference { constant.add(prediction: value, truth: height) }
        }
        for (prediction, height) in window.blocks { blocks.add(prediction: prediction, truth: height) }
    }
    let rejectedMap = comparison.rejectedMap
    guard pixels.count > 0 else { throw comparison.noOverlap(rejectedTruth: rejectedTruth) }
    if reference == .truthMean {
        try comparison.visit(progress) { window in
            for (_, height) in window.pairs { constant.add(prediction: pixels.meanTruth, truth: height) }
        }
    }
    let predictor: Double? =
        switch reference {
        case .constant(let value): value
        case .truthMean: pixels.meanTruth
        case nil: nil
        }
    return CanopyScore(
        mae: pixels.mae, rmse: pixels.rmse, bias: pixels.bias, r2: pixels.r2,
        blockR2: blocks.count < CanopyScore.fewestBlocks ? nil : blocks.r2, blockMetres: comparison.blockMetres,
        blockCount: blocks.count, pixelCount: pixels.count, meanTruth: pixels.meanTruth, meanPredictor: predictor,
        meanPredictorMAE: predictor == nil ? nil : constant.mae, missingInMap: missingInMap,
        rejectedTruth: rejectedTruth, rejectedMap: rejectedMap, highest: rule.highest)
}

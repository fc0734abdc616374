// The result of scoring a canopy-height map.

/// How well a canopy-height map agrees with the truth.
///
/// Heights from 0 down to -10 m count as 0 in map and truth (the published metric, HighResCanopyHeight's `inference.py`, does
/// so with all below 0); what is lower, or above `highest`, is no height and counts nowhere. The JSON keys are in snake case; what is not defined is `null`.
public struct CanopyScore: Codable, Sendable, Hashable {
    /// Mean absolute error in metres.
    public var mae: Double
    /// Root mean squared error in metres.
    public var rmse: Double
    /// Mean of prediction minus truth in metres: below 0 where the map is too low.
    public var bias: Double
    /// Coefficient of determination over pixels; `nil` where the truth does not vary.
    @UndefinedAsNull public var r2: Double?
    /// Coefficient of determination over block means; `nil` below 10 blocks, or where the truth does not vary.
    @UndefinedAsNull public var blockR2: Double?
    /// Side of a block in metres: the whole number of the truth's pixels nearest to what was asked for.
    public var blockMetres: Double
    /// Number of blocks of which at least half is valid.
    public var blockCount: Int
    /// Number of pixels of the truth's grid that are valid in both and inside the AOI.
    public var pixelCount: Int
    /// Mean of the truth over those pixels in metres.
    public var meanTruth: Double
    /// The height in metres that the reference predicts everywhere; `nil` without a reference.
    @UndefinedAsNull public var meanPredictor: Double?
    /// Mean absolute error in metres of that reference; `nil` without one.
    @UndefinedAsNull public var meanPredictorMAE: Double?
    /// Number of pixels inside the AOI and the map's bounds (to two pixels) that the truth knows and the map does not.
    public var missingInMap: Int
    /// Number of pixels of the truth inside the AOI that hold a value which is not a height.
    public var rejectedTruth: Int
    /// The same of the map's own pixels; at seams of the work some may count twice.
    public var rejectedMap: Int
    /// The highest value that counts as a height, metres.
    public var highest: Double

    /// Fewer blocks than this give no `blockR2`.
    public static let fewestBlocks = 10

    enum CodingKeys: String, CodingKey {
        case mae = "mae_m"
        case rmse = "rmse_m"
        case bias = "bias_m"
        case r2
        case blockR2 = "block_r2"
        case blockMetres = "block_metres"
        case blockCount = "block_count"
        case pixelCount = "pixel_count"
        case meanTruth = "mean_truth_m"
        case meanPredictor = "mean_predictor_m"
        case meanPredictorMAE = "mean_predictor_mae_m"
        case missingInMap = "missing_in_map"
        case rejectedTruth = "rejected_truth"
        case rejectedMap = "rejected_map"
        case highest = "max_height_m"
    }
}

/// A height predicted everywhere, to compare a map with.
public enum CanopyReference: Sendable, Hashable {
    /// The mean of the truth over the scored pixels: the best constant by squared error, known only afterwards.
    case truthMean
    /// A given height in metres, such as the mean of the training data.
    case constant(Double)
}

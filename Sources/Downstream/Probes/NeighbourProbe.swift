// How much of the mean canopy height of a crop its class token tells: by its nearest neighbours.
public import Backbone
public import Geo
internal import Measures
internal import Telemetry
internal import Torch

/// What a probe by neighbours found.
public struct NeighbourResult: Codable, Sendable, Equatable {
    /// Coefficient of determination on tested crops: 1 is perfect, 0 is their own mean.
    public var r2: Double
    /// Crops whose neighbours were looked for.
    public var testCrops: Int
    /// Crops among which they were looked for.
    public var trainingCrops: Int
}

/// Predicts the mean canopy height of a crop from the crops whose class tokens are nearest.
///
/// The mean over the `neighbours` nearest by cosine, weighted by softmax(similarity / 0.07), as the reference's k-nearest-neighbour
/// classifier weighs votes. A crop is tested on when at least half of it is held out, and trained on when none of it is; crops
/// without a patch of known height are left out.
///
/// - Parameters:
///   - network: The backbone.
///   - record: What travels with its weights.
///   - source: Images with heights.
///   - neighbours: How many.
/// - Throws: `DownstreamError` (`badPairs`) where there are too few crops; what the source throws.
public func neighbourProbe(
    _ network: VisionTransformer, record: WeightsRecord, source: any LabelledSource,
    options: ProbeOptions = ProbeOptions(),
    neighbours: Int = 10
) throws -> NeighbourResult {
    typealias Sample = (token: Tensor, height: Double)
    var (training, test): ([Sample], [Sample]) = ([], [])
    try forEachProbeCrop(network, record: record, source: source, options: options) { crop in
        let known = crop.heights.compactMap { $0.map(Double.init) }
        let heldOut = crop.heldOut.count(where: { $0 })
        let isTest = 2 * heldOut >= crop.heldOut.count
        guard !known.isEmpty, isTest || heldOut == 0 else { return }
        let token = crop.tokens().cls.normalized(dim: 1).select(dim: 0, index: 0).to(.cpu)
        let sample = (token, known.reduce(0, +) / Double(known.count))
        if isTest { test.append(sample) } else { training.append(sample) }
    }
    guard training.count >= neighbours, test.count >= 2 else {
        throw DownstreamError(
            .badPairs, "too few crops for a nearest-neighbour probe",
            why: [
                "\(training.count) to search for neighbours and \(test.count) to test on; expected at least \(neighbours) and 2"
            ], try: "give more pairs, or use smaller crops or blocks")
    }
    func matrix(_ samples: [Sample]) -> Tensor { stack(samples.map(\.token)) }
    let heights = Tensor(training.map(\.height), shape: [training.count])
    let nearest = matmul(matrix(test), matrix(training).transpose(0, 1)).to(.float64).topK(neighbours)
    let weights = (nearest.values / 0.07).softmax(dim: 1)
    let found = heights.indexSelect(dim: 0, indices: nearest.indices.reshaped([-1])).reshaped([test.count, neighbours])
    let predicted = (found * weights).sum([1]).doubles()
    var errors = RegressionTally()
    for (sample, height) in zip(test, predicted) { errors.add(prediction: height, truth: sample.height) }
    return NeighbourResult(
        r2: errors.r2 ?? 0, testCrops: test.count, trainingCrops: training.count)
}

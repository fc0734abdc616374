// How much of the mean canopy height of a crop its class token tells: by its nearest neighbours.
public import Backbone
public import Geo
internal import Glibc
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
    typealias Sample = (token: [Float], height: Double)
    var (training, test): ([Sample], [Sample]) = ([], [])
    try forEachProbeCrop(network, record: record, source: source, options: options) { crop in
        let known = crop.heights.compactMap { $0.map(Double.init) }
        let heldOut = crop.heldOut.count(where: { $0 })
        let isTest = 2 * heldOut >= crop.heldOut.count
        guard !known.isEmpty, isTest || heldOut == 0 else { return }
        let token = crop.tokens().cls.normalized(dim: 1).select(dim: 0, index: 0).floats()
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
    var errors = RegressionTally()
    for sample in test {
        let nearest = training.map { other in
            (
                similarity: Double(zip(sample.token, other.token).reduce(Float(0)) { $0 + $1.0 * $1.1 }),
                height: other.height
            )
        }.sorted { $0.similarity > $1.similarity }.prefix(neighbours)
        let best = nearest.first?.similarity ?? 0
        let weights = nearest.map { exp(($0.similarity - best) / 0.07) }
        let sum = weights.reduce(0, +)
        let predicted = zip(nearest, weights).reduce(0) { $0 + $1.0.height * $1.1 } / sum
        errors.add(prediction: predicted, truth: sample.height)
    }
    return NeighbourResult(
        r2: errors.r2 ?? 0, testCrops: test.count, trainingCrops: training.count)
}

// Votes of neighbours compared with scikit-learn's, and their ties.
import Downstream
import Telemetry
import Testing
import Torch

struct NeighbourClassifierTests {
    init() throws { try Torch.load() }

    @Test func `weighted votes by cosine are scikit-learn's`() throws {
        let golden = try ProbesGolden.load().neighbours
        let training = try FeatureMatrix(
            features: probeFeatures(golden.features[0], width: golden.width),
            truth: .classes(golden.truth, classCount: golden.classes))
        let queries = probeFeatures(golden.features[1], width: golden.width)
        let found = try neighbourVotes(training: training, queries: queries, neighbours: [20, 3, 10, 200, 70])
        #expect(found.map(\.neighbours) == [3, 10, 20, 70])
        for (votes, expected) in zip(found, golden.cosine) {
            #expect(votes.neighbours == expected.neighbours)
            #expect(votes.predictions == .classes(expected.predictions, classCount: golden.classes))
            let answer = votes.answer
            #expect(answer.chosen == Double(votes.neighbours) && answer.predictions == votes.predictions)
            let shares = try #require(answer.probabilities).map { Double($0) }
            #expect(largestDifference(shares, expected.probabilities) < 1e-5)
        }
        // The softmax is over all 70: then the votes sum to 1, and fewer neighbours have a part of it.
        #expect(found[3].totals.allSatisfy { abs($0 - 1) < 1e-6 })
        #expect(zip(found[0].totals, found[3].totals).allSatisfy { $0 < $1 })
        #expect(try neighbourVotes(training: training, queries: queries).map(\.neighbours) == [10, 20, 70])
    }

    @Test(arguments: [Float(0), 10_000])
    func `majorities by distance are scikit-learn's, also far from 0`(_ offset: Float) throws {
        let golden = try ProbesGolden.load().neighbours
        let features = probeFeatures(golden.features[0], width: golden.width, offset: offset)
        let queries = probeFeatures(golden.features[1], width: golden.width, offset: offset)
        let training = try FeatureMatrix(
            features: features, truth: .classes(golden.truth, classCount: golden.classes))
        let found = try majorityVotes(training: training, queries: queries)
        #expect(found.neighbours == 5)
        #expect(found.predictions == .classes(golden.distance.predictions, classCount: golden.classes))
        let shares = try #require(found.answer.probabilities).map { Double($0) }
        #expect(largestDifference(shares, golden.distance.probabilities) < 1e-6)
        let labelled = try FeatureMatrix(
            features: features, truth: .labels(golden.labels.map { $0 == 1 }, labelCount: 3))
        #expect(
            try majorityVotes(training: labelled, queries: queries).predictions
                == .labels(golden.label_predictions.map { $0 == 1 }, labelCount: 3))
    }

    @Test func `of equally near samples the first ones vote, and of equal votes the lowest class wins`() throws {
        // 30 samples at the same place, then one that is nearer: more equals than are looked at beyond the needed ones.
        let features = Tensor([Float](repeating: 3, count: 30) + [1], shape: [31, 1])
        let classes = [2, 1] + [Int](repeating: 0, count: 28) + [3]
        let training = try FeatureMatrix(features: features, truth: .classes(classes, classCount: 4))
        let query = Tensor([0] as [Float], shape: [1, 1])
        let votes = try majorityVotes(training: training, queries: query, neighbours: 3)
        #expect(votes.scores == [0, 1, 1, 1] && votes.predictions == .classes([1], classCount: 4))
        let few = try FeatureMatrix(
            features: Tensor([3, 3, 3, 1] as [Float], shape: [4, 1]), truth: .classes([2, 1, 0, 3], classCount: 4))
        #expect(try majorityVotes(training: few, queries: query, neighbours: 3).scores == [0, 1, 1, 1])
        // All samples have the same direction.
        let by = try neighbourVotes(
            training: training, queries: Tensor([2] as [Float], shape: [1, 1]), neighbours: [2])
        #expect(by[0].scores == [0, 0.5, 0.5, 0] && by[0].predictions == .classes([1], classCount: 4))
    }

    @Test func `labels hold with more than half of the weights, as in scikit-learn`() throws {
        let training = try FeatureMatrix(
            features: Tensor([1, 2, 9, 10] as [Float], shape: [4, 1]),
            truth: .labels([true, false, true, true, false, true, false, false], labelCount: 2))
        let votes = try majorityVotes(
            training: training, queries: Tensor([0, 11] as [Float], shape: [2, 1]), neighbours: 2)
        #expect(votes.predictions == .labels([true, false, false, false], labelCount: 2))
        #expect(votes.answer.probabilities == [1, 0.5, 0, 0.5])
    }

    @Test func `queries of another width are an error`() throws {
        let training = try FeatureMatrix(features: Tensor.ones([2, 3]), truth: .classes([0, 1], classCount: 2))
        #expect(throws: DownstreamError.self) { try neighbourVotes(training: training, queries: Tensor.ones([2, 2])) }
        #expect(throws: DownstreamError.self) { try majorityVotes(training: training, queries: Tensor.ones([3])) }
    }
}

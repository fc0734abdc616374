// Balanced and top-k accuracy and the norms of calibration errors, against scikit-learn and torchmetrics.
import Measures
import Testing

struct ClassScoresTests {
    @Test func `balanced accuracy is the mean recall of the classes of the truth`() {
        var tally = ConfusionTally(classCount: 4)
        #expect(tally.balancedAccuracy == nil)
        // Recalls of 3/4 and 1/2; class 2 is only predicted, class 3 nowhere.
        tally.add(prediction: 0, truth: 0, count: 3)
        tally.add(prediction: 2, truth: 0)
        tally.add(prediction: 1, truth: 1)
        tally.add(prediction: nil, truth: 1)
        #expect(tally.balancedAccuracy == 0.625)
        #expect(ConfusionTally(classCount: 4, flattened: tally.flattened) == tally)
        #expect(tally.flattened == [3, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func `scikit-learn has the same balanced accuracy`() throws {
        for golden in try ScoreMeasuresGolden.load().classes {
            let metric = ImageMetric.classification(
                predictions: golden.prediction, truths: golden.truth, classCount: golden.classes
            ) { $0.balancedAccuracy }
            #expect(isSame(Bootstrap(draws: 1).interval(of: metric).estimate, golden.balanced))
            let accuracy = ImageMetric.classification(
                predictions: golden.prediction, truths: golden.truth, classCount: golden.classes
            ) { $0.overallAccuracy }
            let hits = zip(golden.prediction, golden.truth).map { $0 == $1 ? 1.0 : 0.0 }
            let bootstrap = Bootstrap(draws: 30, method: .bca)
            #expect(bootstrap.interval(of: accuracy) == bootstrap.interval(of: .mean(of: hits)))
        }
    }

    @Test func `more classes than a byte holds are counted too`() {
        var tally = ConfusionTally(classCount: 300)
        tally.add(prediction: 299, truth: 299)
        tally.add(prediction: 256, truth: 298)
        #expect(tally.balancedAccuracy == 0.5 && tally.overallAccuracy == 0.5)
    }

    @Test func `the truth is among the first k scores`() {
        let scores: [Float] = [0.1, 0.7, 0.2, 0.5, 0.5, 0, .nan, 1, 0]
        #expect(TopAccuracy.hits(scores: scores, truths: [2, 1, 1], classCount: 3, k: 1) == [false, false, false])
        #expect(TopAccuracy.hits(scores: scores, truths: [2, 1, 1], classCount: 3, k: 2) == [true, true, true])
        // The first of two equal ones comes first, and NaN is never found.
        #expect(TopAccuracy.hits(scores: scores, truths: [1, 0, 0], classCount: 3, k: 1) == [true, true, false])
        #expect(TopAccuracy.hits(scores: scores, truths: [0, 2, 0], classCount: 3, k: 3) == [true, true, false])
        #expect(TopAccuracy.hits(scores: [], truths: [], classCount: 3, k: 1).isEmpty)
    }

    @Test func `scikit-learn has the same top-k accuracy`() throws {
        for golden in try ScoreMeasuresGolden.load().top {
            for (index, expected) in golden.top.enumerated() {
                let hits = TopAccuracy.hits(
                    scores: golden.scores, truths: golden.truth, classCount: golden.classes, k: index + 1)
                #expect(isNear(Double(hits.count { $0 }) / Double(hits.count), expected))
            }
        }
    }

    @Test func `torchmetrics has the same calibration errors`() throws {
        for golden in try ScoreMeasuresGolden.load().calibration {
            var tally = CalibrationTally(binCount: golden.bins)
            for (confidence, isRight) in zip(golden.confidence_2048, golden.right) {
                tally.add(confidence: Double(confidence) / 2048, isRight: isRight == "1")
            }
            #expect(isNear(tally.expectedCalibrationError, golden.l1))
            #expect(isNear(tally.rootMeanSquareCalibrationError, golden.l2))
            #expect(isNear(tally.maximumCalibrationError, golden.max))
        }
        #expect(CalibrationTally().rootMeanSquareCalibrationError == nil)
    }
}

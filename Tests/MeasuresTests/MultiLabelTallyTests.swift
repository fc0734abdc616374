// Metrics of images with several labels: by hand, and against scikit-learn and torchmetrics.
import Measures
import Testing

extension ScoreMeasuresGolden.Labels {
    var truths: [[Bool]] { truth.map { row in row.map { $0 == "1" } } }

    var tally: MultiLabelTally {
        var tally = MultiLabelTally(labelCount: labels)
        for (scores, row) in zip(scores_64, truths) { tally.add(predictions: scores.map { $0 > 32 }, truths: row) }
        return tally
    }

    func precisions() throws -> [AveragePrecision] {
        try (0..<labels).map { label in
            try #require(
                AveragePrecision(scores: scores_64.map { Float($0[label]) / 64 }, truths: truths.map { $0[label] }))
        }
    }

    /// How often each image is drawn in the first draw of a seed.
    var multiplicities: [Int] {
        var stream = SeededStream(seed: drawn_seed)
        var counts = [Int](repeating: 0, count: truth.count)
        for _ in truth { counts[stream.below(truth.count)] += 1 }
        return counts
    }
}

struct MultiLabelTallyTests {
    @Test func `metrics follow their definitions`() {
        var tally = MultiLabelTally(labelCount: 4)
        tally.add(predictions: [true, false, false, false], truths: [true, false, true, false])
        tally.add(predictions: [true, true, false, false], truths: [true, true, false, false])
        tally.add(predictions: [true, false, false, false], truths: [false, true, false, false])
        #expect((0..<4).map(tally.truePositives(of:)) == [2, 1, 0, 0])
        #expect((0..<4).map(tally.falsePositives(of:)) == [1, 0, 0, 0])
        #expect((0..<4).map(tally.falseNegatives(of:)) == [0, 1, 1, 0])
        #expect((0..<4).map(tally.trueNegatives(of:)) == [0, 1, 2, 3])
        #expect(areSame((0..<4).map(tally.precision(of:)), [2.0 / 3, 1, nil, nil]))
        #expect(areSame((0..<4).map(tally.recall(of:)), [1, 0.5, 0, nil]))
        #expect(areSame((0..<4).map(tally.f1(of:)), [0.8, 2.0 / 3, 0, nil]))
        #expect(isNear(tally.microF1, 2.0 / 3))
        #expect(isNear(tally.macroF1, 22.0 / 45))
        #expect(isNear(tally.macroF1WithAbsentAsZero, 22.0 / 60))
        #expect(tally.count == 3 && tally.exactCount == 1 && isNear(tally.subsetAccuracy, 1.0 / 3))
    }

    @Test func `nothing has no metrics`() {
        var tally = MultiLabelTally(labelCount: 2)
        #expect(tally.microF1 == nil && tally.macroF1 == nil && tally.subsetAccuracy == nil && tally.f1(of: 0) == nil)
        tally.add(predictions: [false, false], truths: [false, false])
        #expect(tally.microF1 == nil && tally.macroF1 == nil && tally.subsetAccuracy == 1)
        #expect(tally.macroF1WithAbsentAsZero == 0)
    }

    @Test func `scikit-learn and torchmetrics say the same`() throws {
        for golden in try ScoreMeasuresGolden.load().labels {
            let tally = golden.tally
            for label in 0..<golden.labels {
                // Rows of the truth: true negatives and false positives, false negatives and true positives.
                let counts = [
                    tally.trueNegatives(of: label), tally.falsePositives(of: label), tally.falseNegatives(of: label),
                    tally.truePositives(of: label),
                ]
                #expect(counts == golden.counts[label])
            }
            #expect(areSame((0..<golden.labels).map(tally.f1(of:)), golden.f1))
            #expect(isSame(tally.microF1, golden.micro_f1))
            #expect(isSame(tally.macroF1, golden.macro_f1))
            #expect(isSame(tally.macroF1WithAbsentAsZero, golden.macro_f1_all))
            #expect(isSame(tally.subsetAccuracy, golden.subset_accuracy))
        }
    }

    @Test func `parts merge to the whole`() throws {
        let golden = try #require(try ScoreMeasuresGolden.load().labels.first)
        var parts = [MultiLabelTally](repeating: MultiLabelTally(labelCount: golden.labels), count: 3)
        for (index, (scores, truths)) in zip(golden.scores_64, golden.truths).enumerated() {
            parts[index % 3].add(predictions: scores.map { $0 > 32 }, truths: truths)
        }
        var merged = MultiLabelTally(labelCount: golden.labels)
        for part in parts { merged.merge(part) }
        #expect(merged == golden.tally)
        #expect(MultiLabelTally(labelCount: golden.labels, flattened: merged.flattened) == merged)
    }
}

struct AveragePrecisionTests {
    @Test func `samples of equal scores are taken together`() throws {
        // Precisions of 1/2 at .9, 2/4 at .5 and 3/5 at .1, each for a third of the recall.
        let some = try #require(
            AveragePrecision(scores: [0.1, 0.9, 0.5, 0.9, 0.5], truths: [true, true, true, false, false]))
        #expect(isNear(some.value, (0.5 + 0.5 + 0.6) / 3))
        // Without the second sample: 0/1 at .9, 1/3 at .5, 2/4 at .1; with the third one twice: 0/1, 2/4, 3/5.
        #expect(isNear(some.value(multiplicities: [1, 0, 1, 1, 1]), (1.0 / 3 + 0.5) / 2))
        #expect(isNear(some.value(multiplicities: [1, 0, 2, 1, 1]), (0.5 + 0.5 + 0.6) / 3))
    }

    @Test func `labels that nothing has are left out`() throws {
        let none = try #require(AveragePrecision(scores: [0.5, 0.25], truths: [false, false]))
        let best = try #require(AveragePrecision(scores: [0.5, 0.25], truths: [true, false]))
        let worst = try #require(AveragePrecision(scores: [0.5, 0.25], truths: [false, true]))
        #expect(none.value == nil && best.value == 1 && worst.value == 0.5)
        #expect(AveragePrecision.mean(of: [none, best, worst]) == 0.75)
        #expect(AveragePrecision.mean(of: [none]) == nil && AveragePrecision.mean(of: []) == nil)
        #expect(best.value(multiplicities: [0, 2]) == nil)
        #expect(AveragePrecision(scores: [0.5, .nan], truths: [true, false]) == nil)
        #expect(AveragePrecision(scores: [], truths: []).map { $0.value == nil } == true)
    }

    @Test func `scikit-learn says the same, of drawn samples too`() throws {
        for golden in try ScoreMeasuresGolden.load().labels {
            let labels = try golden.precisions()
            #expect(areSame(labels.map(\.value), golden.average_precision))
            let times = golden.multiplicities
            #expect(areSame(labels.map { $0.value(multiplicities: times) }, golden.drawn))
            let known = golden.average_precision.compactMap { $0 }
            let mean = known.reduce(0, +) / Double(known.count)
            #expect(isSame(AveragePrecision.mean(of: labels), mean))
            // The first draw of the bootstrap is the same one.
            let metric = ImageMetric.meanAveragePrecision(labels, imageCount: times.count)
            let interval = Bootstrap(draws: 1, method: .percentile, seed: golden.drawn_seed).interval(of: metric)
            let drawn = golden.drawn.compactMap { $0 }
            #expect(isSame(interval.low, drawn.reduce(0, +) / Double(drawn.count)))
            #expect(isSame(interval.estimate, mean))
        }
    }
}

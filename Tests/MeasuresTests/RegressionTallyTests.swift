// The sums behind the metrics.
import Measures
import Testing

struct RegressionTallyTests {
    @Test func `metrics follow their definitions`() {
        var tally = RegressionTally()
        for (p, t) in [(1.0, 2.0), (4, 3), (5, 5), (9, 6)] { tally.add(prediction: p, truth: t) }
        #expect(tally.count == 4)
        #expect(tally.meanTruth == 4)
        // Errors -1, 1, 0, 3; the truth's squared deviations 4, 1, 1, 4.
        #expect(abs(tally.mae - 1.25) < 1e-12)
        #expect(abs(tally.rmse - 2.75.squareRoot()) < 1e-12)
        #expect(abs(tally.bias - 0.75) < 1e-12)
        #expect(abs((tally.r2 ?? .nan) - (1 - 11.0 / 10)) < 1e-12)
    }

    @Test func `a large mean costs no digits`() {
        var plain = RegressionTally()
        var shifted = RegressionTally()
        for k in 0..<1000 {
            let truth = Double(k % 7)
            let prediction = Double(k % 5)
            plain.add(prediction: prediction, truth: truth)
            shifted.add(prediction: prediction + 1e9, truth: truth + 1e9)
        }
        #expect(abs((plain.r2 ?? .nan) - (shifted.r2 ?? .infinity)) < 1e-6)
    }

    @Test func `nothing and a constant truth have no r2`() {
        var tally = RegressionTally()
        #expect(tally.r2 == nil && tally.mae == 0)
        tally.add(prediction: 1, truth: 3)
        tally.add(prediction: 2, truth: 3)
        #expect(tally.r2 == nil)
        #expect(tally.bias == -1.5)
    }
}

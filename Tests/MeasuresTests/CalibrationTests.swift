// Confidence against correctness, and the temperature that brings them together.
import Foundation
import Measures
import Testing

struct CalibrationTallyTests {
    @Test func `bins and their errors follow their definitions`() throws {
        var tally = CalibrationTally(binCount: 4)
        for (confidence, isRight) in [(0.0, false), (0.25, true), (0.5, true), (0.4, false), (0.9, true), (1.0, true)] {
            tally.add(confidence: confidence, isRight: isRight)
        }
        // The upper end of a bin belongs to it: 0 and 0.25; 0.4 and 0.5; none; 0.9 and 1.
        #expect(tally.bins.map(\.count) == [2, 2, 0, 2])
        #expect(tally.bins.map(\.range) == [0...0.25, 0.25...0.5, 0.5...0.75, 0.75...1])
        #expect(areSame(tally.bins.map(\.meanConfidence), [0.125, 0.45, nil, 0.95]))
        #expect(areSame(tally.bins.map(\.accuracy), [0.5, 0.5, nil, 1]))
        #expect(tally.count == 6)
        // Distances of 0.375, 0.05 and 0.05 over two predictions each.
        #expect(isNear(tally.expectedCalibrationError, 0.475 / 3))
        #expect(isNear(tally.maximumCalibrationError, 0.375))
        #expect(isNear(tally.meanConfidence, 3.05 / 6) && isNear(tally.accuracy, 4.0 / 6))
        // Squares of 0, 0.75, 0.5, 0.4, 0.1 and 0.
        #expect(isNear(tally.brierScore, 0.9825 / 6))
    }

    @Test func `nothing has no errors, and rounding past 1 is 1`() {
        var tally = CalibrationTally()
        #expect(tally.bins.count == 15 && tally.count == 0)
        #expect(tally.expectedCalibrationError == nil && tally.maximumCalibrationError == nil)
        #expect(tally.brierScore == nil && tally.accuracy == nil && tally.meanConfidence == nil)
        tally.add(confidence: 1.000_000_1, isRight: true)
        tally.add(confidence: -1e-9, isRight: false)
        #expect(tally.bins.first?.count == 1 && tally.bins.last?.count == 1)
        #expect(tally.expectedCalibrationError == 0 && tally.brierScore == 0)
    }

    @Test func `pixels without truth, prediction or validity are left out`() {
        var tally = CalibrationTally(binCount: 2)
        tally.add(
            confidences: [0.75, 0.75, .nan, 0.5, .nan], predictions: [1, 0, 1, 2, 255], truths: [1, 1, 255, 2, 0],
            validity: [true, true, true, false, true])
        #expect(tally.count == 2 && isNear(tally.accuracy, 0.5) && isNear(tally.expectedCalibrationError, 0.25))
    }

    @Test func `parts merge to the whole`() {
        var random = SeededNumbers(5)
        var whole = CalibrationTally(binCount: 7)
        var parts = [CalibrationTally](repeating: whole, count: 3)
        for index in 0..<500 {
            // Multiples of 1/64 sum without rounding.
            let confidence = Double(Int.random(in: 0...64, using: &random)) / 64
            let isRight = Bool.random(using: &random)
            whole.add(confidence: confidence, isRight: isRight)
            parts[index % 3].add(confidence: confidence, isRight: isRight)
        }
        var merged = CalibrationTally(binCount: 7)
        for part in parts { merged.merge(part) }
        #expect(merged == whole)
    }

    @Test func `NumPy and scikit-learn say the same`() throws {
        for golden in try MeasuresGolden.load().calibration {
            var tally = CalibrationTally(binCount: golden.bins)
            for (confidence, isRight) in zip(golden.confidence_1024, golden.right) {
                tally.add(confidence: Double(confidence) / 1024, isRight: isRight == "1")
            }
            #expect(isSame(tally.expectedCalibrationError, golden.expected_error))
            #expect(isSame(tally.maximumCalibrationError, golden.maximum_error))
            #expect(isSame(tally.brierScore, golden.brier))
        }
    }
}

struct TemperatureFitTests {
    /// The mean negative log-likelihood, by its definition.
    private func loss(_ logits: [Float], _ truths: [UInt8], _ classes: Int, temperature: Double) -> Double {
        var sum = 0.0
        var count = 0
        for (row, truth) in truths.enumerated() where truth != 255 {
            let scaled = (0..<classes).map { Double(logits[row * classes + $0]) / temperature }
            sum -= log(exp(scaled[Int(truth)]) / scaled.reduce(0) { $0 + exp($1) })
            count += 1
        }
        return sum / Double(count)
    }

    @Test func `two logits have a closed form`() throws {
        // Three of four are right by a margin of 2: the best probability is 3/4, so the best margin is log 3.
        let fit = try #require(
            TemperatureFit(logits: [2, 0, 0, 2, 1, 3, 5, 3], truths: [0, 1, 1, 1], classCount: 2))
        #expect(isNear(fit.temperature, 2 / log(3)))
        #expect(isNear(fit.lossAfter, -(0.75 * log(0.75) + 0.25 * log(0.25))))
        #expect(isSame(fit.lossBefore, log(1 + exp(-2)) + 0.25 * 2))
        #expect(fit.count == 4 && !fit.isAtLimit)
    }

    @Test func `the ends of the range are said to be ends`() throws {
        let right = try #require(TemperatureFit(logits: [3, 1, 0, 0, 2, 1], truths: [0, 1], classCount: 3))
        #expect(right.isAtLimit && right.temperature == 0.01 && right.lossAfter < 1e-12)
        let wrong = try #require(
            TemperatureFit(logits: [3, 1, 0, 0, 2, 1], truths: [2, 0], classCount: 3, range: 0.5...4))
        #expect(wrong.isAtLimit && wrong.temperature == 4 && wrong.lossAfter < wrong.lossBefore)
    }

    @Test func `logits that say nothing keep temperature 1`() throws {
        let flat = try #require(TemperatureFit(logits: [1, 1, 2, 2], truths: [0, 1], classCount: 2))
        #expect(flat.temperature == 1 && !flat.isAtLimit && isSame(flat.lossAfter, log(2)))
        let one = try #require(TemperatureFit(logits: [5, -3], truths: [0, 0], classCount: 1))
        #expect(one.temperature == 1 && one.lossBefore == 0 && one.lossAfter == 0)
    }

    @Test func `nothing to fit gives nothing`() {
        #expect(TemperatureFit(logits: [], truths: [], classCount: 2) == nil)
        #expect(TemperatureFit(logits: [1, 2], truths: [255], classCount: 2) == nil)
        for bad in [Float.nan, .infinity, -.infinity] {
            #expect(TemperatureFit(logits: [1, bad, 0, 1, 2, 0], truths: [0, 1], classCount: 3) == nil)
        }
        #expect(TemperatureFit(logits: [.nan, 2, 1, 3], truths: [255, 1], classCount: 2) != nil)
    }

    @Test func `large logits do not overflow`() throws {
        let fit = try #require(
            TemperatureFit(
                logits: [2e4, 0, 0, 2e4, 1e4, 3e4, 5e4, 3e4], truths: [0, 1, 1, 1], classCount: 2, range: 1e-3...1e6))
        #expect(abs(fit.temperature / (2e4 / log(3)) - 1) < 1e-12)
        #expect(isNear(fit.lossBefore, 5000))
    }

    @Test(arguments: 0..<1000) func `no temperature is better`(seed: Int) throws {
        var random = SeededNumbers(seed)
        let classes = Int.random(in: 2...5, using: &random)
        let rows = Int.random(in: 1...20, using: &random)
        let scale = Float(exp(Double.random(in: -2...2, using: &random)))
        let logits = (0..<rows * classes).map { _ in scale * Float.random(in: -1...1, using: &random) }
        let truths = (0..<rows).map { row -> UInt8 in
            if row > 0, Int.random(in: 0..<6, using: &random) == 0 { return 255 }
            return UInt8(Int.random(in: 0..<classes, using: &random))
        }
        let range = 0.02...50.0
        let fit = try #require(TemperatureFit(logits: logits, truths: truths, classCount: classes, range: range))
        #expect(fit == TemperatureFit(logits: logits, truths: truths, classCount: classes, range: range))
        #expect(range.contains(fit.temperature))
        #expect(isSame(fit.lossBefore, loss(logits, truths, classes, temperature: 1), within: 1e-10))
        #expect(isSame(fit.lossAfter, loss(logits, truths, classes, temperature: fit.temperature), within: 1e-9))
        for step in 0...60 {
            let other = exp(log(range.lowerBound) + Double(step) / 60 * log(range.upperBound / range.lowerBound))
            #expect(fit.lossAfter <= loss(logits, truths, classes, temperature: other) + 1e-9)
        }
        // At the zero of the slope the loss rises on both sides.
        if !fit.isAtLimit {
            let near = [0.999, 1.001].map { loss(logits, truths, classes, temperature: fit.temperature * $0) }
            #expect(near.allSatisfy { $0 >= fit.lossAfter - 1e-12 })
        }
    }

    @Test func `SciPy and scikit-learn say the same`() throws {
        for golden in try MeasuresGolden.load().temperature {
            let fit = try #require(
                TemperatureFit(
                    logits: golden.logits_16.map { Float($0) / 16 }, truths: MeasuresGolden.indices(golden.truth),
                    classCount: golden.classes))
            #expect(isSame(fit.temperature, golden.temperature, within: 1e-10))
            #expect(isSame(fit.lossBefore, golden.loss_before))
            #expect(isSame(fit.lossAfter, golden.loss_after))
        }
    }
}

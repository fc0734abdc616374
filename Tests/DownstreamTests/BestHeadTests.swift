// Which head a fit keeps, what it counts of held-out ground, and when it says that a head has learned nothing.
import Backbone
import Downstream
import Geo
import Telemetry
import Testing
import Torch

struct BestHeadTests {
    /// The state of a head of two weights.
    private func state(_ value: Double) -> [(name: String, tensor: Tensor)] {
        [("weight", Tensor([value, -value] as [Double], shape: [2]))]
    }

    private func kept(_ best: BestHead) -> [Double]? { best.state?.first?.tensor.doubles() }

    @Test func `the best of the validations is kept, and of equal ones the first`() {
        var best = BestHead(count: 1)
        #expect(best.rate == nil && best.leader == 0 && kept(best) == nil)
        let planted: [(step: Int, score: Double, isBest: Bool)] = [
            (10, 0.3, true), (20, 0.5, true), (30, 0.5, false), (40, 0.4, false), (50, .nan, false),
        ]
        for (step, score, isBest) in planted {
            #expect(best.add(score, rate: 0, step: step, state: state(Double(step))) == isBest, "step \(step)")
        }
        #expect(best.rate == 0 && best.steps == [20] && best.scores == [0.5])
        #expect(kept(best) == [20, -20])
    }

    @Test func `what is kept is a copy`() {
        var best = BestHead(count: 1)
        let moving = state(1)
        best.add(0.3, rate: 0, step: 10, state: moving)
        moving[0].tensor.copy_(Tensor([7, 7] as [Double], shape: [2]))
        #expect(kept(best) == [1, -1])
    }

    @Test
    func `of several rates the best at any step is kept, and of equal ones the earlier step, then the earlier rate`() {
        var best = BestHead(count: 3)
        for (rate, score) in [0.2, 0.4, 0.4].enumerated() {
            best.add(score, rate: rate, step: 10, state: state(Double(rate)))
        }
        #expect(best.rate == 1 && kept(best) == [1, -1])
        for (rate, score) in [0.4, 0.1, 0.3].enumerated() {
            best.add(score, rate: rate, step: 20, state: state(Double(10 + rate)))
        }
        #expect(best.rate == 1 && best.steps == [20, 10, 10] && kept(best) == [1, -1])
        // A rate that is left out keeps what it had reached, but leads no more.
        best.drop(1, step: 25)
        #expect(best.live == [0, 2] && best.rate == 1 && best.leader == 2)
        best.add(0.6, rate: 0, step: 30, state: state(5))
        #expect(best.rate == 0 && best.leader == 0 && best.scores == [0.6, 0.4, 0.4] && kept(best) == [5, -5])
    }
}

struct LandCoverTallyTests {
    private static let legend = Legend([
        LegendClass(id: 1, name: "soil", colour: [9, 9, 9]), LegendClass(id: 2, name: "stone", colour: [0, 0, 0]),
    ])

    /// A tally of windows of four pixels, all of which count; the truth is soil, stone, soil, stone.
    private func tally(_ windows: [[Float]]) -> LandCoverTally {
        var tally = LandCoverTally(classes: 2)
        for logits in windows { tally.add(logits, truth: [0, 1, 0, 1], places: [0, 1, 2, 3]) }
        return tally
    }

    @Test func `a head that looks at the image is fine`() throws {
        let tally = tally([[3, 1, 2, 0, 1, 3, 0, 4], [2, 0, 5, 1, 0, 3, 1, 3]])
        let score = try #require(tally.score(Self.legend))
        #expect(score.alarm == nil && score.value == 1 && score.name == "mIoU")
        #expect(score.probes == ["iou.soil": 1, "iou.stone": 1, "collapsed": 0])
        #expect(score.words == "soil 1.000, stone 1.000")
    }

    @Test func `a head that says one class everywhere is told, and which`() throws {
        let tally = tally([[1, 2, 1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 1, 2, 1, 3]])
        #expect(!tally.hasConstantOutput && tally.collapsedClass == 1)
        let score = try #require(tally.score(Self.legend))
        #expect(score.alarm?.what == "the head predicts 'stone' on all held-out ground" && score.value == 0.25)
        #expect(score.probes["collapsed"] == 1)
    }

    @Test func `a head that says the same of every window is told, although pixels differ`() throws {
        // Logits that differ by a number of their own for each pixel have the same probabilities.
        let windows: [[Float]] = [[3, 1, 2, 0, 1, 3, 0, 4], [4, 3, 5, 4, 2, 5, 3, 8]]
        #expect(tally(windows).hasConstantOutput && tally(windows).collapsedClass == nil)
        #expect(tally(windows).score(Self.legend)?.alarm?.what.contains("predicts the same probabilities") == true)
        // One window cannot tell, and a hair's breadth is a difference.
        #expect(!tally([windows[0]]).hasConstantOutput)
        #expect(!tally([windows[0], windows[0].map { $0 == 4 ? 4.001 : $0 }]).hasConstantOutput)
    }

    @Test func `answers that are not finite are no score`() throws {
        let score = try #require(tally([[.nan, 1, 2, 0, 1, 3, 0, 4]]).score(Self.legend))
        #expect(score.value.isNaN)
    }
}

struct CountedOnceTests {
    @Test func `each pixel that some window covers belongs to one of them`() {
        // Both sides leave a rest, so that the last windows of rows and columns are moved back.
        let (side, size) = (16, (width: 50, height: 40))
        func starts(_ length: Int) -> [Int] {
            Array(stride(from: 0, through: length - side, by: side)) + [length - side]
        }
        let all = starts(size.height).flatMap { row in
            starts(size.width).map {
                (pair: 0, window: PixelWindow(column: $0, row: row, width: side, height: side))
            }
        }
        #expect(all.count == 12)
        // All windows, and every way to leave some out in a regular manner.
        for part in 0..<64 {
            let windows = all.enumerated().filter { part == 0 || (part >> ($0.offset % 6)) & 1 == 1 }.map(\.element)
            let once = CountedOnce(windows.reversed(), side: side, sizes: [size])
            var covered = [Int](repeating: 0, count: size.width * size.height)
            var counted = covered
            for (pair, window) in windows {
                for (place, belongs) in once.belongs(pair, window).enumerated() {
                    let (row, column) = place.quotientAndRemainder(dividingBy: side)
                    let pixel = (window.row + row) * size.width + window.column + column
                    covered[pixel] += 1
                    if belongs { counted[pixel] += 1 }
                }
            }
            #expect(zip(covered, counted).allSatisfy { ($0 > 0) == ($1 == 1) && $1 <= 1 }, "part \(part)")
            if part == 0 { #expect(covered.contains(4) && counted.allSatisfy { $0 == 1 }) }
        }
    }
}

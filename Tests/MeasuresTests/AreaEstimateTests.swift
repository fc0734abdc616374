// Areas from samples: the worked example of the paper, the estimators by definition, and how samples are allocated.
import Measures
import Testing

struct AreaEstimateTests {
    /// Deforestation, forest gain, stable forest and stable non-forest, in pixels of 30 m: the paper's table 8.
    private let pixelCounts = [200_000, 150_000, 3_200_000, 6_450_000]
    private let samples = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]

    @Test func `the worked example of the paper comes out`() throws {
        let estimate = AreaEstimate(pixelCounts: pixelCounts, pixelArea: 0.09, samples: samples)
        #expect(estimate.isComplete && isNear(estimate.totalArea, 900_000, within: 1e-6))
        let areas = estimate.classes.map(\.area)
        // Section 5.2.2, hectares; 34,907 is the standard error in pixels from which 1.96 x 34,907 = 68,418 pixels come.
        #expect(areas.map { $0?.value.rounded() } == [21_158, 11_686, 285_770, 581_386])
        #expect(areas.map { $0?.margin?.rounded() } == [6158, 3756, 15_510, 16_282])
        #expect(isNear(areas[0]?.standardError, 34_907 * 0.09, within: 0.05))
        let limits = try #require(areas[0]?.limits)
        #expect(limits.lowerBound.rounded() == 15_000 && limits.upperBound.rounded() == 27_315)
        // In pixels.
        let pixels = AreaEstimate(pixelCounts: pixelCounts, pixelArea: 1, samples: samples)
        #expect(pixels.classes[0].area?.value.rounded() == 235_086)

        func hundredths(_ values: [AreaEstimate.Value?]) -> [[Double?]] {
            values.map { [$0?.value, $0?.margin].map { value in value.map { ($0 * 100).rounded() } } }
        }
        // Section 5.2.1. Its producer's margins of forest gain and of stable non-forest, .23 and .01, are not those of its
        // equation 7, which the other two are.
        #expect(hundredths(estimate.classes.map(\.usersAccuracy)) == [[88, 7], [73, 10], [93, 4], [96, 2]])
        #expect(hundredths(estimate.classes.map(\.producersAccuracy)) == [[75, 21], [85, 25], [93, 3], [96, 2]])
        #expect(hundredths([estimate.overallAccuracy]) == [[95, 2]])
        #expect(isNear(estimate.overallAccuracy?.value, 0.947, within: 5e-4))
        // Table 9.
        let parts = try #require(estimate.proportions[3]).map { ($0 * 1e4).rounded() }
        #expect(parts == [40, 20, 179, 6212])
        #expect(estimate.classes.map(\.sampleCount) == [75, 75, 165, 325])
    }

    @Test func `a tally of samples is read with the map in its predictions`() {
        var tally = ConfusionTally(classCount: 4)
        for (map, row) in samples.enumerated() {
            for (reference, count) in row.enumerated() { tally.add(prediction: map, truth: reference, count: count) }
        }
        let areas = pixelCounts.map { Double($0) * 0.09 }
        let fromTally = AreaEstimate(mappedAreas: areas, samples: tally)
        #expect(fromTally == AreaEstimate(pixelCounts: pixelCounts, pixelArea: 0.09, samples: samples))
        #expect(isSame(fromTally.classes[0].usersAccuracy?.value, tally.precision(of: 0)))
    }

    @Test func `a perfect sample keeps the map's areas without doubt`() {
        let estimate = AreaEstimate(mappedAreas: [30, 70], samples: [[10, 0], [0, 20]])
        #expect(areSame(estimate.classes.map { $0.area?.value }, [30, 70]))
        #expect(estimate.classes.map { $0.area?.standardError } == [0, 0])
        #expect(isNear(estimate.overallAccuracy?.value, 1) && estimate.overallAccuracy?.margin == 0)
        #expect(estimate.classes.allSatisfy { $0.producersAccuracy?.limits == 1...1 })
    }

    @Test func `a stratum without samples leaves areas unknown and says so`() {
        let estimate = AreaEstimate(mappedAreas: [30, 70], samples: [[8, 2], [0, 0]])
        #expect(!estimate.isComplete)
        #expect(estimate.classes.map(\.gap) == [nil, .noSamples])
        #expect(estimate.classes.allSatisfy { $0.area == nil && $0.producersAccuracy == nil })
        #expect(estimate.overallAccuracy == nil)
        #expect(isNear(estimate.classes[0].usersAccuracy?.value, 0.8) && estimate.classes[1].usersAccuracy == nil)
        #expect(estimate.proportions[1] == nil && isNear(estimate.proportions[0]?[1], 0.06))
    }

    @Test func `a stratum of one sample leaves doubts unknown and says so`() {
        let estimate = AreaEstimate(mappedAreas: [30, 70], samples: [[8, 2], [0, 1]])
        #expect(!estimate.isComplete)
        #expect(estimate.classes.map(\.gap) == [nil, .oneSample])
        #expect(areSame(estimate.classes.map { $0.area?.value }, [24, 76]))
        #expect(estimate.classes.allSatisfy { $0.area?.standardError == nil && $0.area?.limits == nil })
        #expect(isNear(estimate.overallAccuracy?.value, 0.94) && estimate.overallAccuracy?.margin == nil)
        #expect(estimate.classes[0].usersAccuracy?.standardError != nil)
        #expect(estimate.classes[1].usersAccuracy?.standardError == nil)
    }

    @Test func `classes that are not mapped, or nowhere, are no trouble`() {
        // The second class is not mapped, but found; the third is neither.
        let estimate = AreaEstimate(mappedAreas: [100, 0, 0], samples: [[9, 1, 0], [0, 0, 0], [0, 0, 0]])
        #expect(estimate.isComplete)
        #expect(areSame(estimate.classes.map { $0.area?.value }, [90, 10, 0]))
        #expect(areSame(estimate.classes.map { $0.producersAccuracy?.value }, [1, 0, nil]))
        #expect(estimate.classes[1].usersAccuracy == nil && estimate.classes[2].area?.standardError == 0)
        let empty = AreaEstimate(mappedAreas: [0, 0], samples: [[0, 0], [0, 0]])
        #expect(empty.overallAccuracy == nil && empty.classes.allSatisfy { $0.area == nil && $0.gap == nil })
        #expect(AreaEstimate(mappedAreas: [], samples: []).classes.isEmpty)
    }

    @Test(arguments: 0..<1000) func `random samples agree with the equations as printed`(seed: Int) throws {
        var random = SeededNumbers(seed)
        let size = Int.random(in: 1...5, using: &random)
        let each = 0..<size
        let areas = each.map { _ in Double.random(in: 1...1000, using: &random) }
        let samples = each.map { i in
            each.map { j in i == j ? Int.random(in: 2...20, using: &random) : Int.random(in: 0...4, using: &random) }
        }
        let estimate = AreaEstimate(mappedAreas: areas, samples: samples)

        let total = areas.reduce(0, +)
        let w = areas.map { $0 / total }
        let n = samples.map { Double($0.reduce(0, +)) }
        let p = each.map { i in each.map { j in w[i] * Double(samples[i][j]) / n[i] } }
        let column = each.map { j in each.reduce(0) { $0 + p[$1][j] } }
        let user = each.map { i in p[i][i] / p[i].reduce(0, +) }
        let overall = each.reduce(0) { $0 + p[$1][$1] }
        let overallVariance = each.reduce(0) { $0 + w[$1] * w[$1] * user[$1] * (1 - user[$1]) / (n[$1] - 1) }
        #expect(isSame(estimate.overallAccuracy?.value, overall))
        #expect(isSame(estimate.overallAccuracy?.standardError, overallVariance.squareRoot(), within: 1e-10))
        for j in each {
            let got = estimate.classes[j]
            // Rounding may take a variance of 0 below it.
            let spread = max(each.reduce(0) { $0 + (w[$1] * p[$1][j] - p[$1][j] * p[$1][j]) / (n[$1] - 1) }, 0)
            #expect(isSame(got.area?.value, total * column[j], within: 1e-9))
            #expect(isSame(got.area?.standardError, total * spread.squareRoot(), within: 1e-4))
            #expect(isSame(got.usersAccuracy?.value, user[j]))
            let usersError = (user[j] * (1 - user[j]) / (n[j] - 1)).squareRoot()
            #expect(isSame(got.usersAccuracy?.standardError, usersError, within: 1e-7))

            let producer = p[j][j] / column[j]
            let reference = each.reduce(0) { $0 + areas[$1] / n[$1] * Double(samples[$1][j]) }
            let own = areas[j] * areas[j] * (1 - producer) * (1 - producer) * user[j] * (1 - user[j]) / (n[j] - 1)
            let others = each.reduce(0.0) { sum, i in
                let part = Double(samples[i][j]) / n[i]
                return i == j ? sum : sum + areas[i] * areas[i] * part * (1 - part) / (n[i] - 1)
            }
            let variance = (own + producer * producer * others) / (reference * reference)
            #expect(isSame(got.producersAccuracy?.value, producer))
            #expect(isSame(got.producersAccuracy?.standardError, variance.squareRoot(), within: 1e-7))
        }
        #expect(isSame(estimate.classes.reduce(0) { $0 + ($1.area?.value ?? .nan) }, total, within: 1e-8))
    }
}

struct SampleAllocationTests {
    @Test func `rare classes get the minimum, the others the rest by area`() {
        // Olofsson et al. 2014, table 5: 75 of each change, the rest by area (printed rounded, 165 and 325).
        let allocation = SampleAllocation(total: 640, areas: [0.02, 0.015, 0.32, 0.645], minimum: 75)
        #expect(allocation.counts == [75, 75, 162, 328])
        #expect(allocation.total == 640)
        #expect(SampleAllocation(total: 100, areas: [1, 1, 2], minimum: 0).counts == [25, 25, 50])
    }

    @Test func `the largest remainder is rounded up, the first of equals first`() {
        #expect(SampleAllocation(total: 10, areas: [1, 1, 1], minimum: 1).counts == [4, 3, 3])
        #expect(SampleAllocation(total: 11, areas: [1, 1, 1], minimum: 1).counts == [4, 4, 3])
        #expect(SampleAllocation(total: 10, areas: [3.3, 3.3, 3.4], minimum: 0).counts == [3, 3, 4])
    }

    @Test func `the minimum is kept where the total is too small`() {
        #expect(SampleAllocation(total: 10, areas: [1, 5, 0, 9], minimum: 50).counts == [50, 50, 0, 50])
        #expect(SampleAllocation(total: 0, areas: [1, 5], minimum: 0).counts == [0, 0])
        #expect(SampleAllocation(total: 5, areas: [], minimum: 2).counts == [])
    }

    @Test func `no stratum has more samples than pixels`() {
        let allocation = SampleAllocation(
            total: 300, areas: [1, 99, 900], minimum: 50, pixelCounts: [20, 60, 10_000])
        #expect(allocation.counts == [20, 50, 230])
        #expect(SampleAllocation(total: 300, areas: [1, 1], minimum: 5, pixelCounts: [30, 400]).counts == [30, 270])
        #expect(SampleAllocation(total: 300, areas: [1, 1], minimum: 5, pixelCounts: [30, 40]).counts == [30, 40])
    }

    @Test(arguments: 0..<1000) func `the total is met within the bounds`(seed: Int) {
        var random = SeededNumbers(seed)
        let size = Int.random(in: 1...8, using: &random)
        let areas = (0..<size).map { _ -> Double in
            let whole = Double(Int.random(in: 0...3, using: &random))
            return Bool.random(using: &random) ? Double.random(in: 0.001...1, using: &random) : whole
        }
        let pixels = areas.map { $0 > 0 ? Int.random(in: 1...300, using: &random) : 0 }
        let minimum = Int.random(in: 0...40, using: &random)
        let total = Int.random(in: 0...1500, using: &random)
        let bounds = Bool.random(using: &random) ? pixels : nil
        let counts = SampleAllocation(total: total, areas: areas, minimum: minimum, pixelCounts: bounds).counts
        let most = zip(areas, pixels).map { $0 == 0 ? 0 : bounds == nil ? 1_000_000 : $1 }
        let least = most.map { min($0, minimum) }
        #expect(zip(counts, least).allSatisfy { $0 >= $1 } && zip(counts, most).allSatisfy { $0 <= $1 })
        let (fewest, greatest) = (least.reduce(0, +), most.reduce(0, +))
        #expect(counts.reduce(0, +) == min(max(total, fewest), greatest))
        // Where no bound holds, samples are as areas are, to a sample: none is a sample per area richer than another.
        let free = areas.indices.filter { counts[$0] > least[$0] && counts[$0] < most[$0] }
        for a in free {
            for b in free {
                let expected = Double(counts[b]) * areas[a] / areas[b]
                #expect(abs(Double(counts[a]) - expected) <= 1 + areas[a] / areas[b] + 1e-9)
            }
        }
    }
}

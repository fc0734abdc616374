// Random streams, permutations and the order of tiles.
import Geo
import Pretraining
import Telemetry
import Testing
import Training

struct RandomStreamTests {
    @Test func `equal keys give equal numbers and other keys others`() {
        var a = RandomStream(seed: 1, .crop, 5, 2, 0)
        var b = RandomStream(seed: 1, .crop, 5, 2, 0)
        var c = RandomStream(seed: 1, .crop, 5, 0, 2)
        var d = RandomStream(seed: 1, .masks, 5, 2, 0)
        let first = (0..<8).map { _ in a.next() }
        #expect(first == (0..<8).map { _ in b.next() })
        #expect(first != (0..<8).map { _ in c.next() })
        #expect(first != (0..<8).map { _ in d.next() })
    }

    @Test func `uniform numbers have the mean, variance and range of uniform numbers`() {
        // Over neighbouring streams, as crops use them: one number from each of 40,000 keys.
        let values = (0..<40_000).map { key -> Double in
            var stream = RandomStream(seed: 3, .crop, key / 10, key % 10)
            return stream.unit()
        }
        let mean = values.reduce(0, +) / 40_000
        let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 40_000
        // Five standard errors.
        #expect(abs(mean - 0.5) < 5 * 0.2887 / 200)
        #expect(abs(variance - 1.0 / 12) < 5 * 0.0745 / 200)
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    }

    @Test func `whole numbers are evenly spread and shuffles keep their elements`() {
        var stream = RandomStream(seed: 9, .order)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[stream.integer(below: 7)] += 1 }
        let chi = counts.map { Double(($0 - 10_000) * ($0 - 10_000)) / 10_000 }.reduce(0, +)
        // 0.9999 quantile of chi squared with 6 degrees of freedom.
        #expect(chi < 27.9)
        var items = Array(0..<50)
        stream.shuffle(&items)
        #expect(items != Array(0..<50))
        #expect(items.sorted() == Array(0..<50))
    }
}

struct IndexPermutationTests {
    @Test(arguments: [1, 2, 3, 5, 63, 64, 65, 1000, 4097])
    func `every index comes exactly once`(count: Int) {
        for key: UInt64 in 0..<8 {
            let order = IndexPermutation(count: count, key: key)
            #expect(Set((0..<count).map { order[$0] }) == Set(0..<count), "key \(key)")
        }
    }

    @Test func `the first place is uniform over keys`() {
        var counts = [Int](repeating: 0, count: 10)
        for key: UInt64 in 0..<20_000 {
            counts[IndexPermutation(count: 10, key: RandomStream.mixed(key))[0]] += 1
        }
        let chi = counts.map { Double(($0 - 2000) * ($0 - 2000)) / 2000 }.reduce(0, +)
        // 0.9999 quantile of chi squared with 9 degrees of freedom.
        #expect(chi < 33.7)
    }

    @Test func `a huge permutation costs no memory and stays in range`() {
        let order = IndexPermutation(count: 1 << 40, key: 5)
        let places = (0..<1000).map { order[$0 << 20] }
        #expect(Set(places).count == 1000)
        #expect(places.allSatisfy { $0 >= 0 && $0 < 1 << 40 })
    }
}

struct TileSamplerTests {
    @Test func `with equal weights every tile comes once per epoch`() throws {
        let sampler = try TileSampler(source: WaveTiles(tileCount: 30), subset: nil, seed: 4, batch: 10)
        for epoch in 0..<5 {
            var seen: [Int] = []
            for step in 3 * epoch..<3 * epoch + 3 {
                seen += try sampler.ids(step: step)
            }
            #expect(seen.sorted() == Array(0..<30), "epoch \(epoch)")
            #expect(seen != Array(0..<30))
        }
        #expect(try sampler.ids(step: 0) != sampler.ids(step: 3))
    }

    @Test func `a subset gives its own tiles alone`() throws {
        let sampler = try TileSampler(source: WaveTiles(), subset: "even", seed: 1, batch: 10)
        let seen = try (0..<2).flatMap { try sampler.ids(step: $0) }
        #expect(seen.sorted() == (0..<20).map { 2 * $0 })
    }

    @Test func `tiles come in proportion to their weights and never with weight 0`() throws {
        let weights: [Float] = [0, 1, 2, 5]
        let source = WaveTiles(tileCount: 4, tileWeights: weights)
        let sampler = try TileSampler(source: source, subset: nil, seed: 2, batch: 40)
        var counts = [Int](repeating: 0, count: 4)
        for step in 0..<1000 { for id in try sampler.ids(step: step) { counts[id] += 1 } }
        #expect(counts[0] == 0)
        for id in 1...3 {
            let expected = 40_000 * Double(weights[id]) / 8
            #expect(abs(Double(counts[id]) - expected) < 5 * expected.squareRoot(), "tile \(id)")
        }
    }

    @Test func `weights that make no sense are refused`() {
        func code(_ weights: [Float]) -> TrainingError.Code? {
            let source = WaveTiles(tileCount: weights.count, tileWeights: weights)
            return #expect(throws: TrainingError.self) {
                try TileSampler(source: source, subset: nil, seed: 0, batch: 2)
            }?.code
        }
        #expect(code([]) == .badSource)
        #expect(code([0, 0]) == .badSource)
        #expect(code([1, -1]) == .badSource)
        #expect(code([1, .nan]) == .badSource)
        #expect(code([1e9] + [Float](repeating: 1e-3, count: 5000)) == .badSource)
    }
}

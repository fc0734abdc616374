// Windows on the endless lattice and their weights.
import Geo
import Mapping
import Scenes
import Telemetry
import Testing

struct WindowLatticeTests {
    @Test(arguments: [(32, 0), (32, 1), (32, 8), (32, 16), (32, 20), (32, 31), (448, 112), (15, 7), (1, 0)])
    func `the weights of the windows that cover a pixel sum to one`(size: Int, overlap: Int) {
        let lattice = WindowLattice(windowSize: size, overlap: overlap)
        let weights = lattice.weights()
        for pixel in -3 * size...3 * size {
            let covering = lattice.indices(from: pixel, length: 1)
            #expect(!covering.isEmpty)
            let sum = covering.reduce(0.0) { $0 + weights[pixel - $1 * lattice.stride] }
            #expect(abs(sum - 1) < 1e-12, "pixel \(pixel): \(sum)")
        }
    }

    @Test func `a weight rises as a squared sine over the overlap and is one between`() {
        let weights = WindowLattice(windowSize: 10, overlap: 4).weights()
        // sin^2(pi/2 (k + 1/2) / 4)
        let ramp = [
            0.038_060_233_744_356_62, 0.308_658_283_817_455_1, 0.691_341_716_182_544_9, 0.961_939_766_255_643_4,
        ]
        for (place, expected) in ramp.enumerated() {
            #expect(abs(weights[place] - expected) < 1e-12)
            #expect(abs(weights[9 - place] - expected) < 1e-12)
        }
        #expect(weights[4] == 1 && weights[5] == 1)
    }

    @Test func `exactly the windows that share a pixel are named`() {
        let lattice = WindowLattice(windowSize: 32, overlap: 8)
        for start in -80...80 {
            for length in [1, 5, 32, 70] {
                let named = Set(lattice.indices(from: start, length: length))
                let expected = Set((-20...20).filter { $0 * 24 < start + length && $0 * 24 + 32 > start })
                #expect(named == expected, "from \(start), \(length) pixels")
            }
        }
        #expect(lattice.indices(from: 5, length: 0).isEmpty)
    }
}

struct PixelLatticeTests {
    let lattice = PixelLattice(crs: CoordinateReferenceSystem("EPSG:32633"), pixelSize: 0.6)

    @Test func `a grid starts at whole multiples of the pixel size`() throws {
        let window = try #require(
            lattice.window(covering: Bounds(minX: 500_000.1, minY: 4_999_990.05, maxX: 500_007.3, maxY: 5_000_000.3)))
        let grid = lattice.grid(of: window)
        #expect(grid.transform.originX == Double(window.column) * 0.6)
        #expect(grid.transform.originY == -Double(window.row) * 0.6)
        #expect(grid.bounds.minX <= 500_000.1 && grid.bounds.maxX >= 500_007.3)
        #expect(grid.bounds.minY <= 4_999_990.05 && grid.bounds.maxY >= 5_000_000.3)
        #expect(grid.width == 13 && grid.height == 18)
    }

    @Test func `an edge on a pixel's edge adds no pixel, however it was rounded`() throws {
        let exact = Bounds(minX: 600_000, minY: 5_000_000.4, maxX: 600_006, maxY: 5_000_001)
        #expect(lattice.window(covering: exact)?.width == 10)
        #expect(lattice.window(covering: exact.expanded(by: 1e-7))?.width == 10)
        #expect(lattice.window(covering: exact.expanded(by: -1e-7))?.width == 10)
    }

    @Test func `bounds that are empty, not finite or too far away have no window`() {
        #expect(lattice.window(covering: Bounds(minX: 5, minY: 5, maxX: 5, maxY: 5)) == nil)
        #expect(lattice.window(covering: Bounds(minX: 0, minY: 0, maxX: .infinity, maxY: 5)) == nil)
        #expect(lattice.window(covering: Bounds(minX: 0, minY: 0, maxX: .nan, maxY: 5)) == nil)
        #expect(lattice.window(covering: Bounds(minX: 0, minY: 0, maxX: 1e30, maxY: 5)) == nil)
    }

    @Test func `four digits keep four digits`() {
        #expect(fourDigits(1.203_72) == 1.204)
        #expect(fourDigits(12_345.6) == 12350)
        #expect(fourDigits(0.000_123_456) == 0.000_123_5)
    }
}

struct StripAccumulatorTests {
    @Test func `a constant comes back as itself, from every overlap and wherever the block lies`() {
        for overlap in [0, 5, 16, 20] {
            let lattice = WindowLattice(windowSize: 32, overlap: overlap)
            let block = PixelWindow(column: -17, row: 41, width: 75, height: 90)
            var sums = StripAccumulator(block: block, bands: 1, weights: lattice.weights())
            var rows = 0
            for j in lattice.indices(from: block.row, length: block.height) {
                for i in lattice.indices(from: block.column, length: block.width) {
                    sums.add(
                        window: lattice.window(LatticeIndex(i: i, j: j)),
                        values: [Float](repeating: 12.3, count: 1024), validity: nil)
                }
                sums.take(upTo: (j + 1) * lattice.stride - block.row) { row, values, covered in
                    #expect(row == rows)
                    rows += 1
                    #expect(values.allSatisfy { Float($0) == 12.3 })
                    #expect(covered.allSatisfy { $0 })
                }
            }
            #expect(rows == 90)
        }
    }

    @Test func `rows that no window reached are not covered`() {
        var sums = StripAccumulator(
            block: PixelWindow(column: 0, row: 0, width: 4, height: 6), bands: 2,
            weights: WindowLattice(windowSize: 2, overlap: 0).weights())
        sums.add(
            window: PixelWindow(column: 2, row: 2, width: 2, height: 2),
            values: [1, 2, 3, 4, 10, 20, 30, 40], validity: [true, false, true, true])
        var covered: [[Bool]] = []
        var values: [[Double]] = []
        sums.take(upTo: 99) { _, sums, flags in
            covered.append(flags)
            values.append(sums)
        }
        #expect(covered.count == 6)
        #expect(covered[2] == [false, false, true, false] && covered[3] == [false, false, true, true])
        #expect(covered[1] == [false, false, false, false] && covered[5] == covered[1])
        #expect(values[3] == [0, 0, 3, 4, 0, 0, 30, 40])
    }
}

struct WindowBatcherTests {
    @Test func `batches have one shape, places follow from the lattice, answers come in order`() throws {
        var seen: [LatticeIndex] = []
        let predictor = ClosurePredictor.identity(windowSize: 4)
        let batcher = WindowBatcher(predictor: predictor, batchSize: 5) { index, values, _ in
            #expect(values[0] == Float(UInt8(truncatingIfNeeded: index.i * 16 + index.j)))
            seen.append(index)
        }
        var added: [LatticeIndex] = []
        // An area with a ragged edge, and negative numbers.
        for j in -4..<9 {
            for i in -3..<(j % 3 == 0 ? 1 : 9) {
                let index = LatticeIndex(i: i, j: j)
                added.append(index)
                let pixel = UInt8(truncatingIfNeeded: i * 16 + j)
                try batcher.add(
                    index,
                    PixelBuffer(bands: 3, height: 4, width: 4, samples: .uint8([UInt8](repeating: pixel, count: 48))))
            }
        }
        try batcher.flush()
        #expect(seen == added)
        #expect(predictor.batchSizes == [5])
        #expect(batcher.windows == added.count)
        #expect(batcher.firstUndelivered == nil)
        // Nearly full: less than a third of the places are padding even at this size.
        #expect(predictor.padded * 3 < batcher.calls * 5)
        #expect(predictor.slots.count == added.count)
        for slots in predictor.slots.values { #expect(slots.count == 1) }
    }

    @Test func `an answer of another shape or without a number is refused`() throws {
        let input = PixelBuffer(bands: 3, height: 4, width: 4, samples: .uint8([UInt8](repeating: 0, count: 48)))
        let spoiled = ClosurePredictor(windowSize: 4) { _, _ in [Float](repeating: .nan, count: 16) }
        let batcher = WindowBatcher(predictor: spoiled, batchSize: 1) { _, _, _ in }
        #expect { try batcher.add(LatticeIndex(i: 3, j: 4), input) } throws: { error in
            let error = error as? MappingError
            return error?.code == .badPrediction && error?.what.contains("not finite in window 3, 4") == true
        }
    }
}

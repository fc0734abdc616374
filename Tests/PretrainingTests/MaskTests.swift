// Block masks and their collation, spec 6.3, 6.4 and vector T13.
import Pretraining
import Testing
import Training

struct MaskTests {
    @Test func `the largest block is half the patches of the reference's sizes`() {
        #expect(BlockMask(size: 224, patch: 16).largestBlock == 98)
        #expect(BlockMask(size: 256, patch: 16).largestBlock == 128)
        #expect(BlockMask(size: 512, patch: 16).largestBlock == 512)
    }

    @Test func `a mask hides exactly as many patches as asked`() {
        for seed: UInt64 in 0..<200 {
            var stream = RandomStream(seed: seed, .masks)
            #expect(
                BlockMask(size: 224, patch: 16).mask(hidden: 40, &stream).count { $0 } == 40, "seed \(seed)")
            let hidden = stream.integer(below: 37)
            #expect(
                BlockMask(size: 48, patch: 8).mask(hidden: hidden, &stream).count { $0 } == hidden,
                "seed \(seed)")
        }
    }

    @Test func `masks are blocks and not dust`() {
        // Of 98 hidden patches on 14 x 14, dust would have 0.5 of its neighbour pairs alike; blocks have far more.
        var alike = 0
        var pairs = 0
        for seed: UInt64 in 0..<50 {
            var stream = RandomStream(seed: seed, .masks)
            let mask = BlockMask(size: 224, patch: 16).mask(hidden: 98, &stream)
            for row in 0..<14 {
                for column in 0..<13 {
                    alike += mask[row * 14 + column] == mask[row * 14 + column + 1] ? 1 : 0
                    pairs += 1
                }
            }
        }
        #expect(Double(alike) / Double(pairs) > 0.7)
    }

    @Test func `half the crops are masked with shares spread to the end of the range`() {
        var stream = RandomStream(seed: 5, .masks, 0)
        let batch = MaskBatch(
            generator: BlockMask(size: 224, patch: 16), crops: 8, share: 0.5, ratio: [0.1, 0.5], &stream)
        let counts = batch.masks.map { $0.count { $0 } }
        // linspace(0.1, 0.5, 5) = 0.1 0.2 0.3 0.4 0.5, the first left out, of 196 patches.
        #expect(counts.sorted() == [0, 0, 0, 0, 39, 58, 78, 98])
        #expect(counts != counts.sorted())
        #expect(batch.indices.count == 39 + 58 + 78 + 98)
        #expect(batch.indices == batch.indices.sorted())
        for (index, weight) in zip(batch.indices, batch.weights) {
            #expect(batch.masks[index / 196][index % 196])
            #expect(weight == 1 / Float(counts[index / 196]))
        }
    }

    @Test func `no share means no mask`() {
        var stream = RandomStream(seed: 5, .masks, 0)
        let batch = MaskBatch(
            generator: BlockMask(size: 48, patch: 8), crops: 6, share: 0, ratio: [0.1, 0.5], &stream)
        #expect(batch.indices.isEmpty && batch.weights.isEmpty)
        #expect(batch.masks.allSatisfy { !$0.contains(true) })
    }
}

// The crops of one step, ready to become tensors.

/// Float samples in memory that nobody writes to once the batch is handed over.
package final class CropStorage: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let count: Int

    /// Takes memory without filling it: every crop is written before the batch is handed over, or the batch is refused.
    package init(count: Int) {
        self.count = count
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
        base = bytes.bindMemory(to: Float.self, capacity: count)
    }

    deinit { base.deallocate() }

    /// A copy of the samples.
    package var values: [Float] { withExtendedLifetime(self) { Array(UnsafeBufferPointer(start: base, count: count)) } }
}

/// All crops of one step, crop-major: first crops of all tiles, then second crops, and so on.
package struct CropBatch: Sendable {
    /// The step, from 0.
    package let step: Int
    /// The tile of each sample.
    package let ids: [Int]
    /// `[2 * batch, bands, size, size]`, normalised.
    package let global: CropStorage
    /// `[count * batch, bands, size, size]`, normalised.
    package let local: CropStorage
}

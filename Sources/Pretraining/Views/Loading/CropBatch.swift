// The crops of one step, ready to become tensors.
import Glibc
internal import Telemetry

/// Float samples in memory that nobody writes to once the batch is handed over.
package final class CropStorage: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let count: Int

    /// Takes memory without filling it: every crop is written before the batch is handed over, or the batch is refused.
    ///
    /// - Throws: `noMemory` where the machine does not give as much; the sizes are the user's.
    package init(count: Int) throws {
        self.count = count
        var bytes: UnsafeMutableRawPointer?
        guard posix_memalign(&bytes, 64, max(64, 4 * count)) == 0, let bytes else {
            throw PretrainingError(
                .noMemory, "the crops of one step need \(4 * count / 1_000_000) MB, which the machine does not have",
                in: "data.batch_size", try: "lower data.batch_size, crops.global.size or crops.local in the recipe")
        }
        base = bytes.bindMemory(to: Float.self, capacity: count)
    }

    deinit { free(base) }

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
    /// The global crops for the Gram teacher, `[2 * batch, bands, larger size, larger size]`, normalised; `nil` where there are none.
    package let larger: CropStorage?

    package init(step: Int, ids: [Int], global: CropStorage, local: CropStorage, larger: CropStorage? = nil) {
        self.step = step
        self.ids = ids
        self.global = global
        self.local = local
        self.larger = larger
    }
}

// Calls the predictor with batches of one shape, each window always in the same place of its batch.
package import Geo
package import Scenes
internal import Telemetry

/// The id of an empty place of a batch, in what the predictor is given.
public let paddingID = Int.min

/// Groups windows into batches of a fixed size and gives the predictions back in lattice order.
///
/// A matrix product may round differently for different shapes, and for different places in a batch. So the shape
/// is fixed (empty places hold zeros), and a window's place is a function of the lattice alone: `(i + j) mod batchSize`. The
/// diagonal spreads the windows of an area of any width evenly over the places, so batches are nearly full.
package final class WindowBatcher {
    /// A window that waits for its prediction.
    package struct Pending {
        let index: LatticeIndex
        let input: PixelBuffer
        let sequence: Int
    }

    private let predictor: any RasterModel
    private let batchSize: Int
    private let empty: PixelBuffer
    private var queues: [[Pending]]
    private var waiting: [Int: (window: Pending, output: [Float])] = [:]
    private var pending = 0
    private var nextIn = 0
    private var nextOut = 0
    private let deliver: (LatticeIndex, [Float], [Bool]?) throws -> Void
    /// Windows predicted so far, without padding.
    package private(set) var windows = 0
    /// Calls of the predictor so far.
    package private(set) var calls = 0

    /// Makes a batcher.
    ///
    /// - Parameter deliver: Takes each window's index, prediction `[band, row, column]` and input validity, in the order added.
    package init(
        predictor: any RasterModel, batchSize: Int,
        deliver: @escaping (LatticeIndex, [Float], [Bool]?) throws -> Void
    ) {
        self.predictor = predictor
        self.batchSize = batchSize
        self.deliver = deliver
        let size = predictor.windowSize
        let bands = predictor.layout.bands.count
        empty = PixelBuffer(
            bands: bands, height: size, width: size,
            samples: zeros(predictor.layout.sampleType, count: bands * size * size),
            validity: [Bool](repeating: false, count: size * size))
        queues = [[Pending]](repeating: [], count: batchSize)
    }

    /// The index of the first window that was added but not delivered; `nil` where none waits.
    package var firstUndelivered: LatticeIndex? {
        let queued = queues.compactMap(\.first).min { $0.sequence < $1.sequence }
        let held = waiting.keys.min().flatMap { waiting[$0]?.window }
        return [queued, held].compactMap { $0 }.min { $0.sequence < $1.sequence }?.index
    }

    /// Adds the next window in lattice order; may call the predictor.
    package func add(_ index: LatticeIndex, _ input: PixelBuffer) throws {
        let sum = (index.i + index.j) % batchSize
        let slot = sum < 0 ? sum + batchSize : sum
        queues[slot].append(Pending(index: index, input: input, sequence: nextIn))
        nextIn += 1
        pending += 1
        if queues.allSatisfy({ !$0.isEmpty }) || queues[slot].count > 2 { try run() }
    }

    /// Predicts all windows that still wait.
    package func flush() throws {
        while pending > 0 { try run() }
    }

    private func run() throws {
        var ids: [Int] = []
        var tiles: [PixelBuffer] = []
        var taken: [Pending?] = []
        for slot in 0..<batchSize {
            let window = queues[slot].isEmpty ? nil : queues[slot].removeFirst()
            taken.append(window)
            // A window's id packs its two lattice numbers.
            ids.append(window.map { $0.index.j << 32 | $0.index.i & 0xFFFF_FFFF } ?? paddingID)
            tiles.append(window?.input ?? empty)
        }
        let outputs = try predictor.answer(TileBatch(ids: ids, tiles: tiles))
        calls += 1
        guard outputs.count == batchSize else {
            throw MappingError(
                .badPrediction, "the predictor returned \(outputs.count) windows; expected \(batchSize)")
        }
        let size = predictor.windowSize / predictor.cellSize
        let bands = predictor.blendedBands.count
        for (window, output) in zip(taken, outputs) {
            guard let window else { continue }
            guard output.bands == bands, output.height == size, output.width == size,
                case .float32(let values) = output.samples
            else {
                throw MappingError(
                    .badPrediction,
                    "the predictor returned \(output.bands) x \(output.height) x \(output.width) \(output.sampleType.rawValue); "
                        + "expected \(bands) x \(size) x \(size) float32")
            }
            // An infinite or absent number times a weight of 0 would spoil its neighbours silently.
            guard values.allSatisfy(\.isFinite) else {
                throw MappingError(
                    .badPrediction,
                    "the model predicted values that are not finite in window \(window.index.i), \(window.index.j)",
                    try: "check the scene's values with: gdalinfo -stats; if they are valid, fit the model again")
            }
            waiting[window.sequence] = (window, values)
            pending -= 1
            windows += 1
        }
        while let ready = waiting.removeValue(forKey: nextOut) {
            nextOut += 1
            try deliver(ready.window.index, ready.output, ready.window.input.validity)
        }
    }
}

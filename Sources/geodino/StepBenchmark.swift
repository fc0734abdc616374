// The benchmark of one self-supervised step: crops, teacher, student, losses, update.
import Foundation
import Geo
import Pretraining
import Telemetry
import Torch

/// Tiles of noise in memory: what a step costs does not depend on what tiles show.
private struct NoiseTiles: TileSource {
    let tileCount = 64
    let fingerprint = "noise"
    let layout: PixelLayout

    struct All: TileSet {
        let count: Int
        func id(at index: Int) -> Int { index }
    }

    func weights(_ ids: Range<Int>) throws -> [Float] { ids.map { _ in 1 } }
    func subset(named: String) throws -> any TileSet { All(count: tileCount) }
    func tiles(_ ids: [Int]) throws -> TileBatch {
        let side = layout.tileSize
        return TileBatch(
            ids: ids,
            tiles: ids.map { id in
                var state = UInt32(truncatingIfNeeded: id &* 2_654_435_761 &+ 1)
                let samples = (0..<layout.bands.count * side * side).map { _ in
                    state = state &* 1_664_525 &+ 1_013_904_223
                    return UInt8(state >> 24)
                }
                return PixelBuffer(bands: layout.bands.count, height: side, width: side, samples: .uint8(samples))
            })
    }
}

extension Benchmark {
    /// Tiles per second of full steps of ViT-S/16: 2 x 224 and 8 x 96 pixel crops, 65,536 prototypes, float32.
    func step() throws -> BenchResult {
        var recipe = try StrictYAML.decode(PretrainingRecipe.self, path: shippedDocument("recipes/sat493m-vits16.yaml"))
            .value
        let batch = command.batch ?? 4
        recipe.data.batchSize = batch
        (recipe.crops.global.size, recipe.crops.local.size, recipe.crops.local.count) = (224, 96, 8)
        recipe.data.subset = nil
        let source = NoiseTiles(
            layout: PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 256, gsd: 0.6, stretch: .none))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("geodino-bench-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var options = PretrainOptions()
        options.steps = command.runs + 1
        options.threads = command.device.tensorThreads
        options.loaderThreads = command.threads.threads
        options.device = try Device(named: command.device.device ?? "cpu")
        var times: [Double] = []
        let events = PretrainEvents(step: { times.append($0.seconds) })
        _ = try pretrain(recipe, source: source, run: folder, options: options, events: events)
        let prototypes = recipe.heads.dino.prototypes
        return BenchResult(
            name: "ssl.step", setting: "ViT-S/16 batch \(batch), 2 x 224 + 8 x 96 px, \(prototypes) prototypes",
            unit: "tiles/s",
            work: Double(batch), seconds: Array(times.dropFirst()))
    }
}

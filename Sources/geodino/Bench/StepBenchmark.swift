// The benchmark of one self-supervised step: crops, teacher, student, losses, update.
import Backbone
import Foundation
import Geo
import Glibc
import Pretraining
import Telemetry
import Torch
import Training

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
    /// Tiles per second of full steps: by default of ViT-S/16 with 2 x 224 and 8 x 96 pixel crops and 65,536 prototypes.
    func step() throws -> BenchResult {
        try Torch.load()
        if let count = command.device.tensorThreads { Torch.setThreads(count) }
        let recipe = try stepRecipe()
        let source = try noise(recipe, side: 256)
        let plan = PhasePlan(recipe)
        let work = try plan.work(source: source)[0]
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let loader = try BatchLoader(
            sampler: work.sampler, source: source, maker: work.maker, steps: 0..<command.runs + 1,
            threads: command.threads.threads ?? max(1, cores / 2))
        let device = try Device(named: command.device.device ?? "cpu")
        let learner = try catchingTorchErrors { Learner(plan, device: device) }
        let times = try timed {
            guard let batch = try loader.nextBatch() else { return }
            if let failure = try learner.step(batch).failure { throw CommandError(.badArgument, failure) }
            Torch.synchronize(device)
        }
        let (backbone, crops, batch) = (recipe.backbone, recipe.crops, recipe.data.batchSize)
        var result = BenchResult(
            name: "ssl.step",
            setting: "width \(backbone.width), depth \(backbone.depth), batch \(batch), 2 x \(crops.global.size) + "
                + "\(crops.local.count) x \(crops.local.size) px, \(recipe.heads.dino.prototypes) prototypes, "
                + (recipe.compute?.precision ?? .float32).rawValue,
            unit: "tiles/s", work: Double(batch), seconds: times)
        let cost = StepCost(recipe)
        let rate = result.median / Double(batch) * cost.operations.reduce(0) { $0 + $1.amount } / 1e9
        result.details = [
            "peak memory GB": shown(peakMemory() / 1e9, digits: 2), "GFLOP/s": shown(rate, digits: 1),
            "estimated memory GB": shown((cost.bytes + cost.hostBytes) / 1e9, digits: 2), "threads": "\(Torch.threads)",
        ]
        return result
    }

    /// The recipe that was named, or ViT-S/16 with the crops that the field measures with; with the options of the command.
    private func stepRecipe() throws -> PretrainingRecipe {
        let path = try command.recipe ?? shippedDocument("recipes/sat493m-vits16.yaml")
        var recipe = try StrictYAML.decode(PretrainingRecipe.self, path: path).value.phases[0]
        if command.recipe == nil {
            (recipe.crops.global.size, recipe.crops.local.size, recipe.crops.local.count) = (224, 96, 8)
            recipe.data.batchSize = 4
            // All branches are computed, as in the programs that it is measured beside.
            recipe.backbone.dropPath = 0
        }
        recipe.data.subset = nil
        recipe.data.homogeneous = nil
        recipe.crops.otherSizes = nil
        // A teacher that lies somewhere costs what one of the run's own does.
        if recipe.gram != nil, recipe.gram?.teacher != .present { recipe.gram?.teacher = .grown }
        recipe.gram?.earlierStep = nil
        recipe.gram?.from = nil
        recipe.start = nil
        recipe.steps = command.runs + 1
        if let batch = command.batch {
            recipe.data.batchSize = batch
            recipe.data.accumulate = nil
            if let group = recipe.data.group, batch % group != 0 { recipe.data.group = nil }
            if let group = recipe.losses.koleoGroup, batch % group != 0 { recipe.losses.koleoGroup = nil }
        }
        // A processor computes bfloat16 a hundred times as slowly.
        if command.device.device ?? "cpu" == "cpu" { recipe.compute?.precision = nil }
        if let depth = command.depth { recipe.backbone.depth = depth }
        try recipe.validate()
        return recipe
    }

    private func noise(_ recipe: PretrainingRecipe, side: Int) throws -> NoiseTiles {
        let rgb = BandInfo.rgb
        let bands = (0..<recipe.backbone.channels).map { $0 < 3 ? rgb[$0] : BandInfo(name: "band\($0 + 1)") }
        return NoiseTiles(
            layout: PixelLayout(bands: bands, sampleType: .uint8, tileSize: side, gsd: 0.6, stretch: .none))
    }

    /// Crops per second of one core: 2 x 224 and 8 x 96 pixels out of tiles of 512, as decoded.
    func crops() throws -> BenchResult {
        let recipe = try stepRecipe()
        let source = try noise(recipe, side: 512)
        let maker = try CropMaker(recipe: recipe, layout: source.layout)
        let tiles = try source.tiles(Array(0..<16)).tiles
        let count = 2 + recipe.crops.local.count
        let samples = 2 * maker.globalSamples + recipe.crops.local.count * maker.localSamples
        let target = UnsafeMutablePointer<Float>.allocate(capacity: max(samples + 2 * maker.gramSamples, 1))
        defer { target.deallocate() }
        let local = target + 2 * maker.globalSamples
        var used: [Double] = []
        var step = 0
        _ = try timed {
            let start = processorTime()
            for (sample, tile) in tiles.enumerated() {
                try maker.crops(
                    of: tile, step: step, sample: sample, global: { target + $0 * maker.globalSamples },
                    local: { local + $0 * maker.localSamples }, larger: { target + samples + $0 * maker.gramSamples })
            }
            used.append(processorTime() - start)
            step += 1
        }
        return BenchResult(
            name: "crops",
            setting:
                "2 x \(recipe.crops.global.size) + \(recipe.crops.local.count) x \(recipe.crops.local.size) px of 512",
            unit: "crops/s per core", work: Double(count * tiles.count), seconds: Array(used.dropFirst()))
    }
}

/// Seconds that this thread has computed.
private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// The most memory that this process has held, in bytes.
func peakMemory() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) * 1024
}

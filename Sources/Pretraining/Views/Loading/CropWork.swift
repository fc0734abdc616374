// Where the tiles of a step come from, and what is cut out of them.
package import Geo
internal import Telemetry
package import Training

/// Reads the tiles of one kind of step and makes their crops.
package struct CropWork: SampleWork {
    package let sampler: TileSampler
    package let maker: CropMaker
    private let source: any TileSource

    package static let sampleName = "tile"
    package static var sampleRemedy: String { "check the tiles with: \(UserAction.verifyCorpus(nil))" }
    package let samples: Range<Int>
    private var batch: Int { samples.count }

    package init(sampler: TileSampler, maker: CropMaker, source: any TileSource, ranks: Ranks = .single) {
        self.sampler = sampler
        self.maker = maker
        self.source = source
        samples = ranks.samples(of: sampler.batch)
    }

    /// The crops of one step.
    package struct Storage: Sendable {
        let global: CropStorage
        let local: CropStorage
        let larger: CropStorage?
    }

    package func storage() throws -> Storage {
        Storage(
            global: try CropStorage(count: 2 * batch * maker.globalSamples),
            local: try CropStorage(count: maker.recipe.local.count * batch * maker.localSamples),
            larger: maker.gram == nil ? nil : try CropStorage(count: 2 * batch * maker.gramSamples))
    }

    package func id(step: Int, sample: Int) throws -> Int { try sampler.id(step: step, sample: sample) }

    package func make(_ id: Int, step: Int, sample: Int, place: Int, in storage: Storage) throws {
        let tiles = try source.tiles([id]).tiles
        guard tiles.count == 1, let tile = tiles.first else {
            throw PretrainingError(.badSource, "requested one tile, got \(tiles.count)")
        }
        try maker.crops(
            of: tile, step: step, sample: sample,
            global: { storage.global.base + ($0 * batch + place) * maker.globalSamples },
            local: { storage.local.base + ($0 * batch + place) * maker.localSamples },
            larger: { (storage.larger ?? storage.global).base + ($0 * batch + place) * maker.gramSamples })
    }

    package func batch(step: Int, ids: [Int], _ crops: Storage) -> CropBatch {
        CropBatch(step: step, ids: ids, global: crops.global, local: crops.local, larger: crops.larger)
    }
}

extension BatchLoader<CropWork> {
    /// Starts the threads on steps that are all alike.
    package convenience init(
        sampler: TileSampler, source: any TileSource, maker: CropMaker, steps: Range<Int>, threads: Int,
        ahead: Int = 2, ranks: Ranks = .single
    ) throws {
        try self.init(
            [CropWork(sampler: sampler, maker: maker, source: source, ranks: ranks)], steps: steps, threads: threads,
            ahead: ahead
        ) { _ in 0 }
    }
}

// The kinds of steps that a plan has for the threads that load tiles.
package import Geo
package import Training

extension PhasePlan {
    /// The sampler and the crop maker of every kind of step: of each phase and size, and of homogeneous batches.
    ///
    /// - Parameter ranks: Which of a step's samples are made.
    /// - Throws: `badSource` where a part of the corpus is not there or its tiles do not fit the recipe.
    package func work(source: any TileSource, ranks: Ranks = .single) throws -> [CropWork] {
        var all: [CropWork] = []
        for phase in phases {
            func sampler(_ subset: String?) throws -> TileSampler {
                try TileSampler(
                    source: source, subset: subset, seed: seed, batch: phase.recipe.data.batchSize,
                    firstStep: phase.steps.lowerBound, samplesBefore: phase.samplesBefore)
            }
            let data = phase.recipe.data
            let parts = try [sampler(data.subset)] + (data.homogeneous.map { [try sampler($0.subset)] } ?? [])
            for sampler in parts {
                for size in phase.sizes {
                    all.append(
                        CropWork(
                            sampler: sampler, maker: try CropMaker(recipe: size, layout: source.layout), source: source,
                            ranks: ranks)
                    )
                }
            }
        }
        return all
    }

    /// The index of a step's kind in `work`.
    package func kind(at step: Int) -> Int {
        let phase = phase(at: step)
        let before = phases[..<phase.index].reduce(0) {
            $0 + $1.sizes.count * ($1.recipe.data.homogeneous == nil ? 1 : 2)
        }
        return before + (isHomogeneous(step) ? phase.sizes.count : 0) + size(at: step)
    }

    /// Whether all tiles of a step come from the phase's one part of the corpus: a function of the seed and the step.
    package func isHomogeneous(_ step: Int) -> Bool {
        guard let homogeneous = phase(at: step).recipe.data.homogeneous else { return false }
        var stream = RandomStream(seed: seed, .homogeneous, step)
        return stream.chance(homogeneous.probability)
    }
}

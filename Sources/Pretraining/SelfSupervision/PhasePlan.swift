// What each step of a run is: which phase, and which sizes of crops.
import Torch
internal import Training

/// The phases of a recipe laid out over the steps of a run.
package struct PhasePlan: Sendable {
    /// A phase in its place.
    package struct Phase: Sendable {
        /// Its number, from 0.
        package let index: Int
        /// Its settings.
        package let recipe: PretrainingRecipe
        /// Its steps in the run.
        package let steps: Range<Int>
        /// Number of tiles of the phases before.
        package let samplesBefore: Int
        /// Its settings at each of its sizes of crops.
        package let sizes: [PretrainingRecipe]
        /// Up to which number from 0 to 1 each size is drawn.
        fileprivate let bounds: [Double]

        /// Number of tiles up to a step of the phase.
        package func samples(before step: Int) -> Int {
            samplesBefore + (step - steps.lowerBound) * recipe.data.batchSize
        }
    }

    /// All phases, in order.
    package let phases: [Phase]
    let seed: UInt64

    /// Lays out a recipe.
    package init(_ recipe: PretrainingRecipe) {
        seed = UInt64(recipe.seed)
        var phases: [Phase] = []
        var (step, samples) = (0, 0)
        for (index, settings) in recipe.phases.enumerated() {
            var bound = 0.0
            let sizes = settings.sizes
            let bounds = sizes.map { size in
                bound += size.share
                return bound
            }
            phases.append(
                Phase(
                    index: index, recipe: settings, steps: step..<step + settings.steps, samplesBefore: samples,
                    sizes: sizes.map(\.recipe), bounds: bounds))
            step += settings.steps
            samples += settings.steps * settings.data.batchSize
        }
        self.phases = phases
    }

    /// Steps of the whole run.
    package var total: Int { phases[phases.count - 1].steps.upperBound }

    /// The phase of a step; the last one of any step after the run.
    package func phase(at step: Int) -> Phase {
        phases.first { step < $0.steps.upperBound } ?? phases[phases.count - 1]
    }

    /// Which of its phase's sizes a step has: a function of the seed and the step, so that there is nothing to save.
    package func size(at step: Int) -> Int {
        let bounds = phase(at: step).bounds
        guard bounds.count > 1 else { return 0 }
        var stream = RandomStream(seed: seed, .sizes, step)
        let drawn = stream.unit()
        return bounds.firstIndex { drawn < $0 } ?? bounds.count - 1
    }

    /// The settings of a step: its phase's at the step's sizes.
    package func recipe(at step: Int) -> PretrainingRecipe { phase(at: step).sizes[size(at: step)] }

    /// Number of tiles up to a step.
    package func samples(before step: Int) -> Int { phase(at: step).samples(before: step) }

    /// What a person may not have meant.
    func notices(device: Device) -> [String] {
        var texts: [String] = []
        for phase in phases {
            let (recipe, steps) = (phase.recipe, phase.steps.count)
            if device == .cpu, recipe.compute?.precision == .bfloat16 {
                texts.append(
                    "phase \(recipe.phase) computes in bfloat16, which is many times slower than float32 on a CPU"
                )
            }
            guard let gram = recipe.gram else { continue }
            if gram.from ?? 0 >= steps {
                texts.append(
                    "phase \(recipe.phase) ends after \(steps) steps, before its Gram anchoring starts (gram.from)")
            } else if let refresh = gram.refresh, refresh.first > steps {
                texts.append("phase \(recipe.phase) ends after \(steps) steps, before its Gram teacher is refreshed")
            }
        }
        return texts
    }
}

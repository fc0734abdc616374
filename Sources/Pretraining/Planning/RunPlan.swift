// What a run would take, for people who plan one: nothing is run.
import Backbone

/// A recipe's cost, phase by phase, and how many devices it would fill.
public struct RunPlan: Sendable {
    /// A phase, at the largest of its sizes of crops.
    public struct Phase: Sendable {
        /// What the phase is called.
        public let name: String
        /// Its steps.
        public let steps: Int
        /// Tiles per step.
        public let batch: Int
        /// Parts that they are computed in.
        public let parts: Int
        /// Sides of the crops: global, local and for the Gram teacher, as text.
        public let crops: String
        /// One step, all tiles of a part at once.
        public let cost: StepCost
        /// Operations of a mean step, over its sizes of crops.
        public let meanOperations: Double
        /// For each of `RunPlan.deviceMemory`, what is needed.
        public let fits: [Fit]
    }

    /// What it takes to hold a step on devices of one kind.
    public struct Fit: Sendable, Equatable {
        /// Memory of one device in bytes.
        public let memory: Double
        /// Fewest devices that hold it, a power of two: the batch divided among them, the state sharded; `nil` where 4096 do not.
        public let devices: Int?
        /// Most tiles at once on one device that holds the whole state; 0 where it does not.
        public let tilesOnOne: Int
    }

    /// Memory of devices people have: 16, 24, 40, 80 and 141 GB.
    public static let deviceMemory = [16e9, 24e9, 40e9, 80e9, 141e9]

    /// The phases.
    public let phases: [Phase]

    /// Reckons a valid recipe.
    public init(_ recipe: PretrainingRecipe) {
        phases = recipe.phases.map { phase in
            let sizes = phase.sizes
            let costs = sizes.map { StepCost($0.recipe) }
            let largest = costs.indices.max { costs[$0].bytes < costs[$1].bytes } ?? 0
            let shown = sizes[largest].recipe
            let gram = shown.gram?.crop.map { ", \($0.size) for the Gram teacher" } ?? ""
            return Phase(
                name: phase.phase, steps: phase.steps, batch: phase.data.batchSize, parts: phase.data.accumulate ?? 1,
                crops: "2 x \(shown.crops.global.size) + \(shown.crops.local.count) x \(shown.crops.local.size) px"
                    + gram
                    + (sizes.count > 1 ? " (the largest of \(sizes.count) sizes)" : ""),
                cost: costs[largest],
                meanOperations: zip(sizes, costs).reduce(0) {
                    $0 + $1.0.share * $1.1.operations.reduce(0) { $0 + $1.amount }
                },
                fits: Self.deviceMemory.map { Self.fit(shown, $0) })
        }
    }

    /// A tenth of a device is left for what libtorch and others take.
    private static func fit(_ recipe: PretrainingRecipe, _ memory: Double) -> Fit {
        let usable = 0.9 * memory
        let state = StepCost(recipe, batch: 2).state.reduce(0) { $0 + $1.amount }
        func perStep(_ batch: Int) -> Double { StepCost(recipe, batch: batch).perStep.reduce(0) { $0 + $1.amount } }
        let batch = recipe.data.batchSize / (recipe.data.accumulate ?? 1)
        var devices: Int?
        var count = 1
        while count <= 4096, devices == nil {
            // KoLeo needs two tiles on each.
            let share = max((batch + count - 1) / count, 2)
            if state / Double(count) + perStep(share) <= usable { devices = count }
            count *= 2
        }
        var tiles = 0
        if state + perStep(2) <= usable {
            var (low, high) = (2, 2)
            while high < 65_536, state + perStep(high) <= usable { (low, high) = (high, 2 * high) }
            while high - low > 1 {
                let middle = (low + high) / 2
                if state + perStep(middle) <= usable { low = middle } else { high = middle }
            }
            tiles = low
        }
        return Fit(memory: memory, devices: devices, tilesOnOne: tiles)
    }
}

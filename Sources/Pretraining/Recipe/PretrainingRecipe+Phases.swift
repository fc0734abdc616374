// The phases of a recipe: how a run starts, what follows, other sizes of crops.

extension PretrainingRecipe {
    /// Which weights a phase starts from.
    public enum Start: String, Codable, Sendable {
        /// Random ones.
        case random
        /// Student, teacher and optimiser continue as they are: those of the phase before, or of another run's checkpoint.
        case continued
        /// Student and teacher both start as the teacher, and the optimiser without memory, as the high-resolution phase does.
        case teacher
        /// Those of a backbone alone, in any format that weights are read in; the heads start at random.
        case backbone
    }

    /// A phase that follows another: what it does not give is as in the phase before, but for anchoring.
    public struct NextPhase: Codable, Sendable, Equatable {
        /// What the phase is called.
        public var phase: String
        /// Its length: updates of the weights.
        public var steps: Int
        /// Which weights it starts from, `continued` or `teacher`; optional, `continued` without it.
        public var start: Start?
        /// Replaces the section.
        public var data: DataSettings?
        /// Replaces the section.
        public var crops: Crops?
        /// Replaces the section.
        public var masks: Masks?
        /// Replaces the section.
        public var losses: Losses?
        /// Gram anchoring; none without it, whatever the phase before has.
        public var gram: Gram?
        /// Replaces the section.
        public var optimizer: Optimizer?
        /// Replaces the section; steps are counted from the start of the phase.
        public var schedules: Schedules?
        /// Replaces the section.
        public var compute: Compute?

        /// A phase that continues as before.
        public init(phase: String, steps: Int, start: Start? = nil) {
            self.phase = phase
            self.steps = steps
            self.start = start
        }
    }

    /// Steps of all phases together.
    public var totalSteps: Int { (then ?? []).reduce(steps) { $0 + $1.steps } }

    /// Each phase as a recipe of its own, in order.
    package var phases: [PretrainingRecipe] {
        var current = self
        current.then = nil
        var all = [current]
        for next in then ?? [] {
            current.phase = next.phase
            current.steps = next.steps
            current.start = next.start ?? .continued
            current.data = next.data ?? current.data
            current.crops = next.crops ?? current.crops
            current.masks = next.masks ?? current.masks
            current.losses = next.losses ?? current.losses
            current.gram = next.gram
            current.optimizer = next.optimizer ?? current.optimizer
            current.schedules = next.schedules ?? current.schedules
            current.compute = next.compute ?? current.compute
            all.append(current)
        }
        return all
    }

    /// The recipe at each of its sizes of crops, with the share of the steps that have it; the sizes of `crops` come first.
    package var sizes: [(share: Double, recipe: PretrainingRecipe)] {
        let others = crops.otherSizes ?? []
        var base = self
        base.crops.otherSizes = nil
        return [(1 - others.reduce(0) { $0 + $1.share }, base)]
            + others.map { size in
                var recipe = base
                recipe.crops.global.size = size.global
                recipe.crops.local.size = size.local
                if let gram = size.gram { recipe.gram?.crop?.size = gram }
                return (size.share, recipe)
            }
    }
}

extension PretrainingRecipe.Crops {
    /// Sizes of crops that some of the steps have, spec 6.2.
    public struct Sizes: Codable, Sendable, Equatable {
        /// Share of the steps.
        public var share: Double
        /// Side of global crops in pixels.
        public var global: Int
        /// Side of local crops in pixels.
        public var local: Int
        /// Side of the larger views for the Gram teacher; needed where the recipe has such views.
        public var gram: Int?

        /// Describes sizes.
        public init(share: Double, global: Int, local: Int, gram: Int? = nil) {
            self.share = share
            self.global = global
            self.local = local
            self.gram = gram
        }
    }
}

// What pretraining writes to metrics.jsonl.

/// The lines of the log; their number, their probes and their time are added by the run.
enum PretrainMetrics {
    /// The first line: what the rest is.
    struct Head: Encodable {
        struct Timing: Encodable {
            let tensorThreads: Int
            let device: String
            let torch: String
            let program: [String: String]

            enum CodingKeys: String, CodingKey {
                case tensorThreads = "tensor_threads"
                case device, torch, program
            }
        }

        let formatVersion = 1
        let kind = "geodino pretrain"
        let recipe: PretrainingRecipe
        let corpus: String
        let tiles: Int
        /// What the weights were at the start; `nil` for random ones.
        let start: String?
        let timing: Timing

        enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
            case kind, recipe, corpus, tiles, start, timing
        }
    }

    /// Where in a plan a step is.
    struct Place {
        let phase: String
        let batch: Int
        /// Side of global crops, of local ones, and of those for the Gram teacher; `nil` where all steps have the same.
        let sizes: [Int]?
        /// Whether the tiles come from one part of the corpus; `nil` where none do.
        let isHomogeneous: Bool?
        /// Whether crops and masks come from a file of the step.
        let isReplayed: Bool

        init(_ plan: PhasePlan, step: Int, isReplayed: Bool) {
            self.isReplayed = isReplayed
            let phase = plan.phase(at: step)
            self.phase = phase.recipe.phase
            batch = phase.recipe.data.batchSize
            let recipe = plan.recipe(at: step)
            let gram = recipe.gram?.crop.map { [$0.size] } ?? []
            sizes = phase.sizes.count == 1 ? nil : [recipe.crops.global.size, recipe.crops.local.size] + gram
            isHomogeneous = phase.recipe.data.homogeneous == nil ? nil : plan.isHomogeneous(step)
        }
    }

    /// One step.
    struct Line: Encodable {
        let phase: String
        let cropSizes: [Int]?
        let homogeneous: Bool?
        let replayed: Bool?
        /// What is not finite is left out: JSON has no such numbers.
        let loss: Double?
        let dinoLocal: Double?
        let dinoGlobal: Double?
        let ibot: Double?
        let koleo: Double?
        let gram: Double?
        let gramRefreshes: Int?
        let learningRate: Double
        let weightDecay: Double
        let teacherMomentum: Double
        let teacherTemperature: Double
        let hiddenPatches: Int
        let gradientNorm: [String: Double]
        let diagnostics: Diagnostics?

        enum CodingKeys: String, CodingKey {
            case phase, homogeneous, replayed, loss
            case cropSizes = "crop_sizes"
            case dinoLocal = "dino_local"
            case dinoGlobal = "dino_global"
            case ibot, koleo, gram
            case gramRefreshes = "gram_refreshes"
            case learningRate = "learning_rate"
            case weightDecay = "weight_decay"
            case teacherMomentum = "teacher_momentum"
            case teacherTemperature = "teacher_temperature"
            case hiddenPatches = "hidden_patches"
            case gradientNorm = "gradient_norm"
            case diagnostics
        }

        init(_ result: StepResult, _ place: Place) {
            func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
            phase = place.phase
            cropSizes = place.sizes
            homogeneous = place.isHomogeneous
            replayed = place.isReplayed ? true : nil
            loss = finite(result.loss)
            dinoLocal = finite(result.dinoLocal)
            dinoGlobal = finite(result.dinoGlobal)
            ibot = finite(result.ibot)
            koleo = finite(result.koleo)
            gram = finite(result.gram)
            gramRefreshes = result.gramRefreshes
            learningRate = result.learningRate
            weightDecay = result.weightDecay
            teacherMomentum = result.momentum
            teacherTemperature = result.temperature
            hiddenPatches = result.hidden
            gradientNorm = Dictionary(uniqueKeysWithValues: result.norms.map { ($0.module, $0.norm) })
                .filter(\.value.isFinite)
            diagnostics = result.diagnostics
        }
    }
}

// A recipe: all that makes a pre-training run, but for the tiles.
public import Backbone
internal import Telemetry
public import Training

/// A complete description of a pre-training run; holds no data paths and inherits from nothing.
///
/// A recipe is one phase, or several that follow each other in one run: pre-training with DINO, iBOT and KoLeo, Gram anchoring,
/// adaptation to high resolution. A phase of its own file starts from the checkpoint of another run. Every key must be given, except
/// those said to be optional; on disk keys are in snake case.
public struct PretrainingRecipe: Codable, Sendable, Equatable {
    /// What the first phase is called, such as `pretrain`.
    public var phase: String
    /// A short name; used for run folders.
    public var name: String
    /// Seed of everything random, 0 or more.
    public var seed: Int
    /// Length of the first phase: updates of the weights.
    public var steps: Int
    /// Which weights the run starts from; optional, random ones without it.
    ///
    /// All others must be named when the run is started.
    public var start: Start?
    /// Which tiles, how many at a time, and how they are normalised.
    public var data: DataSettings
    /// The vision transformer of student and teacher.
    public var backbone: BackboneConfiguration
    /// Views of a tile.
    public var crops: Crops
    /// Hidden patches.
    public var masks: Masks
    /// Prototype heads.
    public var heads: Heads
    /// Weights of the losses.
    public var losses: Losses
    /// Gram anchoring; optional, none without it.
    public var gram: Gram?
    /// How weights are updated.
    public var optimizer: Optimizer
    /// What changes with the step.
    public var schedules: Schedules
    /// How a step is computed; optional, in single precision with all values kept without it.
    public var compute: Compute?
    /// When the run is saved.
    public var checkpoints: Checkpoints
    /// How closely the run is watched; optional, every 100 steps without it.
    public var diagnostics: DiagnosticsSettings?
    /// How energy becomes emissions; optional, as in the paper without it.
    public var energy: EnergySettings?
    /// The phases that follow; optional.
    public var then: [NextPhase]?

    /// Which tiles, how many at a time, and how they are normalised.
    public struct DataSettings: Codable, Sendable, Equatable {
        /// A named part of the corpus, such as `train`; optional, all tiles without it.
        public var subset: String?
        /// Tiles per step, 2 or more (KoLeo looks for neighbours in the batch).
        public var batchSize: Int
        /// Parts of the batch that are computed one after the other where memory is short; optional, 1 without it.
        ///
        /// Gradients are summed, and the teacher's assignments balanced over the whole batch. Without `group`, KoLeo looks for
        /// neighbours in a part, as over the images of one device.
        public var accumulate: Int?
        /// Consecutive samples that count as one device's batch in the reference: a divisor of each part, 2 or more; optional.
        ///
        /// The shares of hidden patches are spread over the crops of a group, KoLeo looks for neighbours in it (unless
        /// `losses.koleo_group` says otherwise), paths are dropped in it, and Gram anchoring of a batch is that of a group. Draws
        /// then follow from (seed, step, group), and those of positions from (seed, step, kind of crop), so that they do not depend
        /// on `accumulate`. Without it, masks are spread over the whole batch, and the others are of a part.
        public var group: Int?
        /// Batches that come from one part of the corpus alone; optional, none without it.
        public var homogeneous: Homogeneous?
        /// Mean of each band on the scale 0 to 1.
        public var mean: [Double]
        /// Standard deviation of each band on the scale 0 to 1, above 0.
        public var std: [Double]

        enum CodingKeys: String, CodingKey {
            case subset, accumulate, group, homogeneous, mean, std
            case batchSize = "batch_size"
        }

        /// Batches that come from one part of the corpus alone, as a tenth of the paper's come from one data set.
        public struct Homogeneous: Codable, Sendable, Equatable {
            /// The part's name.
            public var subset: String
            /// Share of the steps, 0 to 1.
            public var probability: Double

            /// Describes such batches.
            public init(subset: String, probability: Double) {
                self.subset = subset
                self.probability = probability
            }
        }
    }

    /// Views of a tile, spec 6.1.
    public struct Crops: Codable, Sendable, Equatable {
        /// The two large views, which the teacher sees too.
        public var global: Global
        /// The small views, which only the student sees.
        public var local: Local
        /// Sizes that some of the steps have in place of these; optional, none without it.
        public var otherSizes: [Sizes]?
        /// Least and greatest width over height of the part that is cut.
        public var aspect: [Double]
        /// Probability of mirroring left and right.
        public var horizontalFlip: Double
        /// Probability of mirroring top and bottom; imagery from above has no upright.
        public var verticalFlip: Double
        /// Whether crops are turned by a random multiple of 90 degrees.
        public var quarterTurns: Bool
        /// Changes of brightness, contrast, saturation and hue.
        public var jitter: Jitter
        /// Probability of losing colour.
        public var grayscale: Double
        /// Gaussian blur.
        public var blur: Blur
        /// Probability that the second global crop is solarised at threshold 128 of 255.
        public var solarize: Double

        /// The two large views.
        public struct Global: Codable, Sendable, Equatable {
            /// Side in pixels; a multiple of the patch size.
            public var size: Int
            /// Least and greatest share of the tile's area.
            public var scale: [Double]
        }

        /// The small views.
        public struct Local: Codable, Sendable, Equatable {
            /// Number of views, 1 or more.
            public var count: Int
            /// Side in pixels; a multiple of the patch size.
            public var size: Int
            /// Least and greatest share of the tile's area.
            public var scale: [Double]
        }

        /// Changes of colour, in random order.
        public struct Jitter: Codable, Sendable, Equatable {
            /// Probability that a crop is changed at all.
            public var probability: Double
            /// Factors are drawn from 1 - this to 1 + this; at least 0.
            public var brightness: Double
            /// As `brightness`.
            public var contrast: Double
            /// As `brightness`.
            public var saturation: Double
            /// Greatest turn of the hue circle, 0 to 0.5.
            public var hue: Double
        }

        /// Gaussian blur of nine taps, by its probability for each kind of crop.
        ///
        /// These are the probabilities that take effect. The reference's settings of 1.0, 0.1 and 0.5 are applied inverted there:
        /// the released models saw blur with 0, 0.9 and 0.5, which is what its users should write here.
        public struct Blur: Codable, Sendable, Equatable {
            /// Probability for the first global crop.
            public var firstGlobal: Double
            /// Probability for the second global crop.
            public var secondGlobal: Double
            /// Probability for local crops.
            public var local: Double
            /// Least and greatest standard deviation in pixels.
            public var sigma: [Double]

            enum CodingKeys: String, CodingKey {
                case local, sigma
                case firstGlobal = "first_global"
                case secondGlobal = "second_global"
            }
        }

        enum CodingKeys: String, CodingKey {
            case global, local, aspect, jitter, grayscale, blur, solarize
            case otherSizes = "other_sizes"
            case horizontalFlip = "horizontal_flip"
            case verticalFlip = "vertical_flip"
            case quarterTurns = "quarter_turns"
        }
    }

    /// Hidden patches, spec 6.4.
    public struct Masks: Codable, Sendable, Equatable {
        /// Share of the global crops that get a mask.
        public var share: Double
        /// Least and greatest share of patches hidden in such a crop.
        public var ratio: [Double]
    }

    /// The two prototype heads, spec 4.
    public struct Heads: Codable, Sendable, Equatable {
        /// The head on class tokens.
        public var dino: Head
        /// The head on patch tokens.
        public var ibot: Head
    }

    /// A prototype head's sizes.
    public struct Head: Codable, Sendable, Equatable {
        /// Number of prototypes.
        public var prototypes: Int
        /// Width before the prototypes.
        public var bottleneck: Int
        /// Width of the two hidden layers.
        public var hidden: Int
    }

    /// Weights of the losses, spec 5.6.
    public struct Losses: Codable, Sendable, Equatable {
        /// Weight of DINO.
        public var dino: Double
        /// Weight of iBOT.
        public var ibot: Double
        /// Weight of KoLeo, per global crop.
        public var koleo: Double
        /// Temperature of the student's softmax.
        public var studentTemperature: Double
        /// Further weight of DINO's pairs of a local with a global crop, by the step; optional, 1 without it.
        public var localWeight: Schedule?
        /// Samples among which KoLeo looks for neighbours; optional, `data.group` without it, or else all of a step (or part of it).
        ///
        /// The reference takes those of one device, or of a few (16 in its high-resolution phase).
        public var koleoGroup: Int?
        /// Neighbours of a sample in KoLeo; optional, 1 without it.
        public var koleoNeighbours: Int?
        /// Whether KoLeo is of the first global crop alone, as the paper has it; optional, of both without it, as the code has it.
        public var koleoFirstCropOnly: Bool?

        enum CodingKeys: String, CodingKey {
            case dino, ibot, koleo
            case studentTemperature = "student_temperature"
            case localWeight = "local_weight"
            case koleoGroup = "koleo_group"
            case koleoNeighbours = "koleo_neighbours"
            case koleoFirstCropOnly = "koleo_first_crop_only"
        }
    }

    /// How weights are updated, spec 7.1.
    public struct Optimizer: Codable, Sendable, Equatable {
        /// Decay rates of AdamW's two moments.
        public var betas: [Double]
        /// How the learning rate follows the batch.
        public var scaling: LearningRateScaling
        /// Factor on the learning rate per layer below the last.
        public var layerDecay: Double
        /// Further factor on the learning rate of the patch embedding.
        public var patchEmbedRate: Double
        /// Whether class, register and mask tokens are decayed; true in the reference.
        public var decayTokens: Bool
        /// Greatest norm of the gradient, for the backbone and each head apart.
        public var clipNorm: Double
        /// Steps at the start in which the prototypes stand still.
        public var freezeLastLayerSteps: Int
        /// How many steps may follow each other whose loss or gradient is not finite; optional, 0 without it.
        ///
        /// Such a step changes nothing and is counted; one more ends the run.
        public var skipNonFinite: Int?

        enum CodingKeys: String, CodingKey {
            case betas, scaling
            case layerDecay = "layer_decay"
            case patchEmbedRate = "patch_embed_rate"
            case decayTokens = "decay_tokens"
            case clipNorm = "clip_norm"
            case freezeLastLayerSteps = "freeze_last_layer_steps"
            case skipNonFinite = "skip_non_finite"
        }
    }

    /// What changes with the step, spec 7.3.
    public struct Schedules: Codable, Sendable, Equatable {
        /// Learning rate, before scaling by the batch.
        public var learningRate: Schedule
        /// Weight decay.
        public var weightDecay: Schedule
        /// Momentum of the teacher: its weights are this much of themselves and the rest of the student.
        public var teacherMomentum: Schedule
        /// Temperature of the teacher's assignments.
        public var teacherTemperature: Schedule

        enum CodingKeys: String, CodingKey {
            case learningRate = "learning_rate"
            case weightDecay = "weight_decay"
            case teacherMomentum = "teacher_momentum"
            case teacherTemperature = "teacher_temperature"
        }
    }

    /// How a step is computed.
    public struct Compute: Codable, Sendable, Equatable {
        /// The type of products.
        public enum Precision: String, Codable, Sendable {
            /// Single precision.
            case float32
            /// Products of networks in bfloat16, weights, sums, norms and losses in single precision: for GPUs.
            case bfloat16
        }

        /// The type of products; optional, `float32` without it.
        public var precision: Precision?
        /// Whether the inner values of the student's blocks are computed again on the way back instead of being kept; optional,
        /// false without it.
        ///
        /// A third more time for most of the memory; the results are the same.
        public var recomputeBlocks: Bool?

        /// Describes how a step is computed.
        public init(precision: Precision? = nil, recomputeBlocks: Bool? = nil) {
            self.precision = precision
            self.recomputeBlocks = recomputeBlocks
        }

        enum CodingKeys: String, CodingKey {
            case precision
            case recomputeBlocks = "recompute_blocks"
        }
    }

    /// How closely the run is watched.
    public struct DiagnosticsSettings: Codable, Sendable, Equatable {
        /// Steps between looks at features and assignments, 0 for none.
        public var every: Int

        /// Looks every so many steps.
        public init(every: Int) { self.every = every }
    }

    /// Whether a step's features and assignments are looked at.
    func isDiagnosed(_ step: Int) -> Bool {
        let every = diagnostics?.every ?? 100
        return every > 0 && (step + 1) % every == 0
    }

    /// When the run is saved.
    public struct Checkpoints: Codable, Sendable, Equatable {
        /// Steps between checkpoints.
        public var every: Int
        /// Checkpoints at multiples of this many steps are kept for good, besides the last two; 0 for none.
        public var keepEvery: Int

        enum CodingKeys: String, CodingKey {
            case every
            case keepEvery = "keep_every"
        }
    }
}

extension PretrainingRecipe: RunRecipe {
    /// The same as `seed`.
    public var runSeed: Int {
        get { seed }
        set { seed = newValue }
    }

    /// The first key, in the order of the alphabet, whose value differs; `nil` where only the number of steps may differ.
    public func difference(from run: PretrainingRecipe) throws -> RecipeDifference? {
        var (mine, other) = (self, run)
        // In a run of several phases the end of the first is where the second begins.
        if (then ?? []).isEmpty, (run.then ?? []).isEmpty { (mine.steps, other.steps) = (1, 1) }
        return try RecipeDifference(from: other, to: mine)
    }

    /// Checks that one number says how long a run is.
    ///
    /// - Throws: `badRecipe` for a recipe of several phases.
    public func checkOneNumberOfSteps() throws {
        guard then?.isEmpty == false else { return }
        throw PretrainingError(
            .badRecipe, "the recipe has several phases, so one number of steps is ambiguous", in: "steps",
            try: "change the steps of each phase in the recipe, or stop earlier with \(Setting.stopAfter)")
    }
}

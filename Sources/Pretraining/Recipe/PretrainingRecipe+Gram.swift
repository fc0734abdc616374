// The part of a recipe that is about Gram anchoring.
public import Training

extension PretrainingRecipe {
    /// Gram anchoring: an earlier teacher keeps the similarities between patches from decaying, spec 5.5.
    public struct Gram: Codable, Sendable, Equatable {
        /// Which patches count.
        public enum Patches: String, Codable, Sendable {
            /// All.
            case all
            /// Those that the student does not see; over the batch.
            case masked
            /// Those that it sees; over the batch.
            case unmasked
        }

        /// Who its teacher is.
        public enum Teacher: String, Codable, Sendable {
            /// The teacher of the run as it was at a step of this phase, which the run keeps.
            case grown
            /// The teacher of the run as it was at an earlier step, in a phase before.
            case earlier
            /// Weights that are named when the run is started.
            case given
            /// The teacher of the run as it is.
            case present
        }

        /// Larger views of the global crops, which its teacher sees.
        public struct Crop: Codable, Sendable, Equatable {
            /// Side in pixels; a multiple of the patch size, at least that of global crops.
            public var size: Int
            /// Whether its colours and sharpness are left as they are.
            public var undistorted: Bool

            /// Describes a view.
            public init(size: Int, undistorted: Bool) {
                self.size = size
                self.undistorted = undistorted
            }
        }

        /// When its teacher becomes the present one.
        public struct Refresh: Codable, Sendable, Equatable {
            /// After so many steps for the first time.
            public var first: Int
            /// Steps between.
            public var every: Int
            /// How often at most; optional, always without it.
            public var most: Int?

            /// Refreshes after `first` steps and every `every` from then on, at most `most` times.
            public init(first: Int, every: Int, most: Int? = nil) {
                self.first = first
                self.every = every
                self.most = most
            }
        }

        /// Weight in the total, by the step.
        public var weight: Schedule
        /// Which patches are compared with which.
        public var level: GramLevel
        /// What becomes of negative similarities.
        public var negatives: GramNegatives
        /// Which patches count.
        public var patches: Patches
        /// Who its teacher is.
        public var teacher: Teacher
        /// With `earlier`, the number of steps that the run had done when its teacher was the one that is meant.
        public var earlierStep: Int?
        /// The step of the phase at whose start anchoring begins, and a `grown` teacher is taken; optional, 0 without it.
        ///
        /// Before, the loss is left out.
        public var from: Int?
        /// Larger views for its teacher; optional, the global crops without it.
        public var crop: Crop?
        /// When its teacher becomes the present one; optional, never without it.
        public var refresh: Refresh?

        /// Anchoring of all patches to a teacher of its own, which is taken at the start of the run and stays.
        public init(weight: Schedule, level: GramLevel = .image, negatives: GramNegatives = .kept) {
            self.weight = weight
            self.level = level
            self.negatives = negatives
            patches = .all
            teacher = .grown
        }

        /// How often its teacher was refreshed before a step of the phase, from 0; a function of the step, so that nothing has to be kept.
        func refreshes(before step: Int) -> Int {
            guard let refresh, step >= refresh.first else { return 0 }
            return min((step - refresh.first) / refresh.every + 1, refresh.most ?? .max)
        }

        enum CodingKeys: String, CodingKey {
            case weight, level, negatives, patches, teacher, from, crop, refresh
            case earlierStep = "earlier_step"
        }
    }
}

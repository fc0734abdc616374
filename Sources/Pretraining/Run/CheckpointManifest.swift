// manifest.json: what a checkpoint holds.

/// The contents of a checkpoint's `manifest.json`.
public struct CheckpointManifest: Codable, Sendable, Equatable {
    /// One file of a checkpoint.
    public struct File: Codable, Sendable, Equatable {
        /// Name within the checkpoint's folder.
        public var name: String
        /// Size in bytes.
        public var bytes: Int
        /// SHA-256, 64 hexadecimal digits.
        public var sha256: String
    }

    /// Where random numbers come from: functions of the seed and of the number of the step, so this is all their state.
    public struct Randomness: Codable, Sendable, Equatable {
        /// The recipe's seed.
        public var seed: Int
        /// The next step, from 0.
        public var nextStep: Int

        enum CodingKeys: String, CodingKey {
            case seed
            case nextStep = "next_step"
        }
    }

    /// Steps whose loss or gradient was not finite, and that were left out.
    public struct Skipped: Codable, Sendable, Equatable {
        /// In all.
        public var total = 0
        /// The last ones, without a sound one between.
        public var inARow = 0

        /// None.
        public init() {}

        enum CodingKeys: String, CodingKey {
            case total
            case inARow = "in_a_row"
        }
    }

    /// Version of the format: 1, or 2 for a recipe that programs which only know 1 would train by other rules.
    public var formatVersion: Int
    /// Number of updates done.
    public var step: Int
    /// Fingerprint of the corpus.
    public var corpus: String
    /// Random state.
    public var random: Randomness
    /// Number of tiles trained on so far, counting repeats.
    public var samples: Int
    /// Steps that were left out; `nil` where none was.
    public var skipped: Skipped?
    /// The files.
    public var files: [File]

    /// The newest version that is read and written.
    static let newestFormat = 2

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case step, corpus, random, samples, skipped, files
    }
}

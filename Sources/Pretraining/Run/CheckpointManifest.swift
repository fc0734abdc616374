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

    /// Version of the format; 1.
    public var formatVersion: Int
    /// Number of updates done.
    public var step: Int
    /// Fingerprint of the corpus.
    public var corpus: String
    /// Random state.
    public var random: Randomness
    /// Number of tiles trained on so far, counting repeats.
    public var samples: Int
    /// The files.
    public var files: [File]

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case step, corpus, random, samples, files
    }
}

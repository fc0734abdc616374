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
    /// What the run learns from.
    package var inputs: RunInputs
    /// Random state.
    public var random: Randomness
    /// Number of samples trained on so far, counting repeats.
    public var samples: Int
    /// Steps that were left out; `nil` where none was.
    public var skipped: Skipped?
    /// The files.
    public var files: [File]

    /// The newest version that is read and written.
    static let newestFormat = 2

    package init(
        formatVersion: Int, step: Int, inputs: RunInputs, random: Randomness, samples: Int, skipped: Skipped?,
        files: [File]
    ) {
        self.formatVersion = formatVersion
        self.step = step
        self.inputs = inputs
        self.random = random
        self.samples = samples
        self.skipped = skipped
        self.files = files
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case formatVersion = "format_version"
        case step, random, samples, skipped, files
    }

    /// Reads a manifest; what is not one of its own keys is an input.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        formatVersion = try container.decode(Int.self, forKey: .formatVersion)
        step = try container.decode(Int.self, forKey: .step)
        random = try container.decode(Randomness.self, forKey: .random)
        samples = try container.decode(Int.self, forKey: .samples)
        skipped = try container.decodeIfPresent(Skipped.self, forKey: .skipped)
        files = try container.decode([File].self, forKey: .files)
        inputs = try RunInputs(from: decoder, except: Set(CodingKeys.allCases.map(\.rawValue)))
    }

    /// Writes a manifest with the inputs among its keys.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(formatVersion, forKey: .formatVersion)
        try container.encode(step, forKey: .step)
        try container.encode(random, forKey: .random)
        try container.encode(samples, forKey: .samples)
        try container.encodeIfPresent(skipped, forKey: .skipped)
        try container.encode(files, forKey: .files)
        try inputs.encode(alongside: encoder)
    }
}

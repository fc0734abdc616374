// One figure of a benchmark, with all that is needed to compare it.
public import Measures

/// One score.
///
/// What is not known, or does not apply, is `nil`: `null` in JSON and empty in tables.
public struct ResultRow: Sendable, Hashable, Encodable {
    /// The benchmark, such as `eurosat`.
    public var benchmark: String
    /// The task of the benchmark; the benchmark's name again where it has one only.
    public var task: String
    /// The split that was scored.
    public var split: String
    /// The name of the protocol.
    public var protocolName: String
    /// Tells protocols apart; see `ProtocolStatement`.
    public var protocolHash: String
    /// The metric, such as `accuracy`.
    public var metric: String
    /// The score.
    public var value: Double?
    /// The lower end of its interval.
    public var low: Double?
    /// The upper end of its interval.
    public var high: Double?
    /// Number of images scored.
    public var samples: Int
    /// The seed of all that is drawn.
    public var seed: UInt64
    /// How classes were read from features, such as `knn20` or `logistic`.
    public var method: String
    /// What the features are called.
    public var model: String
    /// SHA-256 of the weights.
    public var weights: String?
    /// The share of the training split that was fitted to, such as `1.00x`.
    public var partition: String
    /// Names of the bands that the network saw.
    public var bands: String
    /// Number of classes.
    public var classCount: Int
    /// Length of a feature vector.
    public var featureLength: Int
    /// Number of samples fitted to, without those of validation.
    public var trainingSamples: Int
    /// Number of samples on which hyper-parameters were chosen.
    public var validationSamples: Int
    /// C, the inverse strength of regularisation, that validation chose.
    public var strength: Double?
    /// The learning rate that validation chose.
    public var rate: Double?
    /// The ridge that validation chose.
    public var ridge: Double?
    /// How well probabilities match how often they are right.
    public var calibration: CalibrationFigures?
    /// What is suspicious, such as a single predicted class.
    public var warning: String?
    /// Columns of torchgeo-bench that the protocol fills, such as `image_size`; in tables only.
    public var switches: [String: String] = [:]

    /// The keys of JSON.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case benchmark, task, split
        case protocolName = "protocol"
        case protocolHash = "protocol_hash"
        case metric, value, low, high, samples, seed, method, model
        case weights = "weights_sha256"
        case partition, bands
        case classCount = "classes"
        case featureLength = "feature_dim"
        case trainingSamples = "train_samples"
        case validationSamples = "validation_samples"
        case strength = "best_c"
        case rate = "best_lr"
        case ridge = "best_ridge"
        case calibrationError = "ece"
        case calibrationRootMeanSquare = "rms_ce"
        case calibrationMaximum = "mce"
        case scaledError = "ece_ts"
        case scaledRootMeanSquare = "rms_ce_ts"
        case scaledMaximum = "mce_ts"
        case temperature
        case warning
    }

    /// Makes a row; what is optional is set afterwards.
    public init(
        benchmark: String, task: String, split: String, protocolName: String, protocolHash: String, metric: String,
        samples: Int, seed: UInt64, method: String, model: String, partition: String, bands: String, classCount: Int,
        featureLength: Int, trainingSamples: Int, validationSamples: Int
    ) {
        self.benchmark = benchmark
        self.task = task
        self.split = split
        self.protocolName = protocolName
        self.protocolHash = protocolHash
        self.metric = metric
        self.samples = samples
        self.seed = seed
        self.method = method
        self.model = model
        self.partition = partition
        self.bands = bands
        self.classCount = classCount
        self.featureLength = featureLength
        self.trainingSamples = trainingSamples
        self.validationSamples = validationSamples
    }

    /// Writes all keys, `null` where nothing is known.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(benchmark, forKey: .benchmark)
        try keys.encode(task, forKey: .task)
        try keys.encode(split, forKey: .split)
        try keys.encode(protocolName, forKey: .protocolName)
        try keys.encode(protocolHash, forKey: .protocolHash)
        try keys.encode(metric, forKey: .metric)
        try keys.encode(value, forKey: .value)
        try keys.encode(low, forKey: .low)
        try keys.encode(high, forKey: .high)
        try keys.encode(samples, forKey: .samples)
        try keys.encode(seed, forKey: .seed)
        try keys.encode(method, forKey: .method)
        try keys.encode(model, forKey: .model)
        try keys.encode(weights, forKey: .weights)
        try keys.encode(partition, forKey: .partition)
        try keys.encode(bands, forKey: .bands)
        try keys.encode(classCount, forKey: .classCount)
        try keys.encode(featureLength, forKey: .featureLength)
        try keys.encode(trainingSamples, forKey: .trainingSamples)
        try keys.encode(validationSamples, forKey: .validationSamples)
        try keys.encode(strength, forKey: .strength)
        try keys.encode(rate, forKey: .rate)
        try keys.encode(ridge, forKey: .ridge)
        try keys.encode(calibration?.plain.expected, forKey: .calibrationError)
        try keys.encode(calibration?.plain.rootMeanSquare, forKey: .calibrationRootMeanSquare)
        try keys.encode(calibration?.plain.maximum, forKey: .calibrationMaximum)
        try keys.encode(calibration?.scaled?.expected, forKey: .scaledError)
        try keys.encode(calibration?.scaled?.rootMeanSquare, forKey: .scaledRootMeanSquare)
        try keys.encode(calibration?.scaled?.maximum, forKey: .scaledMaximum)
        try keys.encode(calibration?.temperature, forKey: .temperature)
        try keys.encode(warning, forKey: .warning)
    }

    /// What makes it the row that it is: a second run of the same would give it again.
    public var identity: [String] {
        [
            benchmark, task, split, protocolHash, metric, method, model, weights ?? "", partition, bands, "\(seed)",
        ]
    }
}

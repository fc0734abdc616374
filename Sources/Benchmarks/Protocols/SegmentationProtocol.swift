// A complete protocol of segmentation: two scores are comparable if their protocols are the same.
internal import Measures

/// How a frozen network is scored on a segmentation benchmark: a head is trained on its features, and predicts a class for each pixel.
///
/// `Training` says how heads are trained, which the tensor side knows.
public struct SegmentationProtocol<Training: Codable & Sendable & Equatable>: Sendable, Equatable, Codable {
    /// Its name, which comes from the document that holds it.
    public var name = ""
    /// How images become input.
    public var input: SegmentationInput
    /// The head, and how it is trained.
    public var training: Training
    /// How the classes of an image are predicted.
    public var prediction: PredictionRule
    /// How predictions become figures.
    public var scoring: SegmentationScoring

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case input, training, prediction, scoring
    }

    /// Makes a protocol; what `problems` names is refused when it is used.
    public init(
        name: String, input: SegmentationInput, training: Training, prediction: PredictionRule,
        scoring: SegmentationScoring
    ) {
        self.name = name
        self.input = input
        self.training = training
        self.prediction = prediction
        self.scoring = scoring
    }

    /// What is wrong besides the training, one sentence each; empty where nothing is.
    public var problems: [String] {
        (isProtocolName(name) ? [] : ["name is '\(name)'; expected letters, digits and hyphens"])
            + input.problems + prediction.problems(input) + scoring.problems
    }
}

/// How images become the input of a network that predicts a class for each pixel.
public struct SegmentationInput: Sendable, Hashable, Codable {
    /// Both sides are resized to this many pixels, masks by the nearest pixel; `nil` leaves images as they are.
    public var size: Int?
    /// The kernel of the resizing.
    public var kernel: InputRule.Kernel
    /// Whether the kernel grows with the reduction, so that no pixel is skipped.
    public var antialias: Bool
    /// What pixels are normalised with.
    public var normalization: Normalization

    /// Makes a rule.
    public init(size: Int?, kernel: InputRule.Kernel = .bilinear, antialias: Bool = true, normalization: Normalization)
    {
        self.size = size
        self.kernel = kernel
        self.antialias = antialias
        self.normalization = normalization
    }

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case size, kernel, antialias, normalization
    }

    /// Writes all keys, `null` where images stay as they are.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(size, forKey: .size)
        try keys.encode(kernel, forKey: .kernel)
        try keys.encode(antialias, forKey: .antialias)
        try keys.encode(normalization, forKey: .normalization)
    }

    /// What is wrong, one sentence each; empty where nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if let size, !(8...4096).contains(size) { wrong.append("input.size is \(size); expected 8 to 4096, or null") }
        if kernel == .nearest, antialias {
            wrong.append("input.antialias is true, which has no effect with the kernel nearest; expected false")
        }
        return wrong
    }
}

/// How the classes of an image's pixels are predicted.
///
/// Windows overlap; where several see a pixel their logits are averaged. Logits are brought to the size of the mask bilinearly, and the largest
/// is the class.
public struct PredictionRule: Sendable, Hashable, Codable {
    /// Side of a window in pixels; `nil` predicts a resized image as a whole.
    public var window: Int?
    /// Pixels from one window to the next; the last one of a row or a column is moved back inside the image.
    public var stride: Int?

    /// Makes a rule.
    public init(window: Int?, stride: Int?) {
        self.window = window
        self.stride = stride
    }

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case window, stride
    }

    /// Writes both keys, `null` for images as a whole.
    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(window, forKey: .window)
        try keys.encode(stride, forKey: .stride)
    }

    func problems(_ input: SegmentationInput) -> [String] {
        switch (window, stride) {
        case (nil, nil):
            return input.size == nil
                ? ["prediction.window is null, and so is input.size; images of any size need windows"] : []
        case (let window?, let stride?):
            if !(8...4096).contains(window) { return ["prediction.window is \(window); expected 8 to 4096"] }
            if !(1...window).contains(stride) {
                return ["prediction.stride is \(stride); expected 1 to the window, \(window)"]
            }
            if let size = input.size, size < window {
                return ["prediction.window is \(window), but images are resized to \(size); expected at most that"]
            }
            return []
        default: return ["prediction.window and prediction.stride go together; expected both, or null for both"]
        }
    }
}

/// How predictions of classes become figures.
public struct SegmentationScoring: Sendable, Hashable, Codable {
    /// The split that is scored.
    public var report: BenchmarkSplit
    /// How a class counts that is neither in the truth nor in the prediction.
    public var absent: AbsentClass
    /// The figures.
    public var metrics: [SegmentationMetric]
    /// How sure they are.
    public var interval: ClassificationProtocol.Interval

    /// Makes a rule.
    public init(
        report: BenchmarkSplit, absent: AbsentClass, metrics: [SegmentationMetric],
        interval: ClassificationProtocol.Interval
    ) {
        self.report = report
        self.absent = absent
        self.metrics = metrics
        self.interval = interval
    }

    /// What is wrong, one sentence each; empty where nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if report == .train { wrong.append("scoring.report is train; expected validation or test") }
        if metrics.isEmpty || Set(metrics).count < metrics.count {
            wrong.append("scoring.metrics is \(metrics.map(\.rawValue)); expected one or more, each once")
        }
        return wrong + interval.problems(in: "scoring.interval")
    }
}

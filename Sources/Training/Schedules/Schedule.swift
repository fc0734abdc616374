// A number that changes with the step: warm-up, cosine, constant.
internal import Backbone

/// A value as a function of the step, spec 7.3.
///
/// Three parts follow each other: a straight line from `start` to `peak` over `warmupSteps`, half a cosine from `peak` to `end`
/// over `cosineSteps`, then `end`. Steps count from 0. The two forms differ in their corner points only.
public struct Schedule: Codable, Sendable, Equatable {
    /// Which corner points are met.
    public enum Form: String, Codable, Sendable {
        /// The line stops one step short of `peak`, and the cosine reaches `end` (the `schedules` of DINOv3).
        case composed
        /// The line reaches `peak`, which the cosine repeats, and the cosine stops one step short of `end` (DINOv2, and the
        /// ImageNet recipe of DINOv3).
        case classic
    }

    /// Which corner points are met.
    public var form: Form
    /// Value at step 0, where there is a warm-up.
    public var start: Double
    /// Value after the warm-up.
    public var peak: Double
    /// Value after the cosine.
    public var end: Double
    /// Length of the line, 0 or more.
    public var warmupSteps: Int
    /// Length of the cosine; `nil` for all steps that are left.
    public var cosineSteps: Int?
    /// For the classic form, how much longer than its steps the cosine is drawn; `nil` or 0 for a whole one.
    ///
    /// It is cut at its steps and stretched so that the last is exactly `end`, which keeps the slope from dying out.
    public var truncateExtra: Double?

    enum CodingKeys: String, CodingKey {
        case form, start, peak, end
        case warmupSteps = "warmup_steps"
        case cosineSteps = "cosine_steps"
        case truncateExtra = "truncate_extra"
    }

    /// Makes a schedule.
    public init(
        form: Form = .composed, start: Double, peak: Double, end: Double, warmupSteps: Int,
        cosineSteps: Int? = nil,
        truncateExtra: Double? = nil
    ) {
        self.form = form
        self.start = start
        self.peak = peak
        self.end = end
        self.warmupSteps = warmupSteps
        self.cosineSteps = cosineSteps
        self.truncateExtra = truncateExtra
    }

    /// The value at a step of a run of `total` steps.
    public func value(at step: Int, of total: Int) -> Double {
        if step < warmupSteps {
            let last = form == .composed ? warmupSteps : max(warmupSteps - 1, 1)
            return start + (peak - start) * Double(step) / Double(last)
        }
        let index = step - warmupSteps
        let count = cosineSteps ?? max(total - warmupSteps, 0)
        guard index < count else { return end }
        if form == .classic, let truncateExtra, truncateExtra > 0 {
            let points = max(Int((1 + truncateExtra) * Double(count)) - 1, 1)
            let last = Self.halfCosine(Double(count - 1) / Double(points))
            guard last < 1 else { return end }
            return end + (peak - end) * (Self.halfCosine(Double(index) / Double(points)) - last) / (1 - last)
        }
        // A cosine of one composed step has no second point to reach: it stays at its first, `peak`.
        let last = form == .composed ? max(count - 1, 1) : count
        return end + (peak - end) * Self.halfCosine(Double(index) / Double(last))
    }

    /// 1 at 0, 0 at 1, half a cosine between.
    private static func halfCosine(_ share: Double) -> Double { (1 + cosine(.pi * share)) / 2 }

    /// The same schedule scaled as learning rates are, spec 7.2: the peak, and of the composed form the end too.
    ///
    /// The start is left, and so is the end of the classic form, whose scaling rule knows the base rate alone.
    public func scaled(by factor: Double) -> Schedule {
        var copy = self
        copy.peak *= factor
        if form == .composed { copy.end *= factor }
        return copy
    }
}

/// How the learning rate depends on the batch, spec 7.2.
public enum LearningRateScaling: String, Codable, Sendable {
    /// As the recipe says.
    case none
    /// Times 4 * sqrt(batch / 1024).
    case sqrt1024
    /// Times batch / 256.
    case linear256

    /// The factor for a batch summed over all ranks.
    public func factor(batch: Int) -> Double {
        switch self {
        case .none: 1
        case .sqrt1024: 4 * (Double(batch) / 1024).squareRoot()
        case .linear256: Double(batch) / 256
        }
    }
}

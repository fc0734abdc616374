// Scores of one model on one task of a benchmark, and how they are put on the scale that tasks share.

/// From which score to which a benchmark's reference models reach on a task.
public struct ScoreRange: Sendable, Hashable {
    /// The lowest score of the reference models.
    public let minimum: Double
    /// The highest score of the reference models.
    public let maximum: Double

    /// Makes a range; `nil` unless both are finite and the maximum is above the minimum.
    public init?(minimum: Double, maximum: Double) {
        guard minimum.isFinite, maximum.isFinite, minimum < maximum else { return nil }
        self.minimum = minimum
        self.maximum = maximum
    }

    /// `(score - minimum) / (maximum - minimum)`: 0 for the worst reference model and 1 for the best, below or above for others.
    public func normalised(_ score: Double) -> Double { (score - minimum) / (maximum - minimum) }
}

/// Scores of one model on one task, one of each seed.
public struct TaskScores: Sendable, Hashable, Codable {
    /// The task's name.
    public let task: String
    /// The test scores, one of each seed.
    public let scores: [Double]

    /// Names the task of scores.
    public init(task: String, scores: [Double]) {
        self.task = task
        self.scores = scores
    }

    /// The same scores on the scale of a range.
    public func normalised(by range: ScoreRange) -> TaskScores {
        TaskScores(task: task, scores: scores.map(range.normalised))
    }

    /// Tasks on the scale of their ranges; `nil` where one of the tasks has none, for the others alone are another benchmark.
    public static func normalised(_ tasks: [TaskScores], by ranges: [String: ScoreRange]) -> [TaskScores]? {
        var normalised: [TaskScores] = []
        for task in tasks {
            guard let range = ranges[task.task] else { return nil }
            normalised.append(task.normalised(by: range))
        }
        return normalised
    }
}

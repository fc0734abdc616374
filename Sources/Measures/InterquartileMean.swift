// The mean of the middle half: how GEO-Bench sums up seeds and tasks, with its intervals.

/// The interquartile mean (IQM), and its bootstrap over seeds as GEO-Bench takes it.
///
/// GEO-Bench (Lacoste et al. 2023) and the leaderboard of its second version draw 100 times and show the distribution; an interval here is
/// between its percentiles. Their random numbers are NumPy's, so that their ends differ by chance.
public enum InterquartileMean {
    /// The mean without the lowest and the highest quarter, of `floor(n / 4)` values each (`scipy.stats.trim_mean(x, 0.25)`).
    ///
    /// This is not rliable's mean, which counts parts of values: the two differ unless n is a multiple of 4.
    ///
    /// - Returns: `nil` without values, and where one of them is not finite.
    public static func of(_ values: [Double]) -> Double? {
        guard !values.isEmpty, values.allSatisfy(\.isFinite) else { return nil }
        let cut = values.count / 4
        let middle = values.sorted()[cut..<values.count - cut]
        return middle.reduce(0, +) / Double(middle.count)
    }

    /// The interval of one task's IQM over its seeds: as many as there are are drawn with replacement.
    ///
    /// - Parameters:
    ///   - scores: The scores, one of each seed.
    ///   - draws: How often seeds are drawn.
    ///   - confidence: How often intervals are to hold the truth.
    ///   - seed: The seed of the draws.
    public static func interval(
        ofSeeds scores: [Double], draws: Int = 100, confidence: Double = 0.95, seed: UInt64 = 0
    ) -> BootstrapInterval {
        interval(strata: [scores], draws: draws, confidence: confidence, seed: seed)
    }

    /// The interval of the IQM over the seeds of all tasks (stratified bootstrap).
    ///
    /// Of each task in turn, as many seeds as it has are drawn with replacement; the IQM is that of all tasks' draws together. Scores of
    /// several tasks should be on one scale: see `TaskScores.normalised(_:by:)`, which returns `nil` without a task's range.
    ///
    /// - Parameters:
    ///   - tasks: The scores; their order is part of what the draws depend on.
    ///   - draws: How often seeds are drawn.
    ///   - confidence: How often intervals are to hold the truth.
    ///   - seed: The seed of the draws.
    /// - Returns: An interval without ends where no task has two seeds, for nothing then differs between draws.
    public static func interval(
        ofTasks tasks: [TaskScores], draws: Int = 100, confidence: Double = 0.95, seed: UInt64 = 0
    ) -> BootstrapInterval {
        interval(strata: tasks.map(\.scores), draws: draws, confidence: confidence, seed: seed)
    }

    private static func interval(
        strata: [[Double]], draws: Int, confidence: Double, seed: UInt64
    ) -> BootstrapInterval {
        precondition(draws > 0, "a bootstrap has one draw or more, got \(draws)")
        precondition(confidence > 0 && confidence < 1, "a confidence must be between 0 and 1, got \(confidence)")
        let estimate = of(strata.flatMap { $0 })
        let isVaried = strata.contains { $0.count > 1 }
        var drawn: [Double] = []
        if estimate != nil, isVaried {
            var stream = SeededStream(seed: seed)
            for _ in 0..<draws {
                let pool = strata.flatMap { scores in scores.indices.map { _ in scores[stream.below(scores.count)] } }
                if let mean = of(pool) { drawn.append(mean) }
            }
            drawn.sort()
        }
        let tail = (1 - confidence) / 2
        return BootstrapInterval(
            estimate: estimate, low: Quantile.linear(tail, sorted: drawn),
            high: Quantile.linear(1 - tail, sorted: drawn), confidence: confidence, method: .percentile,
            draws: drawn.count, undefinedDraws: 0)
    }
}

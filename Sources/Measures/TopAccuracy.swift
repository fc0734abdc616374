// Whether the truth is among the few classes that a model holds likeliest.

/// Top-k accuracy: a prediction is right where the truth is among the k classes of the highest scores.
public enum TopAccuracy {
    /// Says of each sample whether its truth is among the k classes of the highest scores.
    ///
    /// Of equal scores the class of the lower index comes first, as where the class is predicted by the first highest score. (scikit-learn
    /// takes the higher index first.) A score that is NaN counts as higher than the truth's, and a truth of such a score as missed.
    ///
    /// - Parameters:
    ///   - scores: Rows of a sample's scores, `[N, C]`.
    ///   - truths: Index of each sample's true class, `[N]`.
    ///   - classCount: C.
    ///   - k: How many classes are looked at.
    /// - Returns: `[N]`.
    public static func hits(scores: [Float], truths: [Int], classCount: Int, k: Int) -> [Bool] {
        precondition(classCount > 0 && k > 0, "there are one class and one place or more, got \(classCount) and \(k)")
        precondition(
            scores.count == truths.count * classCount,
            "\(scores.count) scores are not \(truths.count) rows of \(classCount)")
        return truths.enumerated().map { row, truth in
            precondition((0..<classCount).contains(truth), "truth \(truth) where there are \(classCount) classes")
            let first = row * classCount
            let own = scores[first + truth]
            if own.isNaN { return false }
            var before = 0
            for index in 0..<classCount where index != truth {
                let score = scores[first + index]
                if score > own || score.isNaN || score == own && index < truth { before += 1 }
            }
            return before < k
        }
    }
}

// A logistic regression at one strength after the other, each begun where the last ones point to.
internal import Torch

/// The solutions of a problem along rising strengths.
struct LogisticPath {
    private let problem: LogisticProblem
    private let precision: LogisticPrecision
    /// The weights of the last three strengths at most, in order.
    private var last: [Tensor] = []

    /// Begins a path.
    init(_ problem: LogisticProblem, precision: LogisticPrecision) {
        self.problem = problem
        self.precision = precision
    }

    /// Solves the problem at the next strength.
    ///
    /// Strengths that are evenly spaced on a logarithmic axis move the weights smoothly: the line and the parabola through the last
    /// solutions mostly come nearer to the next one than the last solution itself. The one of the three with the lowest objective is
    /// where the optimiser begins.
    mutating func next(strength: Double) -> LogisticSolution {
        let penalties = problem.penalties(strength: strength)
        var best = last.last ?? problem.start
        if last.count > 1 {
            var starts = [best, last[last.count - 1] * 2 - last[last.count - 2]]
            if last.count > 2 { starts.append((last[2] - last[1]) * 3 + last[0]) }
            var lowest = Double.infinity
            for start in starts {
                let objective = problem.objective(start, penalties: penalties)
                if objective < lowest { (best, lowest) = (start, objective) }
            }
        }
        let solution = problem.solved(from: best, strength: strength, precision: precision)
        last = last.suffix(2) + [solution.weights]
        return solution
    }
}

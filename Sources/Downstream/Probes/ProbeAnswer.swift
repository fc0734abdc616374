// What a probe says of the samples that it is tested on.

/// Predictions of a probe, and how it came to them.
package struct ProbeAnswer: Sendable, Equatable {
    /// A class, or the labels that hold, for each sample.
    package var predictions: ProbeLabels
    /// A probability for each class or label of each sample, row by row; `nil` where the probe gives none.
    ///
    /// Those of classes sum to 1; those of labels stand each for itself.
    package var probabilities: [Float]?
    /// The same for the validation samples, from the chosen probe before any refit to them; `nil` where the probe gives none.
    package var validationProbabilities: [Float]?
    /// The hyper-parameter that was chosen on validation: the strength C, the ridge, the learning rate or the number of neighbours.
    package var chosen: Double
    /// `ProbeLabels.agreement` on the validation samples, of the probe that was chosen there; `nil` where none was.
    package var validationScore: Double?
    /// Whether all that was fitted came to its optimum.
    package var converged: Bool

    /// Takes the parts.
    package init(
        predictions: ProbeLabels, probabilities: [Float]?, validationProbabilities: [Float]? = nil, chosen: Double,
        validationScore: Double? = nil, converged: Bool = true
    ) {
        self.predictions = predictions
        self.validationProbabilities = validationProbabilities
        self.probabilities = probabilities
        self.chosen = chosen
        self.validationScore = validationScore
        self.converged = converged
    }
}

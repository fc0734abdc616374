// What pixels of a benchmark are normalised with.

/// What pixels are normalised with.
public enum Normalization: String, Sendable, Codable, CaseIterable {
    /// The weights' own stretch, means and deviations.
    case weights
    /// Means and deviations of the set's bands: those that it comes with, or those of its training images.
    case set
}

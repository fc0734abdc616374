// What a run has to know of its recipe.
internal import Files

/// A recipe of a run, whatever is trained by it.
public protocol RunRecipe: Codable, Sendable, Equatable {
    /// Steps of the run, or of its first phase.
    var steps: Int { get set }
    /// The seed of all that is random.
    var runSeed: Int { get set }
    /// Checks the values.
    func validate() throws
    /// Checks that one number says how long a run is.
    func checkOneNumberOfSteps() throws
    /// The first key, in the order of the alphabet, whose value differs; `nil` where only what a resumed run may change does.
    func difference(from run: Self) throws -> RecipeDifference?
}

extension RunRecipe {
    /// It does.
    public func checkOneNumberOfSteps() throws {}

    /// Only the number of steps may differ.
    public func difference(from run: Self) throws -> RecipeDifference? {
        var (mine, other) = (self, run)
        (mine.steps, other.steps) = (1, 1)
        return try RecipeDifference(from: other, to: mine)
    }
}

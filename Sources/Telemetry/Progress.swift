// Progress of long work: events from the modules, one bar or one line from the command.

/// How far a piece of work is.
public struct Progress: Sendable {
    /// What is counted: `tiles`, `windows`, `steps`.
    public var unit: String
    /// Done so far.
    public var done: Int
    /// All there is to do; `nil` while unknown.
    public var total: Int?

    /// Makes an event.
    public init(unit: String, done: Int, total: Int?) {
        self.unit = unit
        self.done = done
        self.total = total
    }
}

/// Takes progress; an answer of `false` asks the work to stop cleanly.
public typealias ProgressHandler = @Sendable (Progress) -> Bool

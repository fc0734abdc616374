// Which of a run's processes this is, and which of a step's samples are its own.

/// The place of a process among those that train together.
///
/// The samples of a step are numbered over all processes, from 0 to the batch. Tiles, crops and masks are drawn by these numbers, never
/// by numbers within a process: two processes cannot draw the same, and a run draws the same on one process as on several. Dropped
/// paths and rotary factors do so where samples are in groups (`data.group`); without, several processes draw them as one process
/// does that accumulates as many more parts.
public struct Ranks: Sendable, Equatable {
    /// The number of this process, from 0.
    public let rank: Int
    /// Number of processes.
    public let count: Int

    /// One process that does everything.
    public static let single = Ranks(rank: 0, of: 1)

    /// Names a process.
    public init(rank: Int, of count: Int) {
        precondition(count > 0 && rank >= 0 && rank < count, "there is no process \(rank) among \(count)")
        self.rank = rank
        self.count = count
    }

    /// The samples of this process, by their numbers among all of a step; every process has as many.
    ///
    /// - Parameter batch: Samples of a step, a multiple of the number of processes.
    public func samples(of batch: Int) -> Range<Int> {
        precondition(batch % count == 0, "\(batch) samples cannot be shared out evenly to \(count) processes")
        let own = batch / count
        return rank * own..<(rank + 1) * own
    }

    /// The groups of this process, by their numbers among all of a step.
    ///
    /// - Parameter size: Samples of a group, a divisor of the samples of a process.
    public func groups(of size: Int, batch: Int) -> Range<Int> {
        let own = samples(of: batch)
        precondition(size > 0 && own.count % size == 0, "\(own.count) samples do not come in groups of \(size)")
        return own.lowerBound / size..<own.upperBound / size
    }
}

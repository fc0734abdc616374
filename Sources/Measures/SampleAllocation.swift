// How many points of the ground to look at in each class of a map.

/// Numbers of samples per stratum: as their areas are, but never fewer than it takes to know a rare class.
///
/// Olofsson et al. 2014 (Remote Sensing of Environment 148, section 5.1) advise 50 to 100 samples for each rare class and the
/// rest in proportion to area. Shares below the minimum are raised to it and the others share what is left, until all fit.
/// Whole numbers come of it by largest remainder, the first stratum first among equals, so that the same areas always give the
/// same numbers.
public struct SampleAllocation: Sendable, Hashable {
    /// Number of samples of each stratum, in the order that was given.
    public let counts: [Int]
    /// Number of samples in all.
    public var total: Int { counts.reduce(0, +) }

    /// Allocates samples.
    ///
    /// The sum is `total` unless the minimums alone ask for more, or all the pixels there are come to less. A stratum without
    /// area gets no samples.
    ///
    /// - Parameters:
    ///   - total: How many samples are asked for.
    ///   - areas: Area of each stratum, 0 or more, in any unit.
    ///   - minimum: The fewest samples of a stratum that has area.
    ///   - pixelCounts: Number of pixels of each stratum, which it never has more samples than; `nil` for no such limit.
    public init(total: Int, areas: [Double], minimum: Int, pixelCounts: [Int]? = nil) {
        precondition(total >= 0 && minimum >= 0, "no sample is negative, got \(total) in all, \(minimum) at least")
        precondition(areas.allSatisfy { $0 >= 0 && $0.isFinite }, "no stratum has a negative area, got \(areas)")
        precondition(
            pixelCounts.map { $0.count == areas.count && $0.allSatisfy { $0 >= 0 } } ?? true,
            "pixels are counted in each of \(areas.count) strata, got \(pixelCounts ?? [])")
        let most = areas.indices.map { areas[$0] > 0 ? pixelCounts?[$0] ?? Int.max : 0 }
        let least = most.map { min(minimum, $0) }
        counts = Self.rounded(Self.shares(total: total, areas: areas, least: least, most: most))
    }

    /// Shares in proportion to area, within bounds: whole numbers where a bound holds.
    private static func shares(total: Int, areas: [Double], least: [Int], most: [Int]) -> [Double] {
        var shares = areas.map { _ in 0.0 }
        var free = areas.indices.filter { least[$0] < most[$0] }
        var rest = Double(total)
        for index in areas.indices where least[index] == most[index] {
            shares[index] = Double(least[index])
            rest -= shares[index]
        }
        while !free.isEmpty {
            let area = free.reduce(0) { $0 + areas[$1] }
            var excess = 0.0
            for index in free {
                let share = max(rest, 0) * (areas[index] / area)
                shares[index] = min(max(share, Double(least[index])), Double(most[index]))
                excess += shares[index] - share
            }
            // Bounds took more than there is: whoever is at the least stays there; or less: whoever is at the most does.
            let fixed = free.filter { index in
                let share = max(rest, 0) * (areas[index] / area)
                return excess > 0 ? shares[index] > share : excess < 0 ? shares[index] < share : false
            }
            if fixed.isEmpty { break }
            rest -= fixed.reduce(0) { $0 + shares[$1] }
            free.removeAll(where: fixed.contains)
        }
        return shares
    }

    /// Whole numbers by largest remainder, with the sum that the shares have.
    private static func rounded(_ shares: [Double]) -> [Int] {
        var counts = shares.map { Int($0.rounded(.down)) }
        let sum = Int(shares.reduce(0, +).rounded())
        let order = shares.indices.sorted { a, b in
            let (left, right) = (shares[a] - Double(counts[a]), shares[b] - Double(counts[b]))
            return left == right ? a < b : left > right
        }
        for index in order.prefix(max(sum - counts.reduce(0, +), 0)) { counts[index] += 1 }
        return counts
    }
}

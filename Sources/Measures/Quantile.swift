// Quantiles of lists of numbers, as NumPy takes them by default.

/// Quantiles by linear interpolation between neighbours.
package enum Quantile {
    /// The value below which a given share of sorted values falls: at position `share * (n - 1)` (type 7 of Hyndman and Fan 1996).
    ///
    /// - Parameters:
    ///   - share: From 0 to 1.
    ///   - sorted: Values from low to high.
    /// - Returns: `nil` without values.
    package static func linear(_ share: Double, sorted: [Double]) -> Double? {
        precondition(share >= 0 && share <= 1, "a share must be between 0 and 1, got \(share)")
        guard let last = sorted.indices.last else { return nil }
        let position = share * Double(last)
        let below = min(Int(position), last)
        let above = min(below + 1, last)
        let part = position - Double(below)
        let distance = sorted[above] - sorted[below]
        // From the nearer neighbour, so that equal neighbours and the ends come out exactly.
        return part < 0.5 ? sorted[below] + distance * part : sorted[above] - distance * (1 - part)
    }
}

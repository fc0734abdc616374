// What counts as a canopy height: one rule for labels, truth, maps and probes.

/// The values, in metres, that a raster of canopy heights may hold.
///
/// Differences of surface and terrain models put bare ground a little below zero, so anything down to `lowest` is ground.
/// A value below that, or above `highest`, is a fill value, another unit or a mistake. It says nothing about the ground
/// and counts nowhere: not as a label, not in a score, and not in the mean of the pixels around it.
public struct HeightRule: Hashable, Sendable {
    /// Ground in a noisy height model, metres.
    public static let lowest = -10.0
    /// The highest canopy where nothing else is said, metres; few trees on Earth exceed it.
    public static let highest = 100.0

    /// The highest value that counts, metres.
    public var highest: Double

    /// Makes a rule; `highest` is in metres, above 0.
    public init(highest: Double = HeightRule.highest) {
        precondition(highest > 0 && highest.isFinite, "heights end above 0 m, got \(highest)")
        self.highest = highest
    }

    /// The values that count, metres.
    public var range: ClosedRange<Double> { Self.lowest...highest }

    /// The height that a value stands for, metres, with ground at 0; `nil` where it stands for none.
    @inline(__always)
    public func height(_ value: Float) -> Float? {
        value >= Float(Self.lowest) && value <= Float(highest) ? max(value, 0) : nil
    }

    /// What is left out, for messages.
    public var exclusion: String {
        func plain(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }
        return "below \(plain(Self.lowest)) m or above \(plain(highest)) m"
    }
}

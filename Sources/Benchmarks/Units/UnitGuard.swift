// Refuses images whose values are in another unit than the weights or the statistics of a set expect.
public import Geo
internal import Measures
public import Telemetry

/// Values of some images, band by band, as they are stored.
public struct ValueSample: Sendable {
    /// Names of the bands.
    public let bands: [String]
    /// The values at 1, 50 and 99 percent of each band, `[3]`.
    public let quantiles: [[Double]]
    /// Whether all values are whole numbers.
    public let isWhole: Bool
    /// How they are stored.
    public let type: StoredNumber

    /// Takes values.
    ///
    /// - Parameters:
    ///   - values: Values of each band; what is not finite does not count.
    ///   - type: How they are stored.
    public init(bands: [String], values: [[Double]], type: StoredNumber) {
        self.bands = bands
        self.type = type
        quantiles = values.map { band in
            let sorted = band.filter(\.isFinite).sorted()
            return [0.01, 0.5, 0.99].map { Quantile.linear($0, sorted: sorted) ?? 0 }
        }
        isWhole = values.allSatisfy { band in band.allSatisfy { !$0.isFinite || $0 == $0.rounded() } }
    }

    /// The largest value at 99 percent.
    public var high: Double { quantiles.map { $0[2] }.max() ?? 0 }

    /// What the values are; `nil` where that cannot be told.
    public var unit: PixelUnit? {
        PixelUnit(low: quantiles.map { $0[0] }.min() ?? 0, high: high, isWhole: isWhole, type: type)
    }

    /// The range of each band, for people.
    var ranges: [String] {
        zip(bands, quantiles).map {
            "\($0): 1 % below \(short($1[0])), half below \(short($1[1])), 1 % above \(short($1[2]))"
        }
    }
}

/// Checks the unit of a set's images.
public enum UnitGuard {
    /// Refuses values in another unit than the weights' stretch expects.
    ///
    /// - Parameters:
    ///   - place: The set.
    ///   - stretch: How values become what the weights take.
    /// - Throws: `BenchmarksError` (`badForm`) that names both ranges, and as its remedy the stretch that fits.
    public static func check(_ found: ValueSample, for stretch: StretchRule, in place: String) throws(BenchmarksError) {
        guard let expected = PixelUnit(expectedBy: stretch), let unit = found.unit,
            let fitting = unit.stretch(instead: stretch, high: found.high)
        else { return }
        throw BenchmarksError(
            .badForm, "the images hold \(unit.rawValue); the weights take \(expected.rawValue)", in: place,
            why: found.ranges + ["the weights' stretch is \(stretch.text)"],
            try: "\(Setting.stretch) \(fitting.text)")
    }

    /// Refuses values that do not fit the statistics of a set: those of a band whose 99th percentiles differ more than eightfold.
    ///
    /// - Parameter statistics: Those of the bands, in their order.
    /// - Throws: `BenchmarksError` (`badForm`) that names both ranges.
    public static func check(
        _ found: ValueSample, against statistics: [BandStatistics], in place: String
    ) throws(BenchmarksError) {
        for (index, expected) in statistics.enumerated() where found.quantiles.indices.contains(index) {
            let (mine, theirs) = (found.quantiles[index][2], expected.percentile99)
            guard mine > 0, theirs > 0, mine / theirs > 8 || theirs / mine > 8 else { continue }
            throw BenchmarksError(
                .badForm, "the images of the set and its statistics are in different units", in: place,
                why: [
                    "\(found.bands[index]): 1 % of the images' values are above \(short(mine)), of the statistics' above \(short(theirs))"
                ],
                try:
                    "get the set's files again, or take the statistics from its training images: \(Setting.measuredStatistics)"
            )
        }
    }
}

/// A number with four digits.
private func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    var scale = 1.0
    while abs(value) * scale < 1000, scale < 1e12 { scale *= 10 }
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
}

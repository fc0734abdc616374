// Whether values are 8-bit colours, reflectances, or reflectances times 10,000: confusing them spoils scores without an error.
public import Geo

/// What the values of images are.
public enum PixelUnit: String, Sendable, Codable, CaseIterable {
    /// Colours of 8 bits, 0 to 255.
    case bytes = "8-bit values"
    /// Reflectances, about 0 to 1.
    case reflectance = "reflectances from 0 to 1"
    /// Digital numbers: reflectances times 10,000.
    case digitalNumbers = "digital numbers (reflectances times 10,000)"

    /// The unit of values with these quantiles; `nil` where it cannot be told: nothing but zeros, or clearly negative values, as of radar.
    ///
    /// - Parameters:
    ///   - low: The value that a hundredth of the values is below, of the band in which it is smallest.
    ///   - high: The value that a hundredth of the values is above, of the band in which it is largest.
    ///   - isWhole: Whether all values are whole numbers.
    ///   - type: How they are stored. Small numbers of 16 bits are a dark scene, not colours.
    public init?(low: Double, high: Double, isWhole: Bool, type: StoredNumber) {
        if type == .bytes {
            self = .bytes
        } else if high <= 0 || low < -0.05 * high {
            return nil
        } else if !isWhole, high <= 4 {
            self = .reflectance
        } else if type == .real, isWhole, high <= 255 {
            self = .bytes
        } else {
            self = .digitalNumbers
        }
    }

    /// What values a stretch expects; `nil` for percentiles, which take any.
    public init?(expectedBy rule: StretchRule) {
        switch rule {
        case .none: self = .bytes
        case .fixed(_, let high): self = high <= 4 ? .reflectance : high <= 255 ? .bytes : .digitalNumbers
        case .percentile: return nil
        }
    }

    /// The stretch that does to these values what a rule does to the values that it expects; `nil` where the rule expects these.
    ///
    /// Digital numbers and reflectances differ by the factor 10,000; 8-bit colours are stretched already.
    ///
    /// - Parameter high: The value that a hundredth of the values is above.
    public func stretch(instead of: StretchRule, high: Double) -> StretchRule? {
        guard let expected = PixelUnit(expectedBy: of), expected != self else { return nil }
        if self == .bytes { return StretchRule.none }
        if case .fixed(let low, let high) = of, expected != .bytes {
            let factor = self == .digitalNumbers ? 10_000.0 : 1 / 10_000.0
            let scaled = StretchRule.fixed(low: Self.rounded(low * factor), high: Self.rounded(high * factor))
            // A range that fits neither unit well would be refused in turn.
            if PixelUnit(expectedBy: scaled) == self { return scaled }
        }
        // Where 8-bit colours are expected: the stretch of Sentinel-2's true-colour images. Brighter values are not reflectances of
        // land, but colours that were divided by 255, or snow.
        if self == .digitalNumbers { return .fixed(low: 0, high: 3000) }
        return .fixed(low: 0, high: high > 0.6 ? 1 : 0.3)
    }

    /// Drops the last digits, which multiplication makes inexact.
    private static func rounded(_ value: Double) -> Double { (value * 1e9).rounded() / 1e9 }
}

/// How numbers of images are stored, as far as their unit depends on it.
public enum StoredNumber: Sendable, Hashable {
    /// Whole numbers of 8 bits without sign.
    case bytes
    /// Other whole numbers.
    case whole
    /// Floating-point numbers.
    case real
}

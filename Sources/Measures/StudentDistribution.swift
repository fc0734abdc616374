// Quantiles of Student's t distribution, for intervals of few images.

#if canImport(Glibc)
    internal import Glibc
#endif

/// The distribution of the mean of a few normal numbers, in units of its estimated standard error.
package enum StudentDistribution {
    /// Above so many degrees of freedom the series by the normal distribution is right to ten digits.
    private static let largestExact = 200

    /// The value below which a share of the distribution lies.
    ///
    /// Up to 200 degrees of freedom it is found by bisection on the closed forms 26.7.3 and 26.7.4 of Abramowitz and Stegun 1964, above by
    /// their series 26.7.5.
    ///
    /// - Parameters:
    ///   - share: Between 0 and 1, both excluded.
    ///   - freedom: Degrees of freedom, 1 or more.
    package static func quantile(_ share: Double, freedom: Int) -> Double {
        precondition(share > 0 && share < 1, "a share must be between 0 and 1, got \(share)")
        precondition(freedom > 0, "there is one degree of freedom or more, got \(freedom)")
        if share > 0.5 { return -quantile(1 - share, freedom: freedom) }
        if freedom > largestExact { return series(NormalDistribution.quantile(share), Double(freedom)) }
        let within = 1 - 2 * share
        var (low, high) = (0.0, Double.pi / 2)
        for _ in 0..<64 {
            let middle = low + (high - low) / 2
            if shareWithin(middle, freedom) < within { low = middle } else { high = middle }
        }
        return -tan(low + (high - low) / 2) * Double(freedom).squareRoot()
    }

    /// The share between -t and t, of the angle whose tangent is t divided by the root of the degrees of freedom.
    private static func shareWithin(_ angle: Double, _ freedom: Int) -> Double {
        let cosine = cos(angle)
        let isOdd = freedom % 2 == 1
        var term = isOdd ? cosine : 1
        var sum = freedom > 1 ? term : 0
        // Factors 2/3, 4/5 and so on for odd degrees of freedom, 1/2, 3/4 and so on for even ones.
        for divisor in stride(from: isOdd ? 3 : 2, through: freedom - 2, by: 2) {
            term *= cosine * cosine * Double(divisor - 1) / Double(divisor)
            sum += term
        }
        return isOdd ? 2 / Double.pi * (angle + sin(angle) * sum) : sin(angle) * sum
    }

    private static func series(_ z: Double, _ freedom: Double) -> Double {
        let square = z * z
        let first = (square + 1) / 4
        let second = ((5 * square + 16) * square + 3) / 96
        let third = (((3 * square + 19) * square + 17) * square - 15) / 384
        let fourth = ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160
        return z + z * (first + (second + (third + fourth / freedom) / freedom) / freedom) / freedom
    }
}

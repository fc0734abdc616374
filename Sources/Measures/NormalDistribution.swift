// The standard normal distribution: the share of its values below a given one, and the other way round.

#if canImport(Glibc)
    internal import Glibc
#endif

/// The normal distribution of mean 0 and standard deviation 1.
package enum NormalDistribution {
    /// The share of the distribution below `x`.
    package static func share(below x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

    /// The value below which a share of the distribution lies; infinite for shares of 0 and 1.
    ///
    /// Halley's steps on `share(below:)`, which each treble the right digits, from the rational approximation 26.2.23 of Abramowitz and
    /// Stegun 1964, whose error is below 4.5e-4.
    package static func quantile(_ share: Double) -> Double {
        precondition(share >= 0 && share <= 1, "a share must be between 0 and 1, got \(share)")
        if share == 0 { return -.infinity }
        if share > 0.5 { return -quantile(1 - share) }
        let t = (-2 * log(share)).squareRoot()
        let numerator = 2.515517 + t * (0.802853 + t * 0.010328)
        let denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
        var x = numerator / denominator - t
        for _ in 0..<3 {
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            let step = (Self.share(below: x) - share) / density
            x -= step / (1 + x * step / 2)
        }
        return x
    }
}

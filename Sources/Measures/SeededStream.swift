// Random numbers for resampling, the same in every run that starts with the same seed.

/// A stream of random bits: SplitMix64.
///
/// Each step adds 2^64 divided by the golden ratio to the state and mixes a copy of it. The step and the constants of the mix (David
/// Stafford's variant 13) are those of Steele, Lea and Flood 2014 (Fast splittable pseudorandom number generators, OOPSLA).
package struct SeededStream: RandomNumberGenerator, Sendable, Hashable {
    private var state: UInt64

    /// Starts the stream of a seed.
    package init(seed: UInt64) { state = seed }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A whole number from 0 to `bound` - 1, each exactly as likely as the others.
    ///
    /// The high word of the product of 64 bits and the bound; products whose low word falls into the part that would favour some
    /// numbers are drawn again (Lemire 2019, Fast random integer generation in an interval).
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "a bound must be above 0, got \(bound)")
        let width = UInt64(bound)
        var product = next().multipliedFullWidth(by: width)
        if product.low < width {
            let surplus = (UInt64(0) &- width) % width
            while product.low < surplus { product = next().multipliedFullWidth(by: width) }
        }
        return Int(product.high)
    }
}

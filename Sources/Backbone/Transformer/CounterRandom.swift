// Random numbers that are a function of what they are for, so that a resumed run draws what an unbroken one draws.

/// A generator whose numbers follow from a key alone: the seed, and where the numbers are used.
///
/// SplitMix64 (Steele, Lea and Flood 2014) started at a hash of the key.
package struct CounterRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Makes the generator of a place, such as `[step, entry, block]`.
    package init(seed: UInt64, path: [Int]) {
        var state = Self.mixed(seed &+ 0x5851_f42d_4c95_7f2d)
        for part in path { state = Self.mixed(state ^ UInt64(bitPattern: Int64(part)) &* 0xd6e8_feb8_6659_fd93) }
        self.state = state
    }

    private static func mixed(_ word: UInt64) -> UInt64 {
        var z = word &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        let word = Self.mixed(state)
        state &+= 0x9e37_79b9_7f4a_7c15
        return word
    }

    /// A number from 0 up to, but not including, 1.
    package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number between two bounds.
    package mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

    /// A whole number from 0 to `count - 1`.
    package mutating func integer(below count: Int) -> Int {
        precondition(count > 0, "a random integer needs at least one choice, got \(count)")
        return Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// `0 ..< count` in random order (Fisher and Yates).
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, integer(below: last + 1)) }
        return order
    }
}

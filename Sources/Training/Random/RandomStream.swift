// Random numbers that are a function of what they are for, not of when they are drawn.

/// A counter-based generator: the n-th number is a hash of a key and n, so equal keys give equal numbers.
///
/// The key is made of the run's seed and of what the numbers are for (step, sample, crop). Nothing is carried from one
/// step to the next, which is why a resumed run draws what an uninterrupted one draws, at any number of threads. The
/// hash is the finaliser of SplitMix64 (Steele, Lea, Flood 2014) applied twice with two halves of a 128-bit key.
public struct RandomStream: RandomNumberGenerator, Sendable {
    /// What a stream is for; keeps streams of equal numbers apart.
    public enum Purpose: UInt64, Sendable {
        /// Initial weights.
        case weights = 1
        /// The order of tiles.
        case order
        /// Acceptance of tiles by weight.
        case acceptance
        /// Place, size and look of a crop.
        case crop
        /// Which patches are hidden.
        case masks
        /// Rescaling of positions and dropped paths in the network.
        case network
        /// Which sizes the crops of a step have.
        case sizes
        /// Whether the tiles of a step come from one part of the corpus.
        case homogeneous
    }

    private let low: UInt64
    private let high: UInt64
    private var counter: UInt64 = 0

    /// Makes the stream for a purpose.
    ///
    /// - Parameters:
    ///   - seed: The run's seed.
    ///   - purpose: What the numbers are for.
    ///   - path: Where they are used, such as step, sample and crop.
    public init(seed: UInt64, _ purpose: Purpose, _ path: Int...) {
        var low = Self.mixed(seed ^ 0x6765_6f64_696e_6f31)
        var high = Self.mixed(low ^ purpose.rawValue &* 0x9e37_79b9_7f4a_7c15)
        for step in path {
            let word = UInt64(bitPattern: Int64(step))
            low = Self.mixed(low ^ (word &+ 0x9e37_79b9_7f4a_7c15))
            high = Self.mixed(high &+ low ^ (word &* 0xd134_2543_de82_ef95))
        }
        self.low = low
        self.high = high
    }

    /// A well-mixed function of one word, one-to-one.
    @inlinable
    package static func mixed(_ word: UInt64) -> UInt64 {
        var z = word &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        counter &+= 1
        return Self.mixed(Self.mixed(counter ^ low) &+ high)
    }

    /// A number from 0 up to, but not including, 1; 53 random bits.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number between two bounds.
    public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

    /// A whole number from 0 to `count - 1`, without bias (Lemire 2019).
    public mutating func integer(below count: Int) -> Int {
        precondition(count > 0, "a random integer needs at least one choice, got \(count)")
        let bound = UInt64(count)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// True with a probability of 0 to 1; draws one number in any case.
    public mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// Puts the elements in random order (Fisher and Yates).
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, integer(below: last + 1))
        }
    }
}
